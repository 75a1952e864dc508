"""Grad-CAM: the regions of an encoder's maps that raise a score.

Each map is weighted by the mean of its gradient, which is by how much the score rises with the
feature that the map detects. The positive part of the weighted sum is returned. The score is a
function of the maps, so no hook into a network is needed.

References:
    Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based
    localization", equations 1 and 2; Zhou et al. 2016, "Learning deep features for discriminative
    localization" (the same for mean pooling and one linear layer).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from multimodal.attribution.evidence import PictureScores
from multimodal.attribution.scores import Score, batched_gradients


def grad_cam(
    score: Score, features: Float[Tensor, "batch feature rows columns"], *, batch_size: int = 64
) -> Float[Tensor, "batch rows columns"]:
    """Return by how much each region of the maps raises the score, 0 where it lowers it.

    Args:
        features: The maps of each picture, such as an encoder's ``feature_map``.

    Example:
        >>> maps = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])  # two maps of one row
        >>> weights = torch.tensor([2.0, -1.0])
        >>> grad_cam(lambda maps, index: maps.sum(dim=(2, 3)) @ weights, maps)
        tensor([[[2., 0.]]])
    """
    gradients = batched_gradients(score, features, batch_size)
    weights = gradients.mean(dim=(2, 3), keepdim=True)  # (batch, feature, 1, 1)
    return (weights * features.detach()).sum(dim=1).relu()


def explain_picture(scores: PictureScores) -> Float[Tensor, "outputs rows columns"]:
    """Return a map for each score, as large as the encoder's."""
    with torch.no_grad():
        maps = scores.encode(scores.image)
    maps = maps.expand(scores.outputs, -1, -1, -1)
    return grad_cam(scores.each(scores.score_maps), maps, batch_size=scores.batch_size)
