"""The label of a text, or a number, with the contribution of each word.

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
    """The label of a text, or a number, with the contribution of each word.

    Args:
        label: The likeliest label; empty where the model gives a number.
        probability: The probability of the label, 0 to 1; 0 where the model gives a number.
        probabilities: The probability of every label, in the model's order of labels.
        value: The number, where the model gives one, such as stars.
        tokens: The words that the model read, in lower case and without punctuation.
        contributions: The contribution of each of these words to the natural log-odds of the label,
            negative if it is evidence against it; for a number, by how much each word raises it.
            Empty with ``explain=False``.
        text: The text as given.
        unknown_words: Words that are not in the vocabulary, each once.
        cut: Whether the text is longer than the model reads, and so was read in part.

    Example:
        >>> both = {"negative": 0.25, "positive": 0.75}
        >>> sentiment = Sentiment("positive", 0.75, both, tokens=("fun",), contributions=(1.5,))
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
        """The parts of the text that the model did not use, in sentences; empty if it used all.

        Example:
            >>> tokens = ("a", "gnu", "and", "a", "zebra")
            >>> Sentiment("good", 0.5, {}, tokens=tokens, unknown_words=("gnu",), cut=True).note
            'The model never saw the word gnu. The text is longer than the 5 words it read.'
        """
        sentences = []
        if unknown := self.unknown_words:
            which = f"the word{'s' * (len(unknown) > 1)}"
            if set(self.tokens) == set(unknown):
                which = "any of the words"
            more = f" and {len(unknown) - _NAMED:,} more" if len(unknown) > _NAMED else ""
            sentences.append(f"The model never saw {which} {', '.join(unknown[:_NAMED])}{more}.")
        if self.cut:
            sentences.append(f"The text is longer than the {len(self.tokens):,} words it read.")
        return " ".join(sentences)

    def summary(self) -> dict[str, Any]:
        """Return the label or the value, unknown words, and contributions if there are any."""
        values = self.to_dict()
        names = ["label", "probability", "probabilities"] if self.value is None else ["value"]
        names += ["unknown_words", "cut"] + ["tokens", "contributions"] * bool(self.contributions)
        return {name: values[name] for name in names}

    def figure(self) -> "Figure":
        """Draw the text, each word coloured by its contribution if that was computed."""
        # Imported late: matplotlib takes a while to import.
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
        return f"supports {self.label}", f"opposes {self.label}"

    def _repr_html_(self) -> str:
        """Write the text for a notebook, each word coloured by its contribution."""
        largest = max(map(abs, self.contributions), default=0.0) or 1.0
        values = self.contributions or [0.0] * len(self.tokens)
        words = [
            _word(token, value / largest) for token, value in zip(self.tokens, values, strict=True)
        ]
        legend = (_word(name, sign) for name, sign in zip(self._legend(), (1.0, -1.0), strict=True))
        parts = [f"<b>{escape(self._title())}</b>", " ".join(words)]
        parts += [escape(self.note)] * bool(self.note)
        parts += [f"<small>{' '.join(legend)}</small>"] * bool(self.contributions)
        return "<div>" + "<br>".join(parts) + "</div>"


def _word(token: str, strength: float) -> str:
    if abs(strength) < _LEAST:
        return escape(token)
    colour = _FOR if strength > 0 else _AGAINST
    ink = "white" if abs(strength) > _STRONG else "inherit"
    style = f"background:rgba({colour},{abs(strength):.2f});color:{ink};padding:0 2px"
    return f'<span style="{style}">{escape(token)}</span>'
