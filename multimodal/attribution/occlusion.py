"""Occlusion: by how much a score falls when a part of its input is hidden.

It assumes nothing about the network, not even gradients, and its values are measured scores:
without this part, the score falls by so much. It takes one forward pass for each part.

References:
    Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2
    (patches); Li, Monroe and Jurafsky 2016, "Understanding neural networks through representation
    erasure" (words).
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from multimodal.attribution.baselines import median_colour
from multimodal.attribution.cells import pool_cells
from multimodal.attribution.evidence import PictureScores, WordScores
from multimodal.attribution.scores import check_positive

_PATCHES = 8  # along a side; patches overlap by half, which adds as many again


def occlude(
    score: Callable[[Tensor, Tensor], Tensor],
    inputs: Shaped[Tensor, "batch *shape"],
    hidden: Bool[Tensor, "parts *shape"],
    baselines: Shaped[Tensor, "batch *shape"],
    *,
    batch_size: int = 64,
) -> Float[Tensor, "batch parts *outputs"]:
    """Return the score of each input minus its score when a part is replaced by its baseline.

    Values are positive for parts that support the score.

    Args:
        score: The score to explain; it may also give several numbers for each row,
            ``(rows, outputs)``, which are explained together.
        hidden: For each part, True at the numbers that belong to it.

    Example:
        >>> each = torch.eye(3, dtype=torch.bool)
        >>> numbers = torch.tensor([[1.0, 2.0, 3.0]])
        >>> occlude(lambda rows, index: rows.sum(dim=1), numbers, each, torch.zeros(1, 3))
        tensor([[1., 2., 3.]])
    """
    check_positive(batch_size=batch_size)
    parts = len(hidden)
    if not len(inputs) * parts:
        return torch.zeros(len(inputs), parts, device=inputs.device)
    inputs, baselines = inputs.detach(), baselines.detach()
    every = torch.arange(len(inputs), device=inputs.device)
    pairs = torch.arange(len(inputs) * parts, device=inputs.device)
    with torch.no_grad():
        whole = [_scores(score, inputs[index], index) for index in every.split(batch_size)]
        without = []
        for batch in pairs.split(batch_size):
            index, part = batch // parts, batch % parts
            changed = torch.where(hidden[part], baselines[index], inputs[index])
            without.append(_scores(score, changed, index))
        rest = torch.cat(without).unflatten(0, (len(inputs), parts))  # (batch, parts, *outputs)
        falls: Tensor = torch.cat(whole).unsqueeze(1) - rest
        return falls


def occlude_words(
    score: Callable[[Tensor, Tensor], Tensor],
    words: Shaped[Tensor, "batch time *vector"],
    baseline: Shaped[Tensor, "*vector"],
    *,
    batch_size: int = 64,
) -> Float[Tensor, "batch time *outputs"]:
    """Return by how much the score of each text falls when the baseline replaces one of its words.

    Words are word vectors or token ids. The score must mask padding, which then gets 0.

    Example:
        >>> values = torch.tensor([0.0, 0.0, 0.0, 0.0, 5.0, -2.0])
        >>> tokens = torch.tensor([[4, 5, 4]])
        >>> occlude_words(lambda rows, index: values[rows].sum(dim=1), tokens, torch.tensor(3))
        tensor([[ 5., -2.,  5.]])
    """
    each = torch.eye(words.shape[1], dtype=torch.bool, device=words.device)
    hidden = each.view(*each.shape, *[1] * (words.dim() - 2)).expand(-1, *words.shape[1:])
    return occlude(score, words, hidden, baseline.expand_as(words), batch_size=batch_size)


def occlude_patches(
    score: Callable[[Tensor, Tensor], Tensor],
    images: Float[Tensor, "batch channels height width"],
    *,
    patch: int,
    stride: int,
    baselines: Float[Tensor, "batch channels height width"] | None = None,
    batch_size: int = 64,
) -> Float[Tensor, "batch *outputs height width"]:
    """Return by how much the score of each picture falls when a patch of it is hidden.

    A pixel gets the mean over the patches that cover it, 0 if there are none.

    Args:
        patch: Side of a patch in pixels; patches at the right and lower edge may be cut.
        stride: Pixels from one patch to the next.
        baselines: Colours that replace hidden pixels; each picture's median colour by default.

    Example:
        >>> image = torch.zeros(1, 1, 2, 4)
        >>> image[..., :2] = 1.0
        >>> black = torch.zeros_like(image)
        >>> occlude_patches(
        ...     lambda rows, index: rows.sum(dim=(1, 2, 3)), image, patch=2, stride=2,
        ...     baselines=black,
        ... )
        tensor([[[4., 4., 0., 0.],
                 [4., 4., 0., 0.]]])
    """
    check_positive(patch=patch, stride=stride)
    height, width = images.shape[2:]
    rows, columns = _windows(height, patch, stride), _windows(width, patch, stride)
    hidden = rows[:, None, :, None] & columns[None, :, None, :]  # (rows, columns, height, width)
    hidden = hidden.flatten(0, 1).to(images.device)  # (parts, height, width)
    falls = occlude(
        score,
        images,
        hidden.unsqueeze(1).expand(-1, images.shape[1], -1, -1),
        median_colour(images).expand_as(images) if baselines is None else baselines,
        batch_size=batch_size,
    ).movedim(1, -1)  # (batch, *outputs, parts)
    covered = hidden.flatten(1).to(falls.dtype)  # (parts, pixels)
    means = falls @ covered / covered.sum(dim=0).clamp(min=1)
    maps: Tensor = means.unflatten(-1, (height, width))
    return maps


def explain_picture(scores: PictureScores) -> Float[Tensor, "outputs rows columns"]:
    """Return by how much hiding a patch lowers each score, averaged over cells."""
    patch = -(-scores.image.shape[-1] // _PATCHES)
    maps = occlude_patches(
        lambda rows, _: scores.score_pixels(rows),
        scores.image,
        patch=patch,
        stride=-(-patch // 2),
        batch_size=scores.batch_size,
    )
    return pool_cells(maps[0], "mean")


def explain_words(scores: WordScores) -> Float[Tensor, " time"]:
    """Return by how much hiding each word lowers the score."""
    return occlude_words(
        scores.score, scores.vectors, scores.mean_word, batch_size=scores.batch_size
    )[0]


def _windows(length: int, size: int, stride: int) -> Tensor:
    """Mark every window along an axis: True inside; the last one reaches the end, maybe cut."""
    number = max(0, -(-(length - size) // stride)) + 1
    starts = torch.arange(number).unsqueeze(1) * stride
    positions = torch.arange(length)
    return (positions >= starts) & (positions < starts + size)


def _scores(score: Callable[[Tensor, Tensor], Tensor], rows: Tensor, index: Tensor) -> Tensor:
    scores = score(rows, index)
    if scores.dim() not in (1, 2) or len(scores) != len(index):
        raise ValueError(
            f"The score must be one number, or one row of numbers, for each of {len(index)} rows, "
            f"got {tuple(scores.shape)}."
        )
    return scores.float()
