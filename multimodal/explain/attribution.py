"""The methods of `multimodal.explain`, each by its name, for a picture and for words.

References:
    Adebayo et al. 2018, "Sanity checks for saliency maps" (of all maps, that of Grad-CAM and of the
    plain gradient depend on what the network has learned); Petsiuk, Das and Saenko 2018, "RISE",
    section 4 (deleting what is held to matter: how to judge a map).
"""

from collections.abc import Callable
from typing import Final, Literal, TypeAlias, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from multimodal.explain.evidence import PictureEvidence, WordEvidence
from multimodal.explain.grad_cam import grad_cam
from multimodal.explain.integrated_gradients import integrated_gradients
from multimodal.explain.occlusion import occlude_patches, occlude_words, typical_colour
from multimodal.explain.saliency import saliency
from multimodal.inference.devices import recurrent_gradients

Method: TypeAlias = Literal["saliency", "integrated_gradients", "grad_cam", "occlusion"]

METHODS: Final[tuple[Method, ...]] = get_args(Method)
SIGNED: Final = ("integrated_gradients", "occlusion")
"""The methods that tell what speaks against something."""

_PATCHES = 8  # along a side, and as many again half a patch further
_CELLS = 32  # along a side of a map, at most
_PIXELS, _WORDS = 1 << 19, 16_384  # that go through a model together
# A picture's contributions add up within 2 %, which no eye can tell from 1 %.
_TOLERANCE, _STEPS, _MOST_STEPS = 0.02, 16, 128


def check_method(method: str) -> None:
    """Refuse a method that there is not.

    Args:
        method: What was asked for.

    Raises:
        ValueError: If it is none of the four.

    Example:
        >>> check_method("grad_cam")
    """
    if method not in METHODS:
        raise ValueError(f"`method` must be one of {', '.join(METHODS)}, got {method!r}.")


def picture_maps(
    evidence: PictureEvidence, method: Method
) -> Float[Tensor, "outputs rows columns"]:
    """Say which parts of a picture count.

    Args:
        evidence: What is explained.
        method: How.

    Returns:
        A map for each score, over the picture as the model sees it. Grad-CAM's is as large as the
        encoder's, the others have 32 rows at most, over which contributions are added up.

    Example:
        >>> def encode(pixels):
        ...     return pixels[:, :1]
        >>> def judge(maps):
        ...     return maps[:, :, :8].sum(dim=(2, 3))
        >>> image = torch.zeros(1, 3, 16, 16)
        >>> image[..., 4, 4] = 1.0
        >>> found = PictureEvidence(image, encode, judge, lambda pixels: judge(encode(pixels)), 1)
        >>> picture_maps(found, "integrated_gradients")[0, 4, 4].item()
        1.0
    """
    with recurrent_gradients(evidence.image.device):
        return _maps(evidence, method).cpu()


def _maps(evidence: PictureEvidence, method: Method) -> Tensor:
    image, outputs = evidence.image, evidence.outputs
    size = image.shape[-1]
    together = max(1, _PIXELS // (size * size))
    images = image.expand(outputs, -1, -1, -1)

    def each(score: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
        return lambda rows, which: score(rows).gather(1, which.unsqueeze(1)).squeeze(1)

    match method:
        case "grad_cam":
            with torch.no_grad():
                maps = evidence.encode(image)
            maps = maps.expand(outputs, -1, -1, -1)
            return grad_cam(each(evidence.judge), maps, together=together)
        case "saliency":
            slopes = saliency(each(evidence.score), images, together=together)
            return _cells(slopes.amax(dim=1), F.avg_pool2d)
        case "integrated_gradients":
            shares = integrated_gradients(
                each(evidence.score),
                images,
                typical_colour(image).expand_as(images),
                tolerance=_TOLERANCE,
                steps=_STEPS,
                most_steps=_MOST_STEPS,
                together=together,
            )
            return _cells(shares.values.sum(dim=1), _summed)
        case "occlusion":
            patch = -(-size // _PATCHES)
            falls = occlude_patches(
                lambda rows, _: evidence.score(rows),
                image,
                patch=patch,
                stride=-(-patch // 2),
                together=together,
            )
            return _cells(falls[0], F.avg_pool2d)


def word_values(evidence: WordEvidence, method: Method) -> list[float]:
    """Say which words count.

    Args:
        evidence: What is explained.
        method: How; Grad-CAM is for pictures, and tells nothing of words.

    Returns:
        A number for each word; none by Grad-CAM.

    Example:
        >>> vectors = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
        >>> found = WordEvidence(vectors, lambda words: words.sum(dim=(1, 2)), torch.zeros(2))
        >>> word_values(found, "occlusion"), word_values(found, "integrated_gradients")
        ([1.0, 2.0], [1.0, 2.0])
    """
    with recurrent_gradients(evidence.vectors.device):
        found: list[float] = _words(evidence, method).tolist()
    return found


def _words(evidence: WordEvidence, method: Method) -> Tensor:
    vectors, average = evidence.vectors, evidence.average
    together = max(1, _WORDS // max(1, vectors.shape[1]))

    def score(rows: Tensor, _: Tensor) -> Tensor:
        return evidence.score(rows)

    match method:
        case "grad_cam":
            return vectors.new_zeros(0)
        case "saliency":
            lengths: Tensor = saliency(score, vectors).norm(dim=-1)
            return lengths[0]
        case "integrated_gradients":
            shares = integrated_gradients(
                score, vectors, average.expand_as(vectors), together=together
            )
            return shares.values.sum(dim=-1)[0]
        case "occlusion":
            return occlude_words(score, vectors, average, together=together)[0]


def _cells(maps: Tensor, pool: Callable[..., Tensor]) -> Tensor:
    """Bring maps of pixels to cells of so many pixels, those at the edge maybe smaller."""
    side = -(-max(maps.shape[1:]) // _CELLS)
    pooled: Tensor = pool(maps.unsqueeze(1), side, ceil_mode=True)
    return pooled.squeeze(1)


def _summed(maps: Tensor, side: int, *, ceil_mode: bool) -> Tensor:
    return F.avg_pool2d(maps, side, ceil_mode=ceil_mode, divisor_override=1)
