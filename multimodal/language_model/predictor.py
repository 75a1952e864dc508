"""Continue prompts with a trained language model.

A prompt is continued word by word or character by character until the model ends the text or the
maximum length is reached. A seed repeats a text on every device.

References:
    Graves 2013, "Generating sequences with recurrent neural networks", section 2; Fan et al. 2018,
    "Hierarchical neural story generation", section 5.4 (the likeliest k).
"""

import re
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias, get_args

import torch
from typing_extensions import override

from multimodal.data.batches import collate_questions
from multimodal.data.documents import all_characters, all_words
from multimodal.decoding import Hypotheses, greedy, sample
from multimodal.inference.devices import Precision, arithmetic
from multimodal.inference.predictor import Predictor, check_sizes
from multimodal.inference.rebuilding import read_vocabulary, rebuild, refusing
from multimodal.language_model.model import LanguageModel, LanguageModelSettings
from multimodal.language_model.options import WritingOptions
from multimodal.language_model.result import Passage
from multimodal.saving.checkpoint import SavedModel
from multimodal.text import EOS_ID, Vocabulary, detokenize

Level: TypeAlias = Literal["words", "characters"]

_LENGTHS = {"words": 60, "characters": 400}  # of a text, by default
_CONTEXT = 2_000  # words or characters of a prompt; older ones have no effect
_LETTERS_OF_A_WORD = 50
_LINE_END = "\n"

_Search: TypeAlias = Callable[..., Hypotheses]


class Prompt(NamedTuple):
    """A prompt as a model reads it."""

    text: str
    parts: list[str]
    unknown: tuple[str, ...]
    cut: bool


class Writer(Predictor[str, Prompt, Passage]):
    """Continue prompts; see `Predictor` for calls and `WritingOptions` for their keywords.

    The same prompt several times in a call gets several texts.

    Args:
        model: A trained language model.
        vocabulary: Its words or characters.
        level: ``words`` or ``characters``.
        keep_lines: Whether the end of a line is a word; among characters it always is one.
        device, precision: As for `Predictor`.

    Raises:
        ValueError: If model and vocabulary do not belong together, the device does not exist, or
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

    task: ClassVar[str] = "language_model"
    input_name: ClassVar[str] = "a prompt (a string)"
    Options = WritingOptions
    model: LanguageModel

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
        check_sizes(tokens=(model.embedding.num_embeddings, len(vocabulary)))
        if level not in get_args(Level):
            raise ValueError(f"`level` must be words or characters, got {level!r}.")
        super().__init__(model, device=device, precision=precision)
        self.vocabulary = vocabulary
        self.level = level
        self.keep_lines = keep_lines

    @override
    @classmethod
    def build(cls, saved: SavedModel, source: str) -> dict[str, Any]:
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
        keep_lines = bool(saved.extra.get("keep_lines", False))
        parts = {"model": model, "vocabulary": vocabulary}
        return {**parts, "level": level, "keep_lines": keep_lines}

    @override
    def read(self, given: object, number: int | None) -> Prompt:
        if not isinstance(given, str):
            raise TypeError(
                f"Prompt {number} (counted from 0) must be a string, got {type(given).__name__}."
            )
        end = given[-_CONTEXT * _LETTERS_OF_A_WORD :]
        parts = split_prompt(end, self.level, keep_lines=self.keep_lines)
        known = parts[-_CONTEXT:]
        unknown = dict.fromkeys(part for part in known if part not in self.vocabulary)
        cut = len(known) < len(parts) or len(end) < len(given)
        return Prompt(given, known, tuple(unknown), cut)

    @override
    def start(self, options: WritingOptions) -> Callable[[list[Prompt]], list[Passage]]:
        """Return the function that continues the batches of one call, which share a generator."""
        seed = secrets.randbelow(10**9) if options.seed is None else options.seed
        search: _Search = greedy
        if options.temperature:
            search = partial(
                sample,
                generator=torch.Generator().manual_seed(seed),
                temperature=options.temperature,
                top_k=options.top_k,
                top_p=options.top_p,
            )
        search = partial(search, max_length=options.max_length or _LENGTHS[self.level])
        return partial(self._write, search=search, seed=seed)

    @override
    def predict(self, items: list[Prompt], options: WritingOptions) -> list[Passage]:
        return self.start(options)(items)

    @torch.inference_mode()
    def _write(self, prompts: list[Prompt], search: _Search, seed: int) -> list[Passage]:
        encoded = [self.vocabulary.encode(prompt.parts) for prompt in prompts]
        tokens, mask = (part.to(self.device) for part in collate_questions(encoded))
        tokens = tokens.long()  # a batch of empty prompts has no integer type
        with arithmetic(self.device, self.precision):
            texts = search(self.model.step, self.model.begin(tokens, mask))
        written, log_probs = texts.tokens[:, 0].tolist(), texts.log_probs[:, 0].tolist()
        return [
            self._passage(prompt, row, log_prob, seed)
            for prompt, row, log_prob in zip(prompts, written, log_probs, strict=True)
        ]

    def _passage(self, prompt: Prompt, row: list[int], log_prob: float, seed: int) -> Passage:
        tokens = self.vocabulary.decode(row)
        if self.level == "characters":
            text = prompt.text + "".join(tokens)
        else:
            start = prompt.text.rstrip(" ")
            gap = " " * bool(start and not prompt.parts)  # after marks that are no words
            text = start + gap + _continued(prompt.parts, tokens)
        return Passage(
            text=text,
            prompt=prompt.text,
            tokens=tuple(tokens),
            log_prob=log_prob,
            ended=EOS_ID in row,
            seed=seed,
            unknown=prompt.unknown,
            cut=prompt.cut,
        )


def split_prompt(prompt: str, level: Level, *, keep_lines: bool) -> list[str]:
    r"""Split a prompt into words or characters, as the texts of the training were split.

    A space or a line's end after the last character is kept, since the model continues from there.

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
    """Join words to a text that follows the last word of a prompt."""
    last = before[-1:]
    joined = _AROUND_LINE_END.sub(_LINE_END, detokenize([*last, *tokens]))
    return joined.removeprefix("".join(last)) if last != [_LINE_END] else joined[1:]


_AROUND_LINE_END = re.compile(r" ?\n ?")
