"""Turn sentences into tokens and tokens into numbers, and back.

Training, inference and evaluation all use `tokenize`. It follows COCO's caption evaluation: Penn
Treebank tokens, lower case, no punctuation, numbers and hyphenated words whole. nltk's tokenizer
splits (it needs no corpus); its differences from Stanford's, which COCO runs, are corrected: full
stops inside a text and at abbreviations. One bug of COCO's is left out on purpose: it lower-cases
``-LRB-`` before looking it up among the punctuation to drop, and so keeps brackets as words; here
they are dropped, as are smileys and runs of marks (``!!!``). On the 35,000 captions of Flickr8k's
train and dev images this tokenizer and COCO's differ in 3 of 10,000.

References:
    Chen et al. 2015, "Microsoft COCO Captions: Data Collection and Evaluation Server", section 3.1.
    Marcus et al. 1993, "Building a Large Annotated Corpus of English: The Penn Treebank".
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Protocol, cast, runtime_checkable

PAD_ID, BOS_ID, EOS_ID, UNK_ID = 0, 1, 2, 3
SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
MAX_CHARACTERS = 10_000


def tokenize(text: str) -> list[str]:
    """Split a text into lower-case words and numbers, without punctuation.

    No token is ever a special token: angle brackets are punctuation like the others. Control and
    zero-width characters are ignored.

    Raises:
        ValueError: If the text has more than 10,000 characters.

    Example:
        >>> tokenize("A man's T-shirt, size 3.5, can't be <pad>!")
        ['a', 'man', "'s", 't-shirt', 'size', '3.5', 'ca', "n't", 'be', 'pad']
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(
            f"A text to tokenize may have at most {MAX_CHARACTERS:,} characters, this one has "
            f"{len(text):,} and begins {text[:40]!r}. Cut it into sentences."
        )
    plain = _clean(text)
    words = [part for word in plain.split(" ") for part in _split_stop(word)]
    simple = _SIMPLE.fullmatch(plain)
    if not simple:
        # The stop added is the one nltk takes for the sentence's last: it then leaves all others.
        words = _treebank().tokenize(" ".join([*words, "."]))
    stripped = [word.strip("-,") for word in words]
    if simple and ("'" in plain or "cannot" in plain):
        stripped = [part for word in stripped for part in _split_contraction(word)]
    return [word for word in stripped if not _PUNCTUATION.issuperset(word)]


def detokenize(tokens: Sequence[str]) -> str:
    """Join the tokens of `tokenize` into a readable sentence, contractions in one word.

    Example:
        >>> detokenize(["a", "man", "'s", "dog", "ca", "n't", "run"])
        "a man's dog can't run"
    """
    return _SPLIT_OFF.sub(r"\1", _SPLIT_IN_TWO.sub(r"\1\2", " ".join(tokens)))


_SPLIT_OFF = re.compile(r"(?<=\w) ('(?:s|m|d|ll|re|ve)|n't)(?!\S)")
_SPLIT_IN_TWO = re.compile(r"(?<!\S)(gim|lem|gon|got|wan) (me|na|ta)(?!\S)")


# A token of these characters alone is dropped: COCO's list, brackets, and the characters that
# Stanford's tokenizer replaces by one of them (curly quotes, dashes, the ellipsis).
_PUNCTUATION = frozenset("'`\".?!,:;-()[]{}<>‘’‚‛“”„«»‹›‐‑‒–—―…")

_INVISIBLE = ("Cc", "Cf", "Cs")  # control, format (the zero-width ones) and lone surrogates

# Most sentences are plain words, with commas and a last stop, which the Treebank rules split at the
# spaces and before the common contractions; skipping these rules saves most of the time, and two
# seconds of importing nltk. Possessive quantifiers (++): no text can make the matching slow.
_CONTRACTION = re.compile(r"([a-z]+)(n't|'(?:s|m|d|ll|re|ve))|(can)(not)")
_SIMPLE = re.compile(
    r"(?!.*\b(?:(?<![^ ])cannot(?![ ,]|\.?$)|(?<=[^ ])cannot|gimme|gonna|gotta|lemme|wanna)\b)"
    r"(?!.*(?:cannot|gimme|gonna|gotta|lemme|wanna)n't)"
    r"(?: ++|(?:[a-z0-9]++(?:-[a-z0-9]++)*+|[a-z]+(?:n't|'(?:s|m|d|ll|re|ve)))(?=[ ,]|\.?$)"
    r"|,(?= |$)|\.$)*+"
)


def _split_contraction(word: str) -> tuple[str, ...]:
    match = _CONTRACTION.fullmatch(word)
    return tuple(filter(None, match.groups())) if match else (word,)


def _clean(text: str) -> str:
    """Keep visible characters and single spaces, compose (NFC) and convert to lower case."""
    text = " ".join(text.split())
    if not text.isprintable():
        text = "".join(c for c in text if unicodedata.category(c) not in _INVISIBLE)
    if not text.isascii():
        text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
        text = text.replace("’", "'").replace("…", " ... ")
    return text.lower()


# Stanford's list, without those that are everyday words (ark, del, ill, la, mass, miss, ore, pa,
# tex, wash) and those it takes for abbreviations before a number only (no, fig).
_ABBREVIATION = re.compile(
    r"""(?:[a-z]+\.)*[a-z]\. |  # a. u.s. p.m. ph.d.
    (?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mon|tues?|wed|thu|thurs|fri
    |ala|ariz|calif|colo|conn|ct|dak|fla|ga|ind|kans?|ky|md|mich|minn|mo|mont|neb|nev|okla|penn
    |tenn|va|vt|wisc?|wyo|inc|cos?|corp|ltd|plc|rt|assn|univ|intl|dept|ph|jr|sr|bros|blvd|rd|esq
    |mr|mrs|ms|drs?|profs?|sen|rep|atty|lt|col|gen|messrs|gov|adm|rev|maj|sgt|cpl|pvt|capt|ste?
    |ave|pres|lieut|hon|brig|comdr|cmdr|pfc|spc|supt|det|etc|al|seq|vs|est|ft|mt|tel|alex|wm|jos
    |sq|mfg|cf)\.""",
    re.VERBOSE,
)


def _split_stop(word: str) -> tuple[str, ...]:
    """Split a word from its final full stop, unless it is an abbreviation."""
    closed = word.rstrip("\"'”’)]}>,;:?!")
    bare = closed.rstrip(".")
    if bare in (closed, "") or _ABBREVIATION.fullmatch(closed):
        return (word,)
    return bare, "." + word[len(closed) :]


@runtime_checkable
class _WordTokenizer(Protocol):
    def tokenize(self, text: str) -> list[str]: ...


@cache
def _treebank() -> _WordTokenizer:
    # nltk takes half a second and more to import: not before the first sentence that needs it.
    from nltk.tokenize.destructive import NLTKWordTokenizer

    return cast(_WordTokenizer, NLTKWordTokenizer())


class Vocabulary:
    """The words of a model with their ids.

    The four special tokens have the ids 0 to 3 (``<pad> <bos> <eos> <unk>``). They are never words:
    a word of a text with the same spelling is unknown.

    Args:
        tokens: All tokens in the order of their ids, the four special ones first.

    Raises:
        ValueError: If the special tokens are not first, or a token occurs twice or is empty.
        TypeError: If a token is not a string.

    Example:
        >>> vocabulary = Vocabulary.build([["a", "dog"], ["a", "red", "dog"], ["a", "cat"]])
        >>> vocabulary.to_list()
        ['<pad>', '<bos>', '<eos>', '<unk>', 'a', 'dog', 'cat', 'red']
        >>> vocabulary.encode(["a", "blue", "cat"])
        [4, 3, 6]
        >>> vocabulary.decode([1, 4, 6, 2, 0, 0])
        ['a', 'cat']
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        tokens = list(tokens)
        _check_tokens(tokens)
        self._tokens = tokens
        first = len(SPECIALS)
        self._ids = {token: id_ for id_, token in enumerate(tokens[first:], start=first)}

    @classmethod
    def build(
        cls,
        sentences: Iterable[Sequence[str]],
        *,
        min_count: int = 1,
        max_size: int | None = None,
    ) -> "Vocabulary":
        """Collect the words of tokenized sentences, most frequent first, ties alphabetically.

        Args:
            sentences: Lists of words, in any order.
            min_count: Rarer words are left out.
            max_size: The most tokens, the four special ones included.

        Raises:
            ValueError: If `min_count` is below 1 or `max_size` leaves no room for the specials.
            TypeError: If a sentence is one string and not a list of words.
        """
        if min_count < 1:
            raise ValueError(f"`min_count` must be at least 1, got {min_count}.")
        if max_size is not None and max_size < len(SPECIALS):
            raise ValueError(
                f"`max_size` counts the {len(SPECIALS)} special tokens and must be at least that, "
                f"got {max_size}."
            )
        counts: Counter[str] = Counter()
        for sentence in sentences:
            if isinstance(sentence, str):
                raise TypeError(
                    f"A sentence must be a list of words, got the string {sentence[:40]!r}. "
                    "Call `tokenize` on it first."
                )
            counts.update(sentence)
        words = [word for word, count in counts.items() if count >= min_count]
        words = sorted(
            set(words).difference(SPECIALS, [""]), key=lambda word: (-counts[word], word)
        )
        return cls([*SPECIALS, *words][:max_size])

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """Return the id of each word, 3 for an unknown one; no ``<bos>`` or ``<eos>`` is added."""
        return [self._ids.get(token, UNK_ID) for token in tokens]

    def decode(self, ids: Sequence[int]) -> list[str]:
        """Return the words of a sequence of ids up to ``<eos>``, without ``<pad>`` and ``<bos>``.

        Raises:
            ValueError: If an id is not in this vocabulary.
        """
        words = []
        for id_ in ids:
            if not 0 <= id_ < len(self._tokens):
                raise ValueError(
                    f"Token number {id_} is not in this vocabulary of {len(self._tokens)}. "
                    "Do the model and the vocabulary come from the same checkpoint?"
                )
            if id_ == EOS_ID:
                break
            if id_ not in (PAD_ID, BOS_ID):
                words.append(self._tokens[id_])
        return words

    def to_list(self) -> list[str]:
        """List all tokens in the order of their ids, as `Vocabulary` takes them."""
        return list(self._tokens)

    def __len__(self) -> int:
        return len(self._tokens)

    def __contains__(self, word: object) -> bool:
        """Return whether the word has an id; False for the special tokens."""
        return word in self._ids

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens)"


def _check_tokens(tokens: list[str]) -> None:
    for position, token in enumerate(tokens):
        if not isinstance(token, str):
            raise TypeError(
                f"A vocabulary must be a list of strings, got {token!r} at position {position}."
            )
    if tuple(tokens[: len(SPECIALS)]) != SPECIALS:
        raise ValueError(
            f"A vocabulary must begin with {', '.join(SPECIALS)}, this one begins with "
            f"{tokens[: len(SPECIALS)]}. Use `Vocabulary.build` to make one from sentences."
        )
    if "" in tokens:
        raise ValueError(f"A vocabulary has an empty token at position {tokens.index('')}.")
    if len(set(tokens)) < len(tokens):
        twice, count = Counter(tokens).most_common(1)[0]
        raise ValueError(
            f"Every token of a vocabulary must be there once, {twice!r} is there {count} times."
        )
