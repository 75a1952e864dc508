"""Saliency: the absolute gradient of a score.

The cheapest method, one pass forward and one back, and the noisiest: a gradient measures the effect
of a small change, not what a part contributed. `integrated_gradients` measures the contribution.

References:
    Simonyan, Vedaldi and Zisserman 2014, "Deep inside convolutional networks: visualising image
    classification models and saliency maps", section 3; Li et al. 2016, "Visualizing and
    understanding neural models in NLP", section 5 (words).
"""

from jaxtyping import Float
from torch import Tensor

from multimodal.attribution.cells import pool_cells
from multimodal.attribution.evidence import PictureScores, WordScores
from multimodal.attribution.scores import Score, batched_gradients


def saliency(
    score: Score, inputs: Float[Tensor, "batch *shape"], *, batch_size: int = 64
) -> Float[Tensor, "batch *shape"]:
    """Return the absolute gradient of each input's score, for pictures or word vectors.

    Example:
        >>> import torch
        >>> saliency(lambda rows, index: rows[:, 0] - 3 * rows[:, 1], torch.zeros(1, 3))
        tensor([[1., 3., 0.]])
    """
    return batched_gradients(score, inputs, batch_size).abs()


def explain_picture(scores: PictureScores) -> Float[Tensor, "outputs rows columns"]:
    """Return the largest absolute gradient over the channels, averaged over cells."""
    score = scores.each(scores.score_pixels)
    gradients = saliency(score, scores.images, batch_size=scores.batch_size)
    return pool_cells(gradients.amax(dim=1), "mean")


def explain_words(scores: WordScores) -> Float[Tensor, " time"]:
    """Return the length of the gradient of each word vector."""
    lengths: Tensor = saliency(scores.score, scores.vectors).norm(dim=-1)
    return lengths[0]
