"""Where in a picture the evidence for a score lies: Grad-CAM.

Of the maps that a convolutional network ends in, each is weighted by the mean of its gradient: by
how much the score would rise if what it found were there more. Their sum, where positive, is drawn.
The score here is a function of these maps, so that no hook into a network is needed.

References:
    Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based
    localization", equations 1 and 2; Zhou et al. 2016, "Learning deep features for discriminative
    localization" (with mean pooling and one linear layer both are the same).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from multimodal.explain.scores import Score, check_least, slopes_of


def grad_cam(
    score: Score, features: Float[Tensor, "batch feature rows columns"], *, together: int = 64
) -> Float[Tensor, "batch rows columns"]:
    """Return how much each region of a network's maps speaks for the score.

    Args:
        score: What is explained: a function of the maps.
        features: The maps of each picture, such as an encoder's ``feature_map``.
        together: Pictures that go through the network at once.

    Returns:
        Zero or more for each region.

    Raises:
        ValueError: If `together` is below 1, or the score is not one number for each row.

    Example:
        >>> maps = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])  # two maps of one row
        >>> weights = torch.tensor([2.0, -1.0])
        >>> grad_cam(lambda maps, which: maps.sum(dim=(2, 3)) @ weights, maps)
        tensor([[[2., 0.]]])
    """
    check_least(together=together)
    found = [features.new_zeros(0, *features.shape[2:])]
    for some in torch.arange(len(features), device=features.device).split(together):
        slopes = slopes_of(score, features[some], some)
        weights = slopes.mean(dim=(2, 3), keepdim=True)  # (some, feature, 1, 1)
        found.append((weights * features[some].detach()).sum(dim=1).relu())
    return torch.cat(found)
