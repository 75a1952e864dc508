"""Attention of many queries over the regions of an image.

Two scores. `DotAttention` compares projected queries with projected regions by a scaled product, in
several heads: the queries of all time steps and of all captions of an image are one matrix
product, so it is the fast one. `AdditiveAttention` is the small network of Show, Attend and Tell.
In both, what depends on the image alone (`keys`) is computed once for all queries.

References:
    Bahdanau, Cho and Bengio 2015, "Neural machine translation by jointly learning to align and
    translate", section 3.1; Luong, Pham and Manning 2015, "Effective approaches to attention-based
    neural machine translation", section 3.1; Xu et al. 2015, "Show, attend and tell", equations
    4-6; Vaswani et al. 2017, "Attention is all you need", section 3.2.
"""

from jaxtyping import Float
from torch import Tensor, nn


class DotAttention(nn.Module):
    """Scaled dot-product attention in several heads (Vaswani et al. 2017, section 3.2).

    Raises:
        ValueError: If `num_heads` does not divide `attention_dim`, the width over all heads.
    """

    def __init__(
        self, query_dim: int, region_dim: int, *, attention_dim: int, num_heads: int = 1
    ) -> None:
        super().__init__()
        if attention_dim % num_heads:
            raise ValueError(
                f"`attention_dim` must be a multiple of `num_heads`, got {attention_dim} and "
                f"{num_heads}."
            )
        self.num_heads = num_heads
        self.query = nn.Linear(query_dim, attention_dim)
        self.key = nn.Linear(region_dim, attention_dim)
        self.value = nn.Linear(region_dim, attention_dim)

    def keys(
        self, regions: Float[Tensor, "batch regions feature"]
    ) -> tuple[
        Float[Tensor, "batch heads regions head"], Float[Tensor, "batch heads regions head"]
    ]:
        """Project the regions once for all queries, to keys and values."""
        return self._split(self.key(regions)), self._split(self.value(regions))

    def forward(
        self,
        queries: Float[Tensor, "batch queries query"],
        keys: Float[Tensor, "batch heads regions head"],
        values: Float[Tensor, "batch heads regions head"],
    ) -> tuple[Float[Tensor, "batch queries attention"], Float[Tensor, "batch queries regions"]]:
        """Return contexts and weights; each query's weights, averaged over heads, sum to 1."""
        return self.attend(self.query(queries), keys, values)

    def attend(
        self,
        projected: Float[Tensor, "batch queries attention"],
        keys: Float[Tensor, "batch heads regions head"],
        values: Float[Tensor, "batch heads regions head"],
    ) -> tuple[Float[Tensor, "batch queries attention"], Float[Tensor, "batch queries regions"]]:
        """Attend with projected queries: `forward` after its first product."""
        heads = self._split(projected)  # (batch, heads, queries, head)
        scores = heads @ keys.transpose(-1, -2) * heads.shape[-1] ** -0.5
        weights = scores.softmax(dim=-1).to(values.dtype)  # (batch, heads, queries, regions)
        contexts = (weights @ values).transpose(1, 2).flatten(2)  # (batch, queries, attention)
        return contexts, weights.mean(dim=1)

    def _split(self, vectors: Tensor) -> Tensor:
        heads: Tensor = vectors.unflatten(-1, (self.num_heads, -1))
        return heads.transpose(1, 2)


class AdditiveAttention(nn.Module):
    """A one-hidden-layer network scores each region (Xu et al. 2015, equations 4-6).

    ``score = w . tanh(U region + W query)``. The caller projects the query (it can share that
    product with other layers that read the same state), so that `forward` takes ``W query``.
    """

    def __init__(self, query_dim: int, region_dim: int, *, attention_dim: int) -> None:
        super().__init__()
        self.query = nn.Linear(query_dim, attention_dim)
        self.key = nn.Linear(region_dim, attention_dim)
        self.score = nn.Linear(attention_dim, 1)

    def keys(
        self, regions: Float[Tensor, "batch regions feature"]
    ) -> Float[Tensor, "batch regions attention"]:
        """Project the regions once for all steps: ``U region``."""
        keys: Tensor = self.key(regions)
        return keys

    def forward(
        self,
        queries: Float[Tensor, "batch beams attention"],
        keys: Float[Tensor, "batch regions attention"],
        regions: Float[Tensor, "batch regions feature"],
    ) -> tuple[Float[Tensor, "batch beams feature"], Float[Tensor, "batch beams regions"]]:
        """Return contexts and weights for the projected queries ``W query`` of one step."""
        mixed = (keys.unsqueeze(1) + queries.unsqueeze(2)).tanh_()  # the largest tensor by far
        scores = self.score(mixed).squeeze(-1)  # (batch, beams, regions)
        weights = scores.softmax(dim=-1).to(regions.dtype)
        return weights @ regions, weights
