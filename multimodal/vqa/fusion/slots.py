"""Slots: several queries per question attend to the image in hops, and are compared in pairs.

A question about a scene names one to four objects ("is the red ring left of the star?"). Each slot
attends to the question's words, and so to one of these objects; queries the regions for it; and
gets its coordinates. Every pair of slots is then compared: squared differences of their values, and
differences of coordinates and counts. With a product of one image vector and one question vector,
the accuracy on spatial relations is that of chance.

A slot attends in two ways: a softmax selects one object; sigmoids, which need not sum to 1, select
all of a kind, so that they can be counted. After each hop every slot receives the results of the
others. The words also give each slot a direction: regions on the other side of its last position
get less weight ("... left of the ring", "how many are above it").

References:
    Hudson and Manning 2018, "Compositional attention networks for machine reasoning" (attention to
    the question's words controls each step); Zhang, Hare and Prügel-Bennett 2018, "Learning to
    count objects in natural images for visual question answering", section 3 (a softmax cannot
    count); Santoro et al. 2017, "A simple neural network module for relational reasoning" (pairs).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from multimodal.vqa.fusion.contract import Fusion, Questions, grid_coordinates, positions_by_image


class SlotsFusion(Fusion):
    """Slots that attend in hops and are compared in pairs.

    Args:
        region_dim: Width of a region.
        question_dim: Width of the question encoder's states and outputs.
        fusion_dim: Width of a slot.
        num_slots: At least the number of objects that a question names.
        num_hops: Attention steps of each slot.
        pair_dim: Width of the vectors that are compared.
    """

    differences: Tensor

    def __init__(
        self,
        region_dim: int,
        question_dim: int,
        *,
        fusion_dim: int = 128,
        num_slots: int = 6,
        num_hops: int = 2,
        pair_dim: int = 32,
    ) -> None:
        super().__init__()
        self.num_slots = num_slots
        self.num_hops = num_hops
        self.word_scores = nn.Linear(question_dim, num_hops * num_slots)
        self.read = nn.Linear(question_dim, 2 * fusion_dim)  # a query, and a gate
        # Directions start at zero: no side is preferred until training learns one.
        self.read_sides = nn.Linear(question_dim, 2)
        nn.init.zeros_(self.read_sides.weight)
        nn.init.zeros_(self.read_sides.bias)
        self.read_whole = nn.Linear(question_dim, 2 * fusion_dim, bias=False)
        self.first_queries = nn.Parameter(torch.randn(num_hops * num_slots, fusion_dim) * 0.1)
        self.see = nn.Sequential(nn.Linear(region_dim + 2, 2 * fusion_dim), nn.ReLU())
        self.keys = nn.Linear(2 * fusion_dim, 2 * fusion_dim)  # for the softmax, for the sigmoids
        self.values = nn.Linear(2 * fusion_dim, fusion_dim)
        result_dim = fusion_dim + 2 + 1  # value, coordinates, count
        self.tell = nn.ModuleList(
            nn.Sequential(
                nn.Linear(num_slots * result_dim, 2 * fusion_dim),
                nn.ReLU(),
                nn.Linear(2 * fusion_dim, num_slots * fusion_dim),
            )
            for _ in range(num_hops - 1)
        )
        self.compare = nn.Linear(fusion_dim, pair_dim)
        first, second = torch.triu_indices(num_slots, num_slots, offset=1)
        pairs, eye = len(first), torch.eye(num_slots)
        self.register_buffer("differences", eye[first] - eye[second], persistent=False)
        joint_dim = num_slots * result_dim + pairs * (pair_dim + 4)
        self.join = nn.Linear(joint_dim, 2 * fusion_dim)
        self.ask = nn.Linear(question_dim, 2 * fusion_dim)
        self.output_dim = 4 * fusion_dim

    def forward(
        self,
        regions: Float[Tensor, "batch regions feature"],
        questions: Questions,
        image_of: Int[Tensor, " rows"],
        question_of: Int[Tensor, " rows"],
    ) -> tuple[Float[Tensor, "rows joint"], Float[Tensor, "rows regions"]]:
        """Attend in hops and compare the slots; the weights are the last hop's means."""
        # For each hop (questions, slots, fusion), the sides (questions, slots, 2).
        queries, gates, sides = self._read(questions)
        positions, most = positions_by_image(image_of)
        coordinates = grid_coordinates(regions.shape[1]).to(regions)
        hidden = self.see(torch.cat([regions, coordinates.expand(len(regions), -1, -1)], dim=-1))
        keys, values = self.keys(hidden).chunk(2, dim=-1), self.values(hidden)
        message = keys[0].new_zeros(())
        last = coordinates.new_zeros(2)  # the first hop starts at the middle of the image
        for hop in range(self.num_hops):
            # Given the ring's position, "left of" and "above" must query different regions.
            gate = gates[hop].index_select(0, question_of)
            query = queries[hop].index_select(0, question_of) + message * gate
            side = sides[hop].index_select(0, question_of)
            block = _by_image(query, positions, len(regions), most)
            dimmed = _dim(_by_image(side, positions, len(regions), most), last, coordinates)
            results, weights = _attend(block, keys, values, coordinates, dimmed)
            last = results[..., -3:-1]
            rows = self._by_row(results, positions)
            if hop < self.num_hops - 1:
                message = self.tell[hop](rows.flatten(1)).unflatten(1, (self.num_slots, -1))
        joint = self.join(torch.cat([rows.flatten(1), self._pairs(rows)], dim=-1))
        # A difference between two slots is an answer only together with the question: "left of"
        # or "above", "colour" or "size". A product models this directly, a sum cannot.
        question = self.ask(questions.states).index_select(0, question_of)
        joint = torch.cat([joint * question, joint + question], dim=-1)
        return joint, self._by_row(weights, positions).mean(dim=1)

    def _read(self, questions: Questions) -> tuple[tuple[Tensor, ...], ...]:
        scores = self.word_scores(questions.outputs).transpose(1, 2)  # (questions, slots, time)
        scores = scores.masked_fill(~questions.mask.unsqueeze(1), -torch.inf)
        words = scores.softmax(dim=-1) @ questions.outputs
        whole = self.read_whole(questions.states).unsqueeze(1)
        queries, gates = (self.read(words) + whole).chunk(2, dim=-1)
        parts = (queries + self.first_queries, gates, self.read_sides(words))
        return tuple(part.split(self.num_slots, dim=1) for part in parts)

    def _by_row(self, block: Tensor, positions: Tensor) -> Tensor:
        """Select the rows from the block of `_by_image`: ``(rows, slots, ...)``."""
        slots: Tensor = block.flatten(0, 1).unflatten(0, (-1, self.num_slots))
        return slots.index_select(0, positions)

    def _pairs(self, rows: Tensor) -> Tensor:
        # A product with +1 and -1 takes all differences at once, and its gradient is a product too.
        apart = (self.differences @ self.compare(rows[..., :-3])).square()
        aside = self.differences @ rows[..., -3:]
        number = aside[..., 2:]
        # Coordinates run from -1 to 1, and objects are a few tenths apart.
        return torch.cat([apart, 4 * aside[..., :2], number, number.abs()], dim=-1).flatten(1)


def _dim(sides: Tensor, last: Tensor, coordinates: Tensor) -> Tensor:
    """Return the log-weight of each region: low on the other side of the last position."""
    ahead = sides @ coordinates.T - (sides * last).sum(dim=-1, keepdim=True)
    dimmed: Tensor = F.logsigmoid(4 * ahead)  # (images, rows x slots, regions)
    return dimmed


def _attend(
    queries: Tensor,
    keys: tuple[Tensor, Tensor],
    values: Tensor,
    coordinates: Tensor,
    dimmed: Tensor,
) -> tuple[Tensor, Tensor]:
    scale = queries.shape[-1] ** -0.5
    one = (queries @ keys[0].transpose(1, 2) * scale + dimmed).softmax(dim=-1)
    every = (queries @ keys[1].transpose(1, 2) * scale + dimmed).sigmoid() / values.shape[1] * 8
    many = every.sum(dim=-1, keepdim=True)
    return torch.cat([one @ values, one @ coordinates, many], dim=-1), one


def _by_image(rows: Tensor, positions: Tensor, images: int, most: int) -> Tensor:
    block = rows.new_zeros(images * most, *rows.shape[1:]).index_copy(0, positions, rows)
    grouped: Tensor = block.unflatten(0, (images, most)).flatten(1, 2)
    return grouped  # (images, rows x slots, fusion)
