"""FiLM: the question sets scale and shift of every feature map of a small residual network.

The regions are the cells of a square grid, and each block reads the cells' coordinates. Without any
attention this network was the first to solve questions of several steps.

It is the slowest fusion here: only the first block, up to its modulation, runs once per image; all
other convolutions run for every row, since the question has changed the maps. With ten questions an
image, two blocks took seven times the time of two hops of stacked attention, forwards and backwards
on a CPU.

Maps are ``(rows, regions, channels)``, which is an image with channels last: nothing is copied.

References:
    Perez, Strub, de Vries, Dumoulin and Courville 2018, "FiLM: Visual reasoning with a general
    conditioning layer", section 3 (the modulation, the block, the coordinate maps) and their
    published code (gamma = 1 + delta; the normalisations of stem and last layer).
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from multimodal.vqa.fusion.contract import Fusion, Questions, grid_coordinates


class FilmFusion(Fusion):
    """Residual blocks modulated by the question, and a global maximum (Perez et al. 2018).

    There are `num_hops` blocks of `fusion_dim` feature maps, and `output_dim` before the maximum.

    Raises:
        ValueError: If there is no block; in a call, if the regions are not a square grid.
    """

    def __init__(
        self,
        region_dim: int,
        question_dim: int,
        *,
        fusion_dim: int = 128,
        num_hops: int = 4,
        output_dim: int = 512,
    ) -> None:
        super().__init__()
        if num_hops < 1:
            raise ValueError(f"`num_hops` must be at least 1, got {num_hops}.")
        self.output_dim = output_dim
        # A bias before a normalisation would be subtracted again.
        self.stem = _Grid3x3(region_dim + 2, fusion_dim)
        self.stem_norm = nn.BatchNorm1d(fusion_dim)
        self.modulation = nn.Linear(question_dim, num_hops * 2 * fusion_dim)
        self.blocks = nn.ModuleList(_Block(fusion_dim) for _ in range(num_hops))
        self.project = nn.Linear(fusion_dim + 2, output_dim, bias=False)
        self.project_norm = nn.BatchNorm1d(output_dim)

    def forward(
        self,
        regions: Float[Tensor, "batch regions feature"],
        questions: Questions,
        image_of: Int[Tensor, " rows"],
        question_of: Int[Tensor, " rows"],
    ) -> tuple[Float[Tensor, "rows joint"], Float[Tensor, "rows regions"]]:
        """Modulate and take the maximum.

        A region's weight is the share of features that have their maximum there; a feature that is
        zero in all regions counts uniformly.
        """
        coordinates = grid_coordinates(regions.shape[1], regions.device)
        maps = _norm(self.stem_norm, self.stem(_with_coordinates(regions, coordinates))).relu_()
        # (questions, blocks, 2, channels): delta and shift; the scale is 1 + delta, of any size.
        changes = self.modulation(questions.states).unflatten(-1, (len(self.blocks), 2, -1))
        changes = changes.index_select(0, question_of)
        for number, block in enumerate(self.blocks):
            residual, normed = block(_with_coordinates(maps, coordinates))
            if number == 0:
                residual, normed = (part.index_select(0, image_of) for part in (residual, normed))
            delta, shift = changes[:, number].unsqueeze(2).unbind(dim=1)  # (rows, 1, channels)
            maps = residual + torch.addcmul(shift, 1 + delta, normed).relu_()
        features = _norm(self.project_norm, self.project(_with_coordinates(maps, coordinates)))
        highest, winners = features.max(dim=1)  # (rows, joint)
        return highest.relu(), _shares(winners, highest > 0, regions)


class _Block(nn.Module):
    """A block up to its modulation by the question (Perez et al. 2018, section 3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = nn.Linear(channels + 2, channels)  # the convolution of 1 x 1
        self.convolution = _Grid3x3(channels, channels)
        self.norm = nn.BatchNorm1d(channels, affine=False)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        residual = self.project(maps).relu_()  # (rows, regions, channels)
        return residual, _norm(self.norm, self.convolution(residual))


class _Grid3x3(nn.Module):
    """A convolution of 3 x 3 over regions that are the cells of a square grid."""

    def __init__(self, input_dim: int, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(input_dim, channels, kernel_size=3, padding=1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        side = math.isqrt(maps.shape[1])
        grid = maps.transpose(1, 2).unflatten(2, (side, side))  # (rows, channels, side, side)
        convolved: Tensor = self.layer(grid).flatten(2).transpose(1, 2)
        return convolved  # (rows, regions, channels)


def _with_coordinates(maps: Tensor, coordinates: Tensor) -> Tensor:
    return torch.cat([maps, coordinates.to(maps.dtype).expand(len(maps), -1, -1)], dim=-1)


def _norm(norm: nn.Module, maps: Tensor) -> Tensor:
    normed: Tensor = norm(maps.flatten(0, 1)).view_as(maps)
    return normed


def _shares(winners: Tensor, alive: Tensor, regions: Tensor) -> Tensor:
    features, count = winners.shape[1], regions.shape[1]
    wins = regions.new_zeros(len(winners), count)
    wins.scatter_add_(1, winners, alive.to(regions.dtype))
    uniform = (features - wins.sum(dim=1, keepdim=True)) / count
    return (wins + uniform) / features  # (rows, regions)
