"""What every caption decoder is: a reader of word vectors that looks at regions.

A decoder turns embedded words into the vectors from which the next words are predicted. The
vocabulary layer is not its business, so that training can project the real tokens only. It works on
``(batch, captions, time)`` in training, all captions of an image at once, and on ``(batch,
beams)`` in generation; a test holds the two equal.
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
            Tensors ``(batch, ...)``; neither time nor beams change them.
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
            words: Embedded input words ``(batch, captions, time, embedding)``.
            mask: True where a word is real; real words come first.
            state: From `start`.
            context: From `context`.

        Returns:
            A vector for each real word in row order ``(real, output)``, and the attention weights
            ``(batch, captions, time, regions)``, or None where a decoder does not attend; those at
            the padding have no meaning.
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
            words: Embedded words ``(batch, beams, embedding)``.
            state: Tensors ``(batch, beams, ...)``.
            context: From `context`, without a beam axis.

        Returns:
            Vectors ``(batch, beams, output)``, the next state, and the attention weights ``(batch,
            beams, regions)``, or None where a decoder does not attend.
        """


def per_caption(state: State, captions: int) -> State:
    """Give each caption of an image its own copy of the starting state.

    Args:
        state: Tensors ``(batch, ...)``.
        captions: Captions of each image.

    Returns:
        Tensors ``(batch * captions, ...)``.
    """
    return tuple(
        part.unsqueeze(1).expand(-1, captions, *part.shape[1:]).flatten(0, 1) for part in state
    )
