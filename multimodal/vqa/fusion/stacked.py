"""Stacked attention: attend, add the attended region to the question, attend again.

The first hop locates the object that the question names, the next the property in question. The
regions' part of each hop is projected once per image, the question's part of the first hop once per
question.

References:
    Yang, He, Gao, Deng and Smola 2016, "Stacked attention networks for image question answering",
    sections 3.1 (regions brought to the question's width) and 3.3 (attention, several hops).
"""

from jaxtyping import Float, Int
from torch import Tensor, nn

from multimodal.vqa.fusion.contract import Fusion, Questions, weighted_sum


class StackedAttentionFusion(Fusion):
    """Several hops, each queried by the question and all attended regions (Yang et al. 2016).

    The result is as wide as the question's state, the attention's hidden layer `fusion_dim`.

    Raises:
        ValueError: If there is no hop.
    """

    def __init__(
        self, region_dim: int, question_dim: int, *, fusion_dim: int = 512, num_hops: int = 2
    ) -> None:
        super().__init__()
        if num_hops < 1:
            raise ValueError(f"`num_hops` must be at least 1, got {num_hops}.")
        self.output_dim = question_dim
        self.region = nn.Linear(region_dim, question_dim)
        self.hops = nn.ModuleList(_Hop(question_dim, fusion_dim) for _ in range(num_hops))

    def forward(
        self,
        regions: Float[Tensor, "batch regions feature"],
        questions: Questions,
        image_of: Int[Tensor, " rows"],
        question_of: Int[Tensor, " rows"],
    ) -> tuple[Float[Tensor, "rows joint"], Float[Tensor, "rows regions"]]:
        """Attend several times; the weights are those of the last hop."""
        views = self.region(regions).tanh()  # (batch, regions, question)
        first, *others = self.hops
        weights = first(views, questions.states, image_of, question_of)
        queries = questions.states.index_select(0, question_of)
        queries = queries + weighted_sum(weights, views, image_of)  # (rows, question)
        for hop in others:
            weights = hop(views, queries, image_of)
            queries = queries + weighted_sum(weights, views, image_of)
        return queries, weights


class _Hop(nn.Module):
    """``softmax(w . tanh(U view + W query + b))`` over the regions."""

    def __init__(self, question_dim: int, fusion_dim: int) -> None:
        super().__init__()
        self.key = nn.Linear(question_dim, fusion_dim, bias=False)
        self.query = nn.Linear(question_dim, fusion_dim)
        # The paper's bias of the score is the same for all regions: the softmax cancels it.
        self.score = nn.Linear(fusion_dim, 1, bias=False)

    def forward(
        self, views: Tensor, queries: Tensor, image_of: Tensor, query_of: Tensor | None = None
    ) -> Tensor:
        """Compute the weights; without ``query_of`` there is one query for each row."""
        queries = self.query(queries)
        if query_of is not None:
            queries = queries.index_select(0, query_of)
        # The copy of the keys is the largest tensor by far, so it is changed in place.
        mixed = self.key(views).index_select(0, image_of).add_(queries.unsqueeze(1)).tanh_()
        weights: Tensor = self.score(mixed).squeeze(-1).softmax(dim=-1)  # (rows, regions)
        return weights
