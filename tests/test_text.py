import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal import text as text_module
from multimodal.text import (
    BOS_ID,
    EOS_ID,
    PAD_ID,
    SPECIALS,
    UNK_ID,
    Vocabulary,
    detokenize,
    tokenize,
)

# The right-hand sides are what COCO's evaluation (Stanford's PTBTokenizer 3.4.1 with its flags,
# then its list of punctuation) makes of the left-hand sides.
AS_COCO = {
    "A man's dog can't run.": "a man 's dog ca n't run",
    "A dog jumps over a log , and lands .": "a dog jumps over a log and lands",
    "A \"quoted\" sign that says ''stop''": "a quoted sign that says stop",
    "a t-shirt-wearing 3-year-old boy -- running": "a t-shirt-wearing 3-year-old boy running",
    "It costs $3.50 & 50% off": "it costs $ 3.50 & 50 % off",
    "the U.S. flag and Mr. Smith's car.": "the u.s. flag and mr. smith 's car",
    "he's she'll they've I'm don't gonna cannot": (
        "he 's she 'll they 've i 'm do n't gon na can not"
    ),
    "the boys' bikes": "the boys bikes",
    "10:30 a.m. 5 p.m.": "10:30 a.m. 5 p.m.",
    "skiing.The dog jumps.": "skiing.the dog jumps",
    "A man runs. A dog runs.": "a man runs a dog runs",
    "12,000 people": "12,000 people",
    "a man,a woman": "a man a woman",
    "wait ... no; yes: a": "wait no yes a",
    "e.g. a dog, etc.": "e.g. a dog etc.",
    "café naïve “smart” ‘quotes’ – dash — dash…": "café naïve smart quotes dash dash",
    "the dog's.": "the dog 's",
    "o'clock": "o'clock",
    "snow boarding/skiing #1": "snow boarding/skiing # 1",
    "a man in Washington D.C.": "a man in washington d.c.",
    "a -ependent -b": "a ependent b",
    "A PARTY IN A PARK.": "a party in a park",
    "-": "",
    "...": "",
    "": "",
}


@pytest.mark.parametrize("text", AS_COCO)
def test_tokens_are_those_of_coco_evaluation(text):
    assert tokenize(text) == AS_COCO[text].split()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a dog (big) [red] {x} runs", "a dog big red x runs"),
        ("hello!!! :-)", "hello"),
        ("a cat ?!", "a cat"),
    ],
)
def test_brackets_and_runs_of_marks_are_dropped_where_coco_keeps_them(text, tokens):
    assert tokenize(text) == tokens.split()


@pytest.mark.parametrize("special", SPECIALS)
def test_a_special_token_in_a_text_never_becomes_one(special):
    vocabulary = Vocabulary.build([tokenize(f"a {special} b{special}"), [special]])
    assert special not in tokenize(f"a {special} b{special} <{special}>")
    assert vocabulary.encode([special]) == [UNK_ID]
    assert special not in vocabulary


def test_invisible_characters_are_removed_and_accents_composed():
    assert tokenize("a\u200b do\u00adg\x00\ufeff ru\u200dns\ud800") == ["a", "dog", "runs"]
    assert tokenize("cafe\u200b\u0301") == ["caf\u00e9"]
    assert tokenize("a\tdog\nruns\u00a0on\u2028grass") == ["a", "dog", "runs", "on", "grass"]


def test_a_text_in_another_script_stays_words():
    assert tokenize("Ein Hund läuft über die Straße.") == [
        "ein",
        "hund",
        "läuft",
        "über",
        "die",
        "straße",
    ]
    assert tokenize("собака бежит") == ["собака", "бежит"]


def test_a_caption_of_500_words_is_tokenised_whole():
    assert tokenize("word " * 500) == ["word"] * 500


def test_a_text_over_ten_thousand_characters_is_refused():
    assert tokenize("a" * 10_000) == ["a" * 10_000]
    with pytest.raises(ValueError, match=r"at most 10,000 characters.*10,001.*'aaaa.*Cut it"):
        tokenize("a" * 10_001)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=80))
def test_tokens_of_any_text_are_plain(text):
    for token in tokenize(text):
        assert token
        assert token == token.strip()
        assert token not in SPECIALS
        assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in token)


WORDS = st.sampled_from(
    ["a", "man", "t-shirt", "3", "dog's", "cannot", "gonna", "wanna-be", "etc.", "u.s.", "red,"]
)


@settings(deadline=None, max_examples=50)
@given(st.lists(WORDS, max_size=12).map(" ".join), st.sampled_from(["", ".", " .", ",", "!"]))
def test_tokenising_tokens_again_changes_nothing(text, end):
    tokens = tokenize(text + end)
    assert tokenize(" ".join(tokens)) == tokens


PIECES = [
    "a",
    "can",
    "not",
    "cannot",
    "n't",
    "'s",
    "'",
    "'ll",
    "'t",
    "it",
    "d'ye",
    "more'n",
    "gonna",
]
PIECES += ["we", "'re", "1", " ", " ", " ", ",", ".", "-", "'d", "'ve", "'m", "mr.", "N'T", "s'"]
TEXTS = st.text(alphabet="ab1 ,.-", max_size=30) | st.lists(st.sampled_from(PIECES)).map("".join)


@settings(deadline=None, max_examples=200)
@given(TEXTS)
def test_the_short_cut_for_plain_captions_equals_the_treebank_rules(text):
    shortcut = tokenize(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_module, "_SIMPLE", text_module.re.compile("(?!)"))
        assert tokenize(text) == shortcut


def test_everyday_contractions_take_the_short_cut(monkeypatch):
    monkeypatch.setattr(text_module, "_treebank", None)
    assert tokenize("It's fine, we'll see.") == ["it", "'s", "fine", "we", "'ll", "see"]
    assert tokenize("It isn't, you cannot.") == ["it", "is", "n't", "you", "can", "not"]


@pytest.mark.parametrize(
    "text",
    ["a man's dog can't run", "they're gonna say he'd gotta", "we'll see i'm lemme", "a dog", ""],
)
def test_detokenising_gives_the_sentence_back(text):
    assert detokenize(tokenize(text)) == text


def test_detokenising_joins_only_split_contractions():
    assert detokenize(["got", "a", "'n'", "na"]) == "got a 'n' na"


def test_importing_text_brings_neither_torch_nor_nltk():
    code = "import sys, multimodal.text; sys.exit('torch' in sys.modules or 'nltk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.data
def test_tokens_equal_the_stored_forms_of_coco_evaluation():
    total, different = 0, 0
    for raw, stored in _stored_pairs():
        total += 1
        different += " ".join(tokenize(raw)) != stored
    assert total > 700
    assert different == 0


def _stored_pairs():
    root = Path(os.environ["MULTIMODAL_DATA"])
    files = sorted((root / "metrics_flickr8k_dev").glob("*.json"))
    for file in [*files, root / "coco_tiny" / "fakecap_50" / "fakecap_50_gold.json"]:
        gold = json.loads(file.read_text(encoding="utf-8"))
        for image, stored in gold.get("tokenized_references", {}).items():
            yield from zip(gold["references"][image], stored, strict=True)
            yield gold["candidates"][image], gold["tokenized_candidates"][image]


def test_words_are_ordered_by_count_then_alphabet():
    vocabulary = Vocabulary.build([["b", "a", "c"], ["c", "b"], ["c", "d"]])
    assert vocabulary.to_list() == [*SPECIALS, "c", "b", "a", "d"]


def test_rare_words_and_words_past_the_size_are_left_out():
    sentences = [["a", "b", "c"], ["a", "b"], ["a"]]
    assert Vocabulary.build(sentences, min_count=2).to_list() == [*SPECIALS, "a", "b"]
    assert Vocabulary.build(sentences, max_size=5).to_list() == [*SPECIALS, "a"]
    assert len(Vocabulary.build(sentences, max_size=4)) == 4
    assert repr(Vocabulary.build(sentences)) == "Vocabulary(7 tokens)"


def test_unknown_words_become_unk():
    vocabulary = Vocabulary.build([["a"]])
    assert vocabulary.encode(["a", "zebra"]) == [4, UNK_ID]
    assert "a" in vocabulary
    assert "zebra" not in vocabulary


def test_decoding_stops_at_eos_and_drops_padding():
    vocabulary = Vocabulary([*SPECIALS, "a", "b"])
    ids = [BOS_ID, 4, PAD_ID, UNK_ID, 5, EOS_ID, 4]
    assert vocabulary.decode(ids) == ["a", "<unk>", "b"]


TOKENS = st.text(min_size=1, max_size=8).filter(lambda token: token not in SPECIALS)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(TOKENS, max_size=6), min_size=1, max_size=6))
def test_encoding_then_decoding_is_the_identity(sentences):
    vocabulary = Vocabulary.build(sentences)
    again = Vocabulary(vocabulary.to_list())
    for sentence in sentences:
        assert vocabulary.decode(vocabulary.encode(sentence)) == sentence
        assert again.encode(sentence) == vocabulary.encode(sentence)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(TOKENS, max_size=6), max_size=6), st.randoms())
def test_the_order_of_sentences_does_not_matter(sentences, random):
    shuffled = random.sample(sentences, len(sentences))
    assert Vocabulary.build(sentences).to_list() == Vocabulary.build(shuffled).to_list()


def test_a_list_without_the_specials_is_refused():
    with pytest.raises(ValueError, match=r"must begin with <pad>, <bos>, <eos>, <unk>.*\['a', 'b'"):
        Vocabulary(["a", "b", "c", "d", "e"])
    with pytest.raises(ValueError, match="must begin with"):
        Vocabulary([])


def test_a_list_with_a_token_twice_is_refused():
    with pytest.raises(ValueError, match="must be there once, 'a' is there 2 times"):
        Vocabulary([*SPECIALS, "a", "b", "a"])
    with pytest.raises(ValueError, match="'<pad>' is there 2 times"):
        Vocabulary([*SPECIALS, "a", "<pad>"])


def test_an_empty_token_is_refused():
    with pytest.raises(ValueError, match="empty token at position 5"):
        Vocabulary([*SPECIALS, "a", ""])


def test_a_token_that_is_not_a_string_is_refused():
    # Called without the annotations' check, as it is outside of the tests.
    check = getattr(text_module._check_tokens, "__wrapped__", text_module._check_tokens)
    with pytest.raises(TypeError, match="list of strings, got 7 at position 4"):
        check([*SPECIALS, 7])


def test_a_sentence_that_is_one_string_is_refused():
    with pytest.raises(
        TypeError, match=r"must be a list of words, got the string 'a dog'.*tokenize"
    ):
        Vocabulary.build(["a dog"])


def test_sizes_out_of_range_are_refused():
    with pytest.raises(ValueError, match="`min_count` must be at least 1, got 0"):
        Vocabulary.build([["a"]], min_count=0)
    with pytest.raises(ValueError, match=r"`max_size` counts the 4 special tokens.*got 3"):
        Vocabulary.build([["a"]], max_size=3)


def test_a_number_outside_of_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match=r"number 9 is not in this vocabulary of 5.*checkpoint"):
        Vocabulary([*SPECIALS, "a"]).decode([4, 9])
