"""The contract of the caption decoders.

A decoder turns embedded words and regions into the vectors from which the next words are predicted.
The vocabulary layer is not part of it, so that training can project the real tokens only. It works
on ``(batch, captions, time)`` in training, all captions of an image at once, and on ``(batch,
beams)`` in generation; a test checks that both are equal.
"""

from abc import ABC, abstractmethod

from jaxtyping import Bool, Float
from torch import Tensor, nn

from multimodal.nn.recurrent import State

Context = tuple[Tensor, ...]


class CaptionDecoder(nn.Module, ABC):
    """The contract of the decoders.

    Attributes:
        output_dim: Width of the vectors from which words are predicted.
    """

    output_dim: int

    @abstractmethod
    def context(self, regions: Float[Tensor, "batch regions feature"]) -> Context:
        """Compute what depends on the image alone.

        Returns:
            Tensors ``(batch, ...)``, the same for all steps and beams.
        """

    @abstractmethod
    def start(self, regions: Float[Tensor, "batch regions feature"]) -> State:
        """Compute the state before the first word.

        Returns:
            Tensors ``(batch, ...)``.
        """

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
            A vector for each real word in row order, and the attention weights, or None where a
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
            Vectors, the next state, and the attention weights, or None where a decoder does not
            attend.
        """


def per_caption(state: State, captions: int) -> State:
    """Copy the starting state for each caption of an image.

    Args:
        state: Tensors ``(batch, ...)``.
        captions: Captions of each image.

    Returns:
        Tensors ``(batch * captions, ...)``.
    """
    return tuple(
        part.unsqueeze(1).expand(-1, captions, *part.shape[1:]).flatten(0, 1) for part in state
    )
