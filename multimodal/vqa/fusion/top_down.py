"""Top-down attention: one attention, queried by the question, and a product.

Each region is concatenated with the question and scored by a gated layer. That layer's matrix has a
part for the region, applied once per image, and one for the question, applied once per question.

References:
    Anderson, He, Buehler, Teney, Johnson, Gould and Zhang 2018, "Bottom-up and top-down attention
    for image captioning and visual question answering", section 3.3; Teney, Anderson, He and van
    den Hengel 2018, "Tips and tricks for visual question answering: learnings from the 2017
    challenge", section 3 (the same network in detail).
"""

from jaxtyping import Float, Int
from torch import Tensor, nn

from multimodal.vqa.fusion.contract import Fusion, Questions, weighted_sum


class TopDownFusion(Fusion):
    """Attention over regions and question, then a product (Anderson et al. 2018)."""

    def __init__(self, region_dim: int, question_dim: int, *, fusion_dim: int = 512) -> None:
        super().__init__()
        self.output_dim = fusion_dim
        # Weights of [region, question] in two parts; one bias serves both.
        self.region_value = nn.Linear(region_dim, fusion_dim, bias=False)
        self.region_gate = nn.Linear(region_dim, fusion_dim, bias=False)
        self.question_value = nn.Linear(question_dim, fusion_dim)
        self.question_gate = nn.Linear(question_dim, fusion_dim)
        self.score = nn.Linear(fusion_dim, 1, bias=False)
        self.seen = GatedTanh(region_dim, fusion_dim)
        self.asked = GatedTanh(question_dim, fusion_dim)

    def forward(
        self,
        regions: Float[Tensor, "batch regions feature"],
        questions: Questions,
        image_of: Int[Tensor, " rows"],
        question_of: Int[Tensor, " rows"],
    ) -> tuple[Float[Tensor, "rows joint"], Float[Tensor, "rows regions"]]:
        """Attend once and multiply the attended region by the question."""
        states = questions.states
        of_rows = image_of, question_of
        values = _add_rows(self.region_value(regions), self.question_value(states), *of_rows)
        gates = _add_rows(self.region_gate(regions), self.question_gate(states), *of_rows)
        scores = self.score(values.tanh_() * gates.sigmoid_()).squeeze(-1)
        weights = scores.softmax(dim=-1)  # (rows, regions)
        attended = self.seen(weighted_sum(weights, regions, image_of))
        return attended * self.asked(states).index_select(0, question_of), weights


class GatedTanh(nn.Module):
    """``tanh(W x + b) * sigmoid(W' x + b')`` (Anderson et al. 2018, section 3.3)."""

    def __init__(self, input_dim: int, output_dim: int) -> None:
        super().__init__()
        self.value = nn.Linear(input_dim, output_dim)
        self.gate = nn.Linear(input_dim, output_dim)

    def forward(self, inputs: Float[Tensor, "*rows feature"]) -> Float[Tensor, "*rows output"]:
        """Apply the layer to the last axis."""
        gated: Tensor = self.value(inputs).tanh() * self.gate(inputs).sigmoid()
        return gated


def _add_rows(regions: Tensor, questions: Tensor, image_of: Tensor, question_of: Tensor) -> Tensor:
    # The copy of the regions is the largest tensor by far, so it is changed in place.
    added = questions.index_select(0, question_of).unsqueeze(1)  # (rows, 1, fusion)
    return regions.index_select(0, image_of).add_(added)  # (rows, regions, fusion)
