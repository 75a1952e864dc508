"""What every fusion is: an image and a question become one vector.

A row is a question asked about an image. An image has several rows, and a question may be asked
about several images, so a batch holds each image once, each different question once, and two
indices that say which belong to a row. What depends on the image alone is computed per image, what
depends on the question alone per question, and only the rest per row.
"""

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


class Questions(NamedTuple):
    """The different questions of a batch, read.

    Attributes:
        states: What was read of each whole question, ``(questions, hidden)``.
        outputs: A vector for each word, ``(questions, time, hidden)``, zero at the padding.
        mask: True where a word is real, ``(questions, time)``.
    """

    states: Float[Tensor, "questions hidden"]
    outputs: Float[Tensor, "questions time hidden"]
    mask: Bool[Tensor, "questions time"]


class Fusion(nn.Module, ABC):
    """The contract of the fusions.

    Attributes:
        output_dim: Width of the vectors from which answers are predicted.
    """

    output_dim: int

    @abstractmethod
    def forward(
        self,
        regions: Float[Tensor, "batch regions feature"],
        questions: Questions,
        image_of: Int[Tensor, " rows"],
        question_of: Int[Tensor, " rows"],
    ) -> tuple[Float[Tensor, "rows joint"], Float[Tensor, "rows regions"]]:
        """Fuse each row's image and question.

        Args:
            regions: Each image's regions, ``(batch, regions, feature)``.
            questions: The different questions.
            image_of: Which image each row is about.
            question_of: Which question each row asks.

        Returns:
            A vector for each row ``(rows, joint)``, and weights that say where it looked ``(rows,
            regions)``: they sum to 1, and are even where a fusion cannot tell.
        """


def even_weights(
    regions: Float[Tensor, "batch regions feature"], image_of: Int[Tensor, " rows"]
) -> Float[Tensor, "rows regions"]:
    """Return the weights of a fusion that looks at all regions alike.

    Example:
        >>> even_weights(torch.zeros(1, 4, 2), torch.tensor([0, 0])).tolist()
        [[0.25, 0.25, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25]]
    """
    return regions.new_full((len(image_of), regions.shape[1]), 1 / regions.shape[1])


def weighted_sum(
    weights: Float[Tensor, "rows regions"],
    values: Float[Tensor, "batch regions feature"],
    image_of: Int[Tensor, " rows"],
) -> Float[Tensor, "rows feature"]:
    """Sum the regions of each row's image by the row's weights.

    On the CPU the rows of an image are laid side by side, so that no region is copied: a tenth of
    the time of copying each row's regions. Elsewhere, where counting an image's rows would wait for
    the device, they are copied.

    Args:
        weights: How much each region counts in each row, ``(rows, regions)``.
        values: What each image's regions hold, ``(batch, regions, feature)``.
        image_of: Which image each row is about, in any order.

    Returns:
        Sums ``(rows, feature)``.

    Example:
        >>> values = torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]]])
        >>> weights = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
        >>> weighted_sum(weights, values, torch.tensor([1, 1])).tolist()
        [[3.0], [3.5]]
    """
    weights = weights.to(values.dtype)
    if values.device.type != "cpu":
        return (weights.unsqueeze(1) @ values.index_select(0, image_of)).squeeze(1)
    places, most = places_by_image(image_of)
    batch, regions, _ = values.shape
    beside = weights.new_zeros(batch * most, regions).index_copy(0, places, weights)
    sums = beside.view(batch, most, regions) @ values  # (batch, most, feature)
    return sums.flatten(0, 1).index_select(0, places)


def places_by_image(image_of: Int[Tensor, " rows"]) -> tuple[Int[Tensor, " rows"], int]:
    """Find a place for each row in a block ``(images x most, ...)`` of equal parts per image.

    Args:
        image_of: Which image each row is about, in any order.

    Returns:
        The row's place, to be used with ``index_copy`` and ``index_select``, and ``most``: how many
        rows the image with the most rows has. On a GPU this waits for the device. While a graph is
        exported, each image has one row, in order.

    Example:
        >>> places_by_image(torch.tensor([1, 0, 1]))
        (tensor([2, 0, 3]), 2)
    """
    if torch.compiler.is_exporting():  # a graph of fixed operations: one question an image
        return image_of, 1
    counts = image_of.bincount()
    most = int(counts.max())
    order = image_of.argsort(stable=True)
    firsts = (counts.cumsum(0) - counts)[image_of[order]]  # where the row's image starts in `order`
    ranks = torch.empty_like(image_of)
    ranks[order] = torch.arange(len(order), device=order.device) - firsts
    return image_of * most + ranks, most


def grid_coordinates(
    regions: int, device: torch.device | None = None
) -> Float[Tensor, "regions 2"]:
    """Say where each region lies, if the regions are the cells of a square grid, row by row.

    Args:
        regions: How many there are.
        device: Where the result is to be.

    Returns:
        To the right and down from -1 to 1 over the grid, ``(regions, 2)``.

    Raises:
        ValueError: If the number is no square.

    Example:
        >>> grid_coordinates(4).tolist()
        [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]
    """
    side = math.isqrt(regions)
    if side * side != regions:
        raise ValueError(
            f"This fusion needs regions in a square grid (49 are 7 by 7), got {regions} regions. "
            "Make the images square, or choose a fusion that asks for no grid, such as stacked."
        )
    line = torch.linspace(-1, 1, side, device=device) if side > 1 else torch.zeros(1, device=device)
    down, right = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([right, down], dim=-1).flatten(0, 1)  # (regions, 2)
