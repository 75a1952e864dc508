"""The contract of the caption decoders.

A decoder turns embedded words and regions into the vectors from which the next words are predicted.
The vocabulary layer is not part of it, so that training can project the real tokens only. It works
on ``(batch, captions, time)`` in training, all captions of an image at once, and on ``(batch,
beams)`` in generation; a test checks that both are equal.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from multimodal.nn.recurrent import Recurrent, State

Context = tuple[Tensor, ...]


class CaptionDecoder(nn.Module, ABC):
    """The contract of the decoders.

    Attributes:
        output_dim: Width of the vectors from which words are predicted.
        attends: Whether it returns attention weights.
    """

    output_dim: int
    attends: bool = True

    @abstractmethod
    def context(self, regions: Float[Tensor, "batch regions feature"]) -> Context:
        """Compute what depends on the image alone, the same for all steps: ``(batch, ...)``."""

    @abstractmethod
    def start(self, regions: Float[Tensor, "batch regions feature"]) -> State:
        """Compute the state before the first word: tensors ``(batch, ...)``."""

    @abstractmethod
    def forward(
        self,
        words: Float[Tensor, "batch captions time embedding"],
        mask: Bool[Tensor, "batch captions time"],
        state: State,
        context: Context,
    ) -> tuple[Float[Tensor, "real output"], Float[Tensor, "batch captions time regions"] | None]:
        """Read whole captions (teacher forcing).

        Args:
            words: Embedded input words.
            mask: True where a word is real; real words come first.
            state: From `start`.
            context: From `context`.

        Returns:
            A vector for each real word in row order, and the attention weights, or None if the
            decoder does not attend; those at the padding have no meaning.
        """

    @abstractmethod
    def step(
        self,
        words: Float[Tensor, "batch beams embedding"],
        state: State,
        context: Context,
    ) -> tuple[
        Float[Tensor, "batch beams output"], State, Float[Tensor, "batch beams regions"] | None
    ]:
        """Read one word of each beam: the same arithmetic as `forward`.

        Args:
            words: Embedded words.
            state: Tensors ``(batch, beams, ...)``.
            context: From `context`, without a beam axis.

        Returns:
            Vectors, the next state, and the attention weights, or None if it does not attend.
        """


def per_caption(state: State, captions: int) -> State:
    """Copy each image's state ``(batch, ...)`` for its captions: ``(batch * captions, ...)``."""
    return tuple(
        part.unsqueeze(1).expand(-1, captions, *part.shape[1:]).flatten(0, 1) for part in state
    )


def read_captions(
    recurrent: Recurrent,
    words: Float[Tensor, "batch captions time embedding"],
    mask: Bool[Tensor, "batch captions time"],
    state: State,
) -> Float[Tensor, "real hidden"]:
    """Read whole captions with recurrent layers in one call, from each image's state."""
    captions = words.shape[1]
    lengths = mask.flatten(0, 1).sum(dim=1)
    hidden: Tensor = recurrent.read(words.flatten(0, 1), per_caption(state, captions), lengths)
    return hidden[mask.flatten(0, 1)]


def read_word_by_word(
    inputs: Float[Tensor, "real feature"],
    mask: Bool[Tensor, "batch captions time"],
    state: State,
    advance: Callable[[Tensor, State], tuple[Tensor, State, Tensor]],
) -> tuple[Float[Tensor, "real output"], Float[Tensor, "batch captions time regions"]]:
    """Read whole captions in a loop, for an attention that every word's state depends on.

    Args:
        inputs: A vector for each real word.
        mask: True where a word is real.
        state: Each image's state.
        advance: From the vectors of one word of each caption and the state to the outputs, the next
            state and the attention weights.
    """
    padded = inputs.new_zeros(*mask.shape, inputs.shape[-1])
    padded[mask] = inputs
    rows = mask.shape[:2]
    state = tuple(part.unflatten(0, rows) for part in per_caption(state, rows[1]))
    outputs, attention = [], []
    for words in padded.unbind(dim=2):
        output, state, weights = advance(words, state)
        outputs.append(output)
        attention.append(weights)
    return torch.stack(outputs, dim=2)[mask], torch.stack(attention, dim=2)


def read_step(
    recurrent: Recurrent, words: Float[Tensor, "batch beams embedding"], state: State
) -> tuple[Float[Tensor, "batch beams hidden"], State]:
    """Advance recurrent layers by one word of each beam."""
    beams = words.shape[:2]
    rows = tuple(part.flatten(0, 1) for part in state)
    hidden, rows = recurrent(words.flatten(0, 1).unsqueeze(1), rows)
    return hidden.squeeze(1).unflatten(0, beams), tuple(part.unflatten(0, beams) for part in rows)
