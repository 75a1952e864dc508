"""The two oldest fusions: an image vector and a question vector, multiplied or concatenated.

Neither attends: the image vector is the mean of its regions, normalised to length 1. They are the
baselines of attention.

References:
    Antol, Agrawal, Lu, Mitchell, Batra, Zitnick and Parikh 2015, "VQA: Visual question answering",
    section 4 ("deeper LSTM Q + norm I": both to one width by a layer with tanh, then the product).
    There the question's vector is the state and the cell of both LSTM layers; here it is the state
    of the last.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from multimodal.vqa.fusion.contract import Fusion, Questions, even_weights


class MultiplyFusion(Fusion):
    """The product of an image vector and a question vector (Antol et al. 2015, section 4)."""

    def __init__(self, region_dim: int, question_dim: int, *, fusion_dim: int = 1024) -> None:
        super().__init__()
        self.output_dim = fusion_dim
        self.image = nn.Linear(region_dim, fusion_dim)
        self.question = nn.Linear(question_dim, fusion_dim)

    def forward(
        self,
        regions: Float[Tensor, "batch regions feature"],
        questions: Questions,
        image_of: Int[Tensor, " rows"],
        question_of: Int[Tensor, " rows"],
    ) -> tuple[Float[Tensor, "rows joint"], Float[Tensor, "rows regions"]]:
        """Multiply; the attention weights are uniform."""
        images = _images(self.image, regions).index_select(0, image_of)
        states = self.question(questions.states).tanh().index_select(0, question_of)
        return images * states, even_weights(regions, image_of)


class ConcatenateFusion(Fusion):
    """An image vector and a question vector side by side."""

    def __init__(self, region_dim: int, question_dim: int, *, fusion_dim: int = 1024) -> None:
        super().__init__()
        self.output_dim = 2 * fusion_dim
        self.image = nn.Linear(region_dim, fusion_dim)
        self.question = nn.Linear(question_dim, fusion_dim)

    def forward(
        self,
        regions: Float[Tensor, "batch regions feature"],
        questions: Questions,
        image_of: Int[Tensor, " rows"],
        question_of: Int[Tensor, " rows"],
    ) -> tuple[Float[Tensor, "rows joint"], Float[Tensor, "rows regions"]]:
        """Concatenate; the attention weights are uniform."""
        images = _images(self.image, regions).index_select(0, image_of)
        states = self.question(questions.states).tanh().index_select(0, question_of)
        return torch.cat([images, states], dim=-1), even_weights(regions, image_of)


def _images(layer: nn.Linear, regions: Tensor) -> Tensor:
    projected: Tensor = layer(F.normalize(regions.mean(dim=1), dim=-1))
    return projected.tanh()  # (batch, fusion)
