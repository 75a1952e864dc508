"""The contract of the fusions: an image and a question become one vector.

A row is a question about an image. An image has several rows, and a question may belong to several
images, so a batch holds each image once, each different question once, and two indices per row.
What depends on the image alone is computed per image, what depends on the question alone per
question, and only the rest per row.
"""

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


class Questions(NamedTuple):
    """The different questions of a batch, encoded.

    Attributes:
        states: A vector for each whole question, ``(questions, hidden)``.
        outputs: A vector for each word, ``(questions, time, hidden)``, zero at the padding.
        mask: True where a word is real, ``(questions, time)``.
    """

    states: Float[Tensor, "questions hidden"]
    outputs: Float[Tensor, "questions time hidden"]
    mask: Bool[Tensor, "questions time"]


class Fusion(nn.Module, ABC):
    """The contract of the fusions.

    A fusion is built from the widths of a region and of a question's vectors; ``fusion_dim`` is the
    width of its own layers.

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
            regions: The regions of each image.
            questions: The different questions.
            image_of: Index of each row's image.
            question_of: Index of each row's question.

        Returns:
            A vector for each row, and attention weights: they sum to 1, and are uniform where a
            fusion does not attend.
        """


def even_weights(
    regions: Float[Tensor, "batch regions feature"], image_of: Int[Tensor, " rows"]
) -> Float[Tensor, "rows regions"]:
    """Return the uniform weights of a fusion without attention."""
    return regions.new_full((len(image_of), regions.shape[1]), 1 / regions.shape[1])


def weighted_sum(
    weights: Float[Tensor, "rows regions"],
    values: Float[Tensor, "batch regions feature"],
    image_of: Int[Tensor, " rows"],
) -> Float[Tensor, "rows feature"]:
    """Sum the regions of each row's image by the row's weights.

    On the CPU the rows of an image are arranged side by side, which takes a tenth of the time of
    copying each row's regions. On a GPU, where counting an image's rows would wait for the device,
    they are copied.

    Example:
        >>> values = torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]]])
        >>> weights = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
        >>> weighted_sum(weights, values, torch.tensor([1, 1])).tolist()
        [[3.0], [3.5]]
    """
    weights = weights.to(values.dtype)
    if values.device.type != "cpu":
        return (weights.unsqueeze(1) @ values.index_select(0, image_of)).squeeze(1)
    positions, most = positions_by_image(image_of)
    batch, regions, _ = values.shape
    beside = weights.new_zeros(batch * most, regions).index_copy(0, positions, weights)
    sums = beside.view(batch, most, regions) @ values  # (batch, most, feature)
    return sums.flatten(0, 1).index_select(0, positions)


def positions_by_image(image_of: Int[Tensor, " rows"]) -> tuple[Int[Tensor, " rows"], int]:
    """Assign each row a position in a block ``(images x most, ...)`` of equal parts per image.

    Returns:
        The positions, for ``index_copy`` and ``index_select``, and ``most``: the number of rows of
        the image with the most rows. On a GPU this waits for the device. While a graph is exported,
        each image has one row, in order.

    Example:
        >>> positions_by_image(torch.tensor([1, 0, 1]))
        (tensor([2, 0, 3]), 2)
    """
    if torch.compiler.is_exporting():  # a graph has fixed operations: one question per image
        return image_of, 1
    counts = image_of.bincount()
    most = int(counts.max())
    order = image_of.argsort(stable=True)
    firsts = (counts.cumsum(0) - counts)[image_of[order]]  # start of the row's image in `order`
    ranks = torch.empty_like(image_of)
    ranks[order] = torch.arange(len(order), device=order.device) - firsts
    return image_of * most + ranks, most


def grid_coordinates(
    regions: int, device: torch.device | None = None
) -> Float[Tensor, "regions 2"]:
    """Return the coordinates of the cells of a square grid, row by row: to the right, then down.

    Raises:
        ValueError: If the number of regions is not a square.

    Example:
        >>> grid_coordinates(4).tolist()
        [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]
    """
    side = math.isqrt(regions)
    if side * side != regions:
        raise ValueError(
            f"This fusion needs regions in a square grid (49 are 7 by 7), got {regions} regions. "
            "Make the images square, or choose a fusion that needs no grid, such as stacked."
        )
    line = torch.linspace(-1, 1, side, device=device) if side > 1 else torch.zeros(1, device=device)
    down, right = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([right, down], dim=-1).flatten(0, 1)  # (regions, 2)
