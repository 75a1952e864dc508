"""What a score loses when a part of its input is hidden: patches of a picture, words of a text.

Nothing is assumed of the network, not even that it has gradients, and what is reported truly
happened: the score fell by so much without this part. It takes one pass forward for each part.

What stands in for a hidden part matters. A patch of zeros is a black object on a white wall; the
colour of the wall hides it (`typical_colour`).

References:
    Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2
    (patches); Li, Monroe and Jurafsky 2016, "Understanding neural networks through representation
    erasure" (words).
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from multimodal.explain.scores import check_least


def occlude(
    score: Callable[[Tensor, Tensor], Tensor],
    inputs: Shaped[Tensor, "batch *shape"],
    hidden: Bool[Tensor, "parts *shape"],
    replacements: Shaped[Tensor, "batch *shape"],
    *,
    together: int = 64,
) -> Float[Tensor, "batch parts *outputs"]:
    """Return by how much the score of each input falls when a part of it is hidden.

    Args:
        score: What is explained, as `multimodal.explain.scores.Score`; it may also give several
            numbers for each row, ``(rows, outputs)``, all of which are explained in one go.
        inputs: What was scored.
        hidden: For each part, True where it is.
        replacements: What stands in for hidden numbers of each input.
        together: Changed inputs that go through the network at once.

    Returns:
        The score with everything less that without the part: positive where the part spoke for it.

    Raises:
        ValueError: If `together` is below 1, or the score is not one row for each row.

    Example:
        >>> each = torch.eye(3, dtype=torch.bool)
        >>> numbers = torch.tensor([[1.0, 2.0, 3.0]])
        >>> occlude(lambda rows, which: rows.sum(dim=1), numbers, each, torch.zeros(1, 3))
        tensor([[1., 2., 3.]])
    """
    check_least(together=together)
    parts = len(hidden)
    if not len(inputs) * parts:
        return torch.zeros(len(inputs), parts, device=inputs.device)
    inputs, replacements = inputs.detach(), replacements.detach()
    every = torch.arange(len(inputs), device=inputs.device)
    pairs = torch.arange(len(inputs) * parts, device=inputs.device)
    with torch.no_grad():
        whole = [_scores(score, inputs[some], some) for some in every.split(together)]
        less = []
        for some in pairs.split(together):
            which, part = some // parts, some % parts
            changed = torch.where(hidden[part], replacements[which], inputs[which])
            less.append(_scores(score, changed, which))
        kept = torch.cat(less).unflatten(0, (len(inputs), parts))  # (batch, parts, *outputs)
        falls: Tensor = torch.cat(whole).unsqueeze(1) - kept
        return falls


def occlude_words(
    score: Callable[[Tensor, Tensor], Tensor],
    words: Shaped[Tensor, "batch time *vector"],
    replacement: Shaped[Tensor, "*vector"],
    *,
    together: int = 64,
) -> Float[Tensor, "batch time *outputs"]:
    """Return by how much the score of each text falls when one of its words is hidden.

    Args:
        score: As for `occlude`; it knows what is padding.
        words: Word vectors, or token ids.
        replacement: What stands in for a hidden word, such as the mean of all word vectors.
        together: Changed texts that go through the network at once.

    Returns:
        A number for each word, 0 for padding of a score that ignores it.

    Raises:
        ValueError: If `together` is below 1, or the score is not one row for each row.

    Example:
        >>> values = torch.tensor([0.0, 0.0, 0.0, 0.0, 5.0, -2.0])
        >>> tokens = torch.tensor([[4, 5, 4]])
        >>> occlude_words(lambda rows, which: values[rows].sum(dim=1), tokens, torch.tensor(3))
        tensor([[ 5., -2.,  5.]])
    """
    each = torch.eye(words.shape[1], dtype=torch.bool, device=words.device)
    hidden = each.view(*each.shape, *[1] * (words.dim() - 2)).expand(-1, *words.shape[1:])
    return occlude(score, words, hidden, replacement.expand_as(words), together=together)


def occlude_patches(
    score: Callable[[Tensor, Tensor], Tensor],
    images: Float[Tensor, "batch channels height width"],
    *,
    patch: int,
    stride: int,
    replacements: Float[Tensor, "batch channels height width"] | None = None,
    together: int = 64,
) -> Float[Tensor, "batch *outputs height width"]:
    """Return by how much the score of each picture falls when a patch of it is hidden.

    Args:
        score: As for `occlude`.
        images: The pictures.
        patch: Side of a patch in pixels; patches at the right and lower edge may be cut.
        stride: Pixels from one patch to the next.
        replacements: What stands in for hidden pixels; each picture's typical colour by default.
        together: Changed pictures that go through the network at once.

    Returns:
        For each pixel the mean over the patches that cover it; 0 for one that none covers.

    Raises:
        ValueError: If `patch`, `stride` or `together` is below 1, or the score is not one row for
            each row.

    Example:
        >>> image = torch.zeros(1, 1, 2, 4)
        >>> image[..., :2] = 1.0
        >>> none = torch.zeros_like(image)
        >>> occlude_patches(
        ...     lambda rows, which: rows.sum(dim=(1, 2, 3)), image, patch=2, stride=2,
        ...     replacements=none,
        ... )
        tensor([[[4., 4., 0., 0.],
                 [4., 4., 0., 0.]]])
    """
    check_least(patch=patch, stride=stride)
    height, width = images.shape[2:]
    rows, columns = _windows(height, patch, stride), _windows(width, patch, stride)
    hidden = rows[:, None, :, None] & columns[None, :, None, :]  # (rows, columns, height, width)
    hidden = hidden.flatten(0, 1).to(images.device)  # (parts, height, width)
    falls = occlude(
        score,
        images,
        hidden.unsqueeze(1).expand(-1, images.shape[1], -1, -1),
        typical_colour(images).expand_as(images) if replacements is None else replacements,
        together=together,
    ).movedim(1, -1)  # (batch, *outputs, parts)
    covered = hidden.flatten(1).to(falls.dtype)  # (parts, pixels)
    spread = falls @ covered / covered.sum(dim=0).clamp(min=1)
    maps: Tensor = spread.unflatten(-1, (height, width))
    return maps


def typical_colour(
    images: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels 1 1"]:
    """Return the median of each channel over a picture: of a plain background its very colour.

    Args:
        images: The pictures.

    Returns:
        A colour for each.

    Example:
        >>> image = torch.zeros(1, 1, 3, 3)
        >>> image[..., 1, 1] = 1.0
        >>> typical_colour(image).item()
        0.0
    """
    return images.flatten(2).median(dim=2).values[..., None, None]


def _windows(length: int, size: int, stride: int) -> Tensor:
    """Mark every window along an axis: True inside; the last one reaches the end, maybe cut."""
    number = max(0, -(-(length - size) // stride)) + 1
    starts = torch.arange(number).unsqueeze(1) * stride
    places = torch.arange(length)
    return (places >= starts) & (places < starts + size)


def _scores(score: Callable[[Tensor, Tensor], Tensor], rows: Tensor, which: Tensor) -> Tensor:
    scores = score(rows, which)
    if scores.dim() not in (1, 2) or len(scores) != len(which):
        raise ValueError(
            f"The score must be one number, or one row of numbers, for each of {len(which)} rows, "
            f"got {tuple(scores.shape)}."
        )
    return scores.float()
