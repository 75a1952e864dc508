"""A verdict on a text, with what each word contributed to it.

References:
    Li et al. 2016, "Visualizing and understanding neural models in NLP", section 5: a text as a
    line of coloured words.
"""

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from multimodal.inference.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAMED = 10  # unknown words
_LEAST, _STRONG = 0.1, 0.6  # of the largest contribution: colours begin; letters become white
_FOR, _AGAINST = "31,111,180", "207,106,18"  # blue and orange, which every eye can tell apart


@dataclass(frozen=True, slots=True)
class Sentiment(Result):
    """A verdict on a text, with what the model thought of it.

    Args:
        label: The likeliest label; empty where the model gives a number.
        probability: How sure the model is of the label, 0 to 1; 0 where it gives a number.
        probabilities: That of every label, in the model's order of them.
        value: The number, where the model gives one, such as stars.
        tokens: The words that were read, in lower case and without punctuation.
        contributions: What each of these words spoke for the verdict, or against it if negative,
            in natural log-odds of the label; for a number, by how much each raised it. Empty if
            they were not asked for.
        text: The text as it was given.
        unknown_words: Words that the model never saw, each once.
        cut: Whether the text is longer than the model reads, and so was read in part.

    Example:
        >>> found = {"negative": 0.25, "positive": 0.75}
        >>> sentiment = Sentiment("positive", 0.75, found, tokens=("fun",), contributions=(1.5,))
        >>> print(sentiment)
        positive
        >>> sentiment.to_dict()["contributions"]
        [1.5]
    """

    label: str
    probability: float
    probabilities: dict[str, float]
    value: float | None = None
    tokens: tuple[str, ...] = ()
    contributions: tuple[float, ...] = field(default=(), repr=False)
    text: str = field(default="", repr=False)
    unknown_words: tuple[str, ...] = ()
    cut: bool = False

    def __str__(self) -> str:
        return self.label if self.value is None else f"{self.value:.2f}"

    @property
    def note(self) -> str:
        """What the verdict does not rest on, in sentences; empty if there is nothing to say.

        Example:
            >>> read = ("a", "gnu", "and", "a", "zebra")
            >>> Sentiment("good", 0.5, {}, tokens=read, unknown_words=("gnu",), cut=True).note
            'The model never saw the word gnu. The text is longer than the 5 words it read.'
        """
        said = []
        if unknown := self.unknown_words:
            which = f"the word{'s' * (len(unknown) > 1)}"
            if set(self.tokens) == set(unknown):
                which = "any of the words"
            more = f" and {len(unknown) - _NAMED:,} more" if len(unknown) > _NAMED else ""
            said.append(f"The model never saw {which} {', '.join(unknown[:_NAMED])}{more}.")
        if self.cut:
            said.append(f"The text is longer than the {len(self.tokens):,} words it read.")
        return " ".join(said)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON types: objects, lists, strings and numbers."""
        return {
            "label": self.label,
            "probability": self.probability,
            "probabilities": dict(self.probabilities),
            "value": self.value,
            "tokens": list(self.tokens),
            "contributions": list(self.contributions),
            "text": self.text,
            "unknown_words": list(self.unknown_words),
            "cut": self.cut,
        }

    def figure(self) -> "Figure":
        """Draw the text, each word coloured by what it contributed.

        Returns:
            matplotlib's figure; of a verdict without contributions the words are plain.
        """
        # Only now: matplotlib takes a while to import.
        from multimodal.figures.texts import text_figure

        return text_figure(
            self.tokens,
            self.contributions or [0.0] * len(self.tokens),
            title=self._title(),
            note=self.note,
            legend=self._legend(),
        )

    def _title(self) -> str:
        if self.value is not None:
            return str(self)
        return f"{self.label}, {100 * self.probability:.1f} %"

    def _legend(self) -> tuple[str, str]:
        if self.value is not None:
            return "raises it", "lowers it"
        return f"speaks for {self.label}", f"speaks against {self.label}"

    def _repr_html_(self) -> str:
        """Write the text for a notebook, each word coloured by what it contributed."""
        largest = max(map(abs, self.contributions), default=0.0) or 1.0
        shares = self.contributions or [0.0] * len(self.tokens)
        words = [
            _word(token, share / largest) for token, share in zip(self.tokens, shares, strict=True)
        ]
        legend = (
            f"{_word(name, share)}" for name, share in zip(self._legend(), (1.0, -1.0), strict=True)
        )
        parts = [f"<b>{escape(self._title())}</b>", " ".join(words)]
        parts += [escape(self.note)] * bool(self.note)
        parts += [f"<small>{' '.join(legend)}</small>"] * bool(self.contributions)
        return "<div>" + "<br>".join(parts) + "</div>"


def _word(token: str, share: float) -> str:
    if abs(share) < _LEAST:
        return escape(token)
    colour = _FOR if share > 0 else _AGAINST
    ink = "white" if abs(share) > _STRONG else "inherit"
    style = f"background:rgba({colour},{abs(share):.2f});color:{ink};padding:0 2px"
    return f'<span style="{style}">{escape(token)}</span>'
