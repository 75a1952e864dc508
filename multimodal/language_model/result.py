"""A text that a model wrote."""

from dataclasses import dataclass, field
from typing import Any

from multimodal.inference.result import as_json


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that a model wrote.

    Args:
        text: The whole text: the prompt and how it goes on.
        prompt: The prompt as it was given.
        tokens: What was written after it: words in lower case and without punctuation, or
            characters.
        log_prob: The natural logarithm of what was written's probability, by the model itself
            and so at temperature 1.
        ended: Whether the model ended the text; else it became as long as it may be.
        seed: What repeats it, with the same prompts and options.
        unknown: Words, or characters, of the prompt that the model never saw, each once.
        cut: Whether the prompt is too long, and only its end was read.

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
        """Return everything as JSON types: objects, lists, strings and numbers."""
        return {
            "text": self.text,
            "prompt": self.prompt,
            "tokens": list(self.tokens),
            "log_prob": self.log_prob,
            "ended": self.ended,
            "seed": self.seed,
            "unknown": list(self.unknown),
            "cut": self.cut,
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """Return everything as JSON.

        Args:
            indent: Spaces by which inner lines are moved; None writes one line.
        """
        return as_json(self.to_dict(), indent=indent)
