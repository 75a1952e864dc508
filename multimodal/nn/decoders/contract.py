"""The contract of the caption decoders.

A decoder turns embedded words and regions into the vectors from which the next words are predicted.
The vocabulary layer is not part of it, so that training applies that layer to real tokens only. In
training a decoder reads all captions of an image at once, ``(batch, captions, time)``; in
generation it reads one word of each beam, ``(batch, beams)``. A test checks that both
give the same result.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from multimodal.nn.recurrent import Recurrent, State

Context = tuple[Tensor, ...]


class CaptionDecoder(nn.Module, ABC):
    """Base class of the caption decoders.

    Attributes:
        output_dim: Width of the vectors from which words are predicted.
        attends: Whether the decoder returns attention weights.
    """

    output_dim: int
    attends: bool = True

    @abstractmethod
    def context(self, regions: Float[Tensor, "batch regions feature"]) -> Context:
        """Compute the tensors ``(batch, ...)`` that depend on the image only, for all steps."""

    @abstractmethod
    def start(self, regions: Float[Tensor, "batch regions feature"]) -> State:
        """Compute the state before the first word, tensors ``(batch, ...)``."""

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
            A vector for each real word in row order, and the attention weights (undefined at
            padding), or None if the decoder does not attend.
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
        """Read one word of each beam, with the same arithmetic as `forward`.

        Args:
            words: Embedded words.
            state: Tensors ``(batch, beams, ...)``.
            context: From `context`, without a beam axis.

        Returns:
            Output vectors, the next state, and the attention weights, or None if the decoder does
            not attend.
        """


def per_caption(state: State, captions: int) -> State:
    """Repeat each image's state ``(batch, ...)`` to ``(batch * captions, ...)``."""
    return tuple(
        part.unsqueeze(1).expand(-1, captions, *part.shape[1:]).flatten(0, 1) for part in state
    )


def read_captions(
    recurrent: Recurrent,
    words: Float[Tensor, "batch captions time embedding"],
    mask: Bool[Tensor, "batch captions time"],
    state: State,
) -> Float[Tensor, "real hidden"]:
    """Read whole captions with recurrent layers in one call, starting from each image's state."""
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
    """Read whole captions word by word, for decoders whose state depends on the attention.

    Args:
        inputs: A vector for each real word.
        mask: True where a word is real.
        state: Each image's state.
        advance: Function from one word's vector of each caption and the state to the outputs, the
            next state and the attention weights.
    """
    padded = inputs.new_zeros(*mask.shape, inputs.shape[-1])
    padded[mask] = inputs
    batch_shape = mask.shape[:2]
    state = tuple(part.unflatten(0, batch_shape) for part in per_caption(state, batch_shape[1]))
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
    batch_shape = words.shape[:2]
    flat = tuple(part.flatten(0, 1) for part in state)
    hidden, flat = recurrent(words.flatten(0, 1).unsqueeze(1), flat)
    return hidden.squeeze(1).unflatten(0, batch_shape), tuple(
        part.unflatten(0, batch_shape) for part in flat
    )
