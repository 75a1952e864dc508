"""A trained language model as a function from a prompt to a text.

`Writer` goes on where a prompt ends, word by word or character by character, until the model ends
the text or it is long enough. A seed repeats a text on every device. The writer keeps nothing from
one call to the next, so any number of threads may share one.

References:
    Graves 2013, "Generating sequences with recurrent neural networks", section 2; Fan et al. 2018,
    "Hierarchical neural story generation", section 5.4 (the likeliest k).
"""

import re
import secrets
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, get_args, overload

import torch

from multimodal.data.batches import collate_questions
from multimodal.data.documents import all_characters, all_words
from multimodal.decoding import Hypotheses, greedy, sample
from multimodal.inference.devices import Precision, arithmetic, check_precision, find_device
from multimodal.inference.rebuilding import read_vocabulary, rebuild, refusing
from multimodal.language_model.model import LanguageModel, LanguageModelSettings
from multimodal.language_model.result import Passage
from multimodal.saving import read_model
from multimodal.saving.checkpoint import SavedModel
from multimodal.text import EOS_ID, Vocabulary, detokenize

Level: TypeAlias = Literal["words", "characters"]

_LENGTHS = {"words": 60, "characters": 400}  # of a text, unless asked otherwise
_REMEMBERED = 2_000  # words or characters of a prompt; what lies farther back changes nothing
_LETTERS_OF_A_WORD = 50
_LINE_END = "\n"

_Search: TypeAlias = Callable[..., Hypotheses]


class Writer:
    """Write texts.

    Args:
        model: A trained language model; it is moved to the device and set to evaluation.
        vocabulary: Its words or characters.
        level: Which of the two they are.
        keep_lines: Whether the end of a line is a word of its own; of characters it always is.
        device: ``auto`` takes a GPU if there is one; otherwise any device that torch knows.
        precision: ``float32``, or ``bfloat16``: faster where the hardware has it, and less exact.

    Raises:
        ValueError: If model and vocabulary do not belong together, the device is not there, or
            `level` or `precision` is none of the names.

    Example:
        >>> from multimodal.language_model.model import TextEncoderSettings
        >>> settings = LanguageModelSettings(TextEncoderSettings(directions="ahead", hidden_dim=8))
        >>> words = Vocabulary.build([["a", "good", "film"]])
        >>> writer = Writer(LanguageModel(settings, len(words)), words)
        >>> passage = writer("A good", seed=0, max_length=4)
        >>> passage.text.startswith("A good"), set(passage.tokens) <= {"a", "good", "film"}
        (True, True)
    """

    def __init__(
        self,
        model: LanguageModel,
        vocabulary: Vocabulary,
        *,
        level: Level = "words",
        keep_lines: bool = False,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> None:
        known = model.embedding.num_embeddings
        if known != len(vocabulary):
            raise ValueError(
                f"The model knows {known} tokens and the vocabulary has {len(vocabulary)}. Take "
                "both from the same training."
            )
        if level not in get_args(Level):
            raise ValueError(f"`level` must be words or characters, got {level!r}.")
        check_precision(precision)
        self.device = find_device(device)
        self.precision = precision
        self.model = model.to(self.device).eval()
        self.vocabulary = vocabulary
        self.level = level
        self.keep_lines = keep_lines

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> "Writer":
        """Rebuild a language model from a saved model, which is read as data and never executed.

        Args:
            path: A shipped name, an exported folder, or a ``.ckpt`` file
                of a run of a language model.
            device: As for the class.
            precision: As for the class.

        Returns:
            The writer.

        Raises:
            FileNotFoundError: If there is no such model.
            ValueError: If it is no model of a language model, or does not fit this version.
        """
        saved = read_model(path, task="language_model")
        return cls.from_saved(saved, str(path), device=device, precision=precision)

    @classmethod
    def from_saved(
        cls,
        saved: SavedModel,
        source: str,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> "Writer":
        """Rebuild a language model from what `multimodal.saving.read_model` returned.

        Args:
            saved: Settings, words and weights.
            source: Where they come from, for messages.
            device: As for the class.
            precision: As for the class.

        Returns:
            The writer.

        Raises:
            ValueError: If the parts do not fit each other, or this version.
        """
        level, vocabulary = saved.extra.get("level", "words"), read_vocabulary(saved, source)
        with refusing(source):
            if level not in get_args(Level):
                raise KeyError(f"level {level}")
        model = rebuild(
            lambda: LanguageModel(
                LanguageModelSettings.for_loading(saved.settings), len(vocabulary)
            ),
            saved,
            source,
        )
        return cls(
            model,
            vocabulary,
            level=level,
            keep_lines=bool(saved.extra.get("keep_lines", False)),
            device=device,
            precision=precision,
        )

    @overload  # a str is an iterable of str too, but is one prompt: the first of the two counts
    def __call__(  # type: ignore[overload-overlap]
        self,
        prompts: str = ...,
        *,
        temperature: float = ...,
        top_k: int = ...,
        top_p: float = ...,
        seed: int | None = ...,
        max_length: int | None = ...,
        batch_size: int = ...,
    ) -> Passage: ...

    @overload
    def __call__(
        self,
        prompts: Iterable[str],
        *,
        temperature: float = ...,
        top_k: int = ...,
        top_p: float = ...,
        seed: int | None = ...,
        max_length: int | None = ...,
        batch_size: int = ...,
    ) -> list[Passage]: ...

    def __call__(
        self,
        prompts: str | Iterable[str] = "",
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
        max_length: int | None = None,
        batch_size: int = 32,
    ) -> Passage | list[Passage]:
        """Go on where a prompt ends, or each of many.

        Args:
            prompts: One prompt, or many; an empty one begins anew. The same prompt several times
                gets several texts.
            temperature: Below 1 likely words grow likelier, above 1 rarer ones; at 0 always the
                likeliest is taken, and nothing is left to chance.
            top_k: Draw only from the so many likeliest words; 0 from all.
            top_p: Draw only from the fewest words that together have this probability; 1 from all.
            seed: Repeats the texts of the same prompts; another one each time unless it is given.
            max_length: Most words, or characters, written after a prompt; by default 60 words or
                400 characters.
            batch_size: Texts that are written side by side.

        Returns:
            One passage for one prompt; for many a list of passages in their order.

        Raises:
            TypeError: If a prompt is not a string.
            ValueError: If an option is out of range.
        """
        one = isinstance(prompts, str)
        if not one and (not isinstance(prompts, Iterable) or isinstance(prompts, bytes)):
            raise TypeError(
                f"`prompts` must be a string or a sequence of them, got {type(prompts).__name__}."
            )
        _check(temperature, top_p, seed)
        least = {"top_k": (top_k, 0), "max_length": (max_length, 1), "batch_size": (batch_size, 1)}
        for name, (value, lowest) in least.items():
            if value is not None and value < lowest:
                raise ValueError(f"`{name}` must be {lowest} or more, got {value}.")
        seed = secrets.randbelow(10**9) if seed is None else seed
        search: _Search = greedy
        if temperature:
            generator = torch.Generator().manual_seed(seed)
            search = partial(
                sample, generator=generator, temperature=temperature, top_k=top_k, top_p=top_p
            )
        search = partial(search, max_length=max_length or _LENGTHS[self.level])
        read = [
            self._read(each, number) for number, each in enumerate([prompts] if one else prompts)
        ]
        passages: list[Passage] = []
        for start in range(0, len(read), batch_size):
            passages += self._write(read[start : start + batch_size], search, seed)
        return passages[0] if one else passages

    def _read(self, prompt: object, number: int) -> "_Prompt":
        if not isinstance(prompt, str):
            raise TypeError(
                f"Prompt {number} (counted from 0) must be a string, got {type(prompt).__name__}."
            )
        end = prompt[-_REMEMBERED * _LETTERS_OF_A_WORD :]
        parts = split_prompt(end, self.level, keep_lines=self.keep_lines)
        known = parts[-_REMEMBERED:]
        unknown = dict.fromkeys(part for part in known if part not in self.vocabulary)
        cut = len(known) < len(parts) or len(end) < len(prompt)
        return _Prompt(prompt, known, tuple(unknown), cut)

    @torch.inference_mode()
    def _write(self, prompts: "list[_Prompt]", search: _Search, seed: int) -> list[Passage]:
        encoded = [self.vocabulary.encode(prompt.parts) for prompt in prompts]
        tokens, mask = (part.to(self.device) for part in collate_questions(encoded))
        tokens = tokens.long()  # of empty prompts alone they have no type
        with arithmetic(self.device, self.precision):
            found = search(self.model.step, self.model.begin(tokens, mask))
        written, chances = found.tokens[:, 0].tolist(), found.log_probs[:, 0].tolist()
        return [
            self._passage(prompt, row, chance, seed)
            for prompt, row, chance in zip(prompts, written, chances, strict=True)
        ]

    def _passage(self, prompt: "_Prompt", row: list[int], chance: float, seed: int) -> Passage:
        tokens = self.vocabulary.decode(row)
        if self.level == "characters":
            text = prompt.text + "".join(tokens)
        else:
            begun = prompt.text.rstrip(" ")
            gap = " " * bool(begun and not prompt.parts)  # after marks that are no words
            text = begun + gap + _continued(prompt.parts, tokens)
        return Passage(
            text=text,
            prompt=prompt.text,
            tokens=tuple(tokens),
            log_prob=chance,
            ended=EOS_ID in row,
            seed=seed,
            unknown=prompt.unknown,
            cut=prompt.cut,
        )


class _Prompt(NamedTuple):
    """A prompt as a model reads it."""

    text: str
    parts: list[str]
    unknown: tuple[str, ...]
    cut: bool


def split_prompt(prompt: str, level: Level, *, keep_lines: bool) -> list[str]:
    r"""Split a prompt into words or characters, as the texts of the training were split.

    Args:
        prompt: The beginning of a text.
        level: Which of the two.
        keep_lines: Whether the end of a line is a word.

    Returns:
        The parts. Of characters, a space or a line's end after the last one is kept: the model
        goes on from there.

    Example:
        >>> split_prompt("Roses are red,\nviolets", "words", keep_lines=True)
        ['roses', 'are', 'red', '\n', 'violets']
        >>> split_prompt("To be ", "characters", keep_lines=True)
        ['T', 'o', ' ', 'b', 'e', ' ']
    """
    if level == "characters":
        return all_characters(f"{prompt}.")[:-1]
    if not keep_lines:
        return all_words(prompt)
    first, *others = prompt.split(_LINE_END)
    return all_words(first) + [word for line in others for word in (_LINE_END, *all_words(line))]


def _continued(before: list[str], tokens: list[str]) -> str:
    """Write words so that they follow the last one of a prompt."""
    last = before[-1:]
    joined = _AROUND_LINE_END.sub(_LINE_END, detokenize([*last, *tokens]))
    return joined.removeprefix("".join(last)) if last != [_LINE_END] else joined[1:]


_AROUND_LINE_END = re.compile(r" ?\n ?")


def _check(temperature: float, top_p: float, seed: int | None) -> None:
    if not 0 <= temperature < float("inf"):
        raise ValueError(
            f"`temperature` must be 0 (always the likeliest) or more, got {temperature}."
        )
    if not 0 < top_p <= 1:
        raise ValueError(f"`top_p` must be above 0 and at most 1, got {top_p}.")
    if seed is not None and not 0 <= seed < 2**63:
        raise ValueError(f"`seed` must be a whole number of 0 or more, got {seed}.")
