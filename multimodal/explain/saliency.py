"""Which parts of an input a score is most sensitive to: the size of the gradient.

The cheapest answer, one pass forward and one back, and the noisiest: it tells what a small change
would do, not what the parts did. `multimodal.explain.integrated_gradients` tells that.

References:
    Simonyan, Vedaldi and Zisserman 2014, "Deep inside convolutional networks: visualising image
    classification models and saliency maps", section 3; Li et al. 2016, "Visualizing and
    understanding neural models in NLP", section 5 (of words).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from multimodal.explain.scores import Score, check_least, slopes_of


def saliency(
    score: Score, inputs: Float[Tensor, "batch *shape"], *, together: int = 64
) -> Float[Tensor, "batch *shape"]:
    """Return how sensitive the score of each input is to each of its numbers.

    Args:
        score: What is explained.
        inputs: What was scored: pictures, or the word vectors of texts.
        together: Inputs that go through the network at once.

    Returns:
        The gradient's absolute value. For a picture, the largest over its channels is drawn; for
        texts, the length of each word's gradient (or the sum over its vector).

    Raises:
        ValueError: If `together` is below 1, or the score is not one number for each row.

    Example:
        >>> saliency(lambda rows, which: rows[:, 0] - 3 * rows[:, 1], torch.zeros(1, 3))
        tensor([[1., 3., 0.]])
    """
    check_least(together=together)
    every = torch.arange(len(inputs), device=inputs.device).split(together)
    found = [slopes_of(score, inputs[some], some).abs() for some in every]
    return torch.cat(found) if len(inputs) else torch.zeros_like(inputs)
