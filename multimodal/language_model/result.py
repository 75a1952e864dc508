"""A text that a model wrote."""

from dataclasses import dataclass, field
from typing import Any

from multimodal.inference.result import as_json, as_plain

_NAMED = 10  # unknown words


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that a model wrote.

    Args:
        text: The whole text: the prompt and its continuation.
        prompt: The prompt as given.
        tokens: The continuation: words in lower case and without punctuation, or characters.
        log_prob: The natural logarithm of the continuation's probability at temperature 1.
        ended: Whether the model ended the text; otherwise it reached the maximum length.
        seed: The seed that repeats it, with the same prompts and options.
        unknown: Words, or characters, of the prompt that are not in the vocabulary, each once.
        cut: Whether the prompt is too long and only its end was read.

    Example:
        >>> passage = Passage("a good film", "a", ("good", "film"), -1.5, ended=True, seed=7)
        >>> print(passage)
        a good film
        >>> passage.to_dict()["tokens"]
        ['good', 'film']
    """

    text: str
    prompt: str
    tokens: tuple[str, ...] = field(repr=False)
    log_prob: float
    ended: bool
    seed: int
    unknown: tuple[str, ...] = ()
    cut: bool = False

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON types."""
        return as_plain(self)

    @property
    def note(self) -> str:
        """The parts of the prompt that the model did not use, in sentences; empty if it used all.

        Example:
            >>> Passage("", "", (), 0.0, True, 0, unknown=("gnu",), cut=True).note
            'The model never saw gnu. Of the long prompt it read the end.'
        """
        sentences = []
        if self.unknown:
            sentences.append(f"The model never saw {', '.join(self.unknown[:_NAMED])}.")
        if self.cut:
            sentences.append("Of the long prompt it read the end.")
        return " ".join(sentences)

    def summary(self) -> dict[str, Any]:
        """Return the text, its probability and its seed: the short JSON form."""
        names = ("text", "prompt", "seed", "log_prob", "ended", "unknown")
        values = self.to_dict()
        return {name: values[name] for name in names}

    def to_json(self, *, indent: int | None = None) -> str:
        """Return everything as JSON; see `as_json`."""
        return as_json(self.to_dict(), indent=indent)
