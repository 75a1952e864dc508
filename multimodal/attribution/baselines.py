"""Baselines: replacements for a missing part of an input that carry no information.

Zeros are often the wrong choice. A patch of zeros is a black object on a white wall, while the
colour of the wall hides the object. A word vector of zeros misleads with a classifier that was
trained without word dropout: "the" and "is" then contribute more than "great".
"""

from jaxtyping import Float
from torch import Tensor, nn

from multimodal.text import SPECIALS


def median_colour(
    images: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels 1 1"]:
    """Return the median of each channel of each image: exactly the colour of a plain background.

    Example:
        >>> import torch
        >>> image = torch.zeros(1, 1, 3, 3)
        >>> image[..., 1, 1] = 1.0
        >>> median_colour(image).item()
        0.0
    """
    return images.flatten(2).median(dim=2).values[..., None, None]


def mean_word(embedding: nn.Embedding) -> Float[Tensor, " embedding"]:
    """Return the mean of all word vectors but those of special tokens; zeros if there are none."""
    words = embedding.weight[len(SPECIALS) :].detach()
    return words.sum(dim=0) / max(1, len(words))
