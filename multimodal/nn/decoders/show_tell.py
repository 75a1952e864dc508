"""Show and Tell: the image is the first word.

The mean region is projected to the size of a word vector and read before ``<bos>``; there is no
attention. The simplest decoder, and the baseline of the others.

References:
    Vinyals, Toshev, Bengio and Erhan 2015, "Show and tell: a neural image caption generator",
    equations 10-12.
"""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from multimodal.nn.decoders.contract import CaptionDecoder, Context, read_captions, read_step
from multimodal.nn.recurrent import Cell, Recurrent, State


class ShowTellDecoder(CaptionDecoder):
    """A recurrent network started by the image vector (Vinyals et al. 2015)."""

    attends = False

    def __init__(
        self,
        region_dim: int,
        embedding_dim: int,
        *,
        hidden_dim: int,
        cell: Cell = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.output_dim = hidden_dim
        self.image = nn.Linear(region_dim, embedding_dim)
        self.recurrent = Recurrent(
            embedding_dim, hidden_dim, cell=cell, num_layers=num_layers, dropout=dropout
        )

    def context(
        self,
        regions: Float[Tensor, "batch regions feature"],  # noqa: ARG002 - of the contract
    ) -> Context:
        """Return nothing: `start` reads the image."""
        return ()

    def start(self, regions: Float[Tensor, "batch regions feature"]) -> State:
        """Read the image as the first word."""
        image = self.image(regions.mean(dim=1)).unsqueeze(1)  # (batch, 1, embedding)
        recurrent = self.recurrent
        zeros = image.new_zeros(len(image), recurrent.num_layers, recurrent.hidden_dim)
        return recurrent.forward(image, (zeros,) * recurrent.num_states)[1]

    def forward(
        self,
        words: Float[Tensor, "batch captions time embedding"],
        mask: Bool[Tensor, "batch captions time"],
        state: State,
        context: Context,  # noqa: ARG002 - of the contract; `start` read the image
    ) -> tuple[Float[Tensor, "real output"], None]:
        """Read whole captions in one recurrent call."""
        return read_captions(self.recurrent, words, mask, state), None

    def step(
        self,
        words: Float[Tensor, "batch beams embedding"],
        state: State,
        context: Context,  # noqa: ARG002 - of the contract; `start` read the image
    ) -> tuple[Float[Tensor, "batch beams output"], State, None]:
        """Read one word of each beam."""
        return *read_step(self.recurrent, words, state), None
