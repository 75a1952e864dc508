"""Learn from texts whose word vectors were moved where it hurts most: adversarial training.

A network that has learnt a few thousand texts by heart gives another verdict when their word
vectors move a little. The gradient of the loss says which little move is the worst; a network that
learns from texts moved so must find reasons that hold around them, which are those that hold for
other texts as well.

References:
    Goodfellow, Shlens and Szegedy 2015, "Explaining and harnessing adversarial examples", section
    4; Miyato, Dai and Goodfellow 2017, "Adversarial training methods for semi-supervised text
    classification", equations 5 and 6. They bring the word vectors to a common size, or the network
    would make them larger than any move; here the move grows with them instead.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def hardest_move(
    loss: Float[Tensor, ""],
    vectors: Float[Tensor, "batch time embedding"],
    mask: Bool[Tensor, "batch time"],
    size: float,
) -> Float[Tensor, "batch time embedding"]:
    """Find the move of each text's word vectors that raises the loss most, to first order.

    Args:
        loss: Of the texts, computed from ``vectors``.
        vectors: Word vectors ``(batch, time, embedding)``.
        mask: True where a word is real.
        size: Length of the move of a whole text, in lengths of its average word vector.

    Returns:
        What to add to the vectors ``(batch, time, embedding)``, without a gradient: along that of
        the loss, so zero at the padding, and zero for a text that has no part in the loss.

    Example:
        >>> vectors = torch.tensor([[[3.0, 4.0]]], requires_grad=True)
        >>> hardest_move(-vectors[0, 0, 0], vectors, torch.tensor([[True]]), size=0.1).tolist()
        [[[-0.5, 0.0]]]
    """
    (gradient,) = torch.autograd.grad(loss, vectors, retain_graph=True)  # the loss still teaches
    steepness = gradient.square().sum(dim=(1, 2)).sqrt()
    words = mask.sum(dim=1).clamp(min=1)
    length = (vectors.detach().square().sum(dim=(1, 2)) / words).sqrt()  # of a word's vector
    factor = torch.where(steepness > 0, size * length / steepness, 0)
    return factor[:, None, None] * gradient
