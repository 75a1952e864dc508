"""The language model: predict the next word or character.

It learns from text alone. Its word vectors and text encoder can then start a sentiment classifier,
and with a prompt it generates text. Training reads long texts in windows and carries the state from
one to the next; only real words are projected on the vocabulary.

References:
    Merity, Keskar and Socher 2018, "Regularizing and optimizing LSTM language models" (AWD-LSTM);
    Press and Wolf 2017, "Using the output embedding to improve language models" (tied embeddings);
    Peters et al. 2018, "Deep contextualized word representations", section 3.1 (two directions that
    share word vectors and vocabulary layer); Graves 2013, "Generating sequences with recurrent
    neural networks" (generation).
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from multimodal.nn.embedding import WordEmbedding
from multimodal.nn.recurrent import State
from multimodal.nn.settings import ModelSettings
from multimodal.nn.text_encoder import TextEncoder, TextEncoderSettings, parameters_by_depth
from multimodal.nn.vocabulary import WordPredictor
from multimodal.text import BOS_ID

_NOTHING = -1  # the prompt is read


def _default_reader() -> TextEncoderSettings:
    return TextEncoderSettings(directions="ahead")


@dataclass(frozen=True)
class LanguageModelSettings(ModelSettings):
    """The settings of a language model.

    Args:
        reader: Word vectors and recurrent layers; ``directions`` is ``ahead``, or ``apart`` to
            learn the word before, too.
        tie_embeddings: Whether one matrix embeds the words and predicts them.
    """

    reader: TextEncoderSettings = field(default_factory=_default_reader)
    tie_embeddings: bool = True


class Prediction(NamedTuple):
    """A language model's results for a window."""

    logits: Tensor  # of the word after (or before) each real word in row order, (real, vocab)
    outputs: Tensor  # of the last layer, (batch, time, last)
    dropped: Tensor  # the same after dropout; activation penalties need both
    state: State  # after the window, detached: the next window starts from it


class LanguageModel(WordPredictor):
    """Word vectors, text encoder and vocabulary layer.

    Raises:
        ValueError: If the two directions meet, a setting is not one of its choices, or a
            probability is out of range.

    Example:
        >>> settings = LanguageModelSettings(TextEncoderSettings(directions="ahead", hidden_dim=8))
        >>> model = LanguageModel(settings, vocab_size=9)
        >>> tokens = torch.tensor([[4, 5, 6, 7]])
        >>> prediction = model(tokens, tokens != 0, model.start(1))
        >>> prediction.logits.shape
        torch.Size([4, 9])
    """

    def __init__(self, settings: LanguageModelSettings, vocab_size: int) -> None:
        super().__init__()
        reader = settings.reader
        if reader.directions == "both":
            raise ValueError(
                "A language model must not read the word that it predicts, so `reader.directions` "
                "must be ahead or apart, got both."
            )
        self.embedding = WordEmbedding(
            vocab_size,
            reader.embedding_dim,
            dropout=reader.embedding_dropout,
            # A vocabulary layer has a gradient for every word, and the tied table is one.
            gradients="dense" if settings.tie_embeddings else reader.gradients,
        )
        nn.init.normal_(self.embedding.weight[1:], std=reader.embedding_dim**-0.5)
        self.reader = TextEncoder(reader)
        self.add_vocabulary(self.reader.last_dim, tied=settings.tie_embeddings)

    def start(self, batch: int) -> State:
        """Return the state before a text's first word: tensors of zeros ``(batch, ...)``."""
        return self.reader.start(batch)

    def forward(
        self,
        tokens: Int[Tensor, "batch time"],
        mask: Bool[Tensor, "batch time"],
        state: State,
        candidates: Int[Tensor, " candidates"] | None = None,
    ) -> Prediction:
        """Predict the word after each word of a window.

        Args:
            tokens: Token ids.
            mask: True where the word and the one after it are real; only these positions are
                projected. No real word may follow padding, also in later windows.
            state: From `start`, or of the window before.
            candidates: Ids of the only words that are scored; None scores all.
        """
        outputs, after = self.reader.resume(self.embed(tokens), state)
        dropped: Tensor = self.reader.output_dropout(outputs)
        cut = tuple(part.detach() for part in after)
        return Prediction(self.logits(dropped[mask], candidates), outputs, dropped, cut)

    def backwards(
        self,
        tokens: Int[Tensor, "batch time"],
        mask: Bool[Tensor, "batch time"],
        candidates: Int[Tensor, " candidates"] | None = None,
    ) -> Prediction:
        """Predict the word before each word of a window, from the words after it.

        The state is zero at each window's end, since the next window has not been read yet. The
        logits are those of ``tokens[:, :-1][mask[:, 1:]]``.

        Raises:
            ValueError: If the model reads ahead only.
        """
        if not self.reader.back:
            raise ValueError(
                "This language model reads ahead only; set `reader.directions` to apart."
            )
        outputs = self.reader.read_backwards(self.embed(tokens), mask)
        dropped: Tensor = self.reader.output_dropout(outputs)
        logits = self.logits(dropped[:, 1:][mask[:, 1:]], candidates)
        return Prediction(logits, outputs, dropped, ())

    def begin(self, tokens: Int[Tensor, "batch time"], mask: Bool[Tensor, "batch time"]) -> State:
        """Read prompts without ``<bos>``, but for their last word, which the first `step` reads.

        Returns:
            The state for `step`, tensors ``(batch, ...)``.
        """
        batch, lengths = len(tokens), mask.sum(dim=1)
        first = tokens.new_full((batch, 1), BOS_ID)
        begun = torch.cat([first, tokens], dim=1)  # `begun[row, length]` is the last word
        rows = torch.arange(batch, device=tokens.device)
        waiting = begun[rows, lengths].masked_fill(lengths == 0, _NOTHING)
        state = tuple(part.clone() for part in self.start(batch))
        for length in lengths.unique().tolist():
            if not length:
                continue
            same = lengths == length
            here = tuple(part[same] for part in state)
            _, after = self.reader.resume(self.embed(begun[same, :length]), here)
            for part, last in zip(state, after, strict=True):
                part[same] = last.to(part.dtype)
        return (*state, waiting)

    def step(
        self,
        tokens: Int[Tensor, "batch beams"],
        state: State,
        context: tuple[Tensor, ...],  # noqa: ARG002 (the form of any step)
    ) -> tuple[Float[Tensor, "batch beams vocab"], State, None]:
        """Predict the next word of each hypothesis, as `multimodal.decoding` requires.

        At the first step, the prompt's last word replaces the ``<bos>`` of the search.
        """
        *parts, waiting = state
        words = torch.where(waiting == _NOTHING, tokens, waiting)
        rows = tuple(part.flatten(0, 1) for part in parts)
        outputs, after = self.reader.resume(self.embed(words.flatten().unsqueeze(1)), rows)
        dropped = self.reader.output_dropout(outputs).squeeze(1)
        logits = self.logits(dropped).unflatten(0, tokens.shape)
        kept = tuple(part.unflatten(0, tokens.shape) for part in after)
        return logits, (*kept, torch.full_like(waiting, _NOTHING)), None

    def parameters_by_depth(self) -> list[list[nn.Parameter]]:
        """Group the parameters from bottom to top: word vectors, each layer, vocabulary layer.

        A tied matrix is with the word vectors.
        """
        groups = parameters_by_depth(self.embedding, self.reader)
        below = {id(parameter) for group in groups for parameter in group}
        return [*groups, [each for each in self.parameters() if id(each) not in below]]
