"""Adversarial training: also train on texts whose word vectors are moved in the worst direction.

A network that overfits a few thousand texts changes its prediction when their word vectors move a
little. The gradient of the loss is the worst direction of such a move; a network trained on moved
texts must find features that are stable around them, and these generalise better.

References:
    Goodfellow, Shlens and Szegedy 2015, "Explaining and harnessing adversarial examples", section
    4; Miyato, Dai and Goodfellow 2017, "Adversarial training methods for semi-supervised text
    classification", equations 5 and 6. They bring the word vectors to a common size, or the network
    would make them larger than any move; here the move grows with them instead.
"""

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


def adversarial_loss(
    loss_of: Callable[[Tensor], Tensor],
    vectors: Float[Tensor, "batch time embedding"],
    mask: Bool[Tensor, "batch time"],
    parameters: Iterable[nn.Parameter],
    *,
    size: float,
) -> Float[Tensor, ""]:
    """Average the loss of texts and of the same texts moved in the worst direction.

    No gradient flows through the move.

    Args:
        loss_of: Computes the loss from word vectors.
        vectors: Word vectors that need a gradient.
        mask: True where a word is real.
        parameters: The parameters in `loss_of`, without the embedding of the vectors.
        size: Length of the move, as of `worst_move`.
    """
    learning = [vectors, *(each for each in parameters if each.requires_grad)]
    loss = loss_of(vectors)
    gradients = torch.autograd.grad(loss, learning, allow_unused=True)
    assert gradients[0] is not None
    moved = loss_of(vectors + worst_move(gradients[0], vectors, mask, size))
    # The gradient of the first loss is known. A sum of products has the same gradient, and saves a
    # second backward pass.
    products = [
        (gradient * each).sum()
        for gradient, each in zip(gradients, learning, strict=True)
        if gradient is not None
    ]
    known = torch.stack(products).sum()
    return (loss.detach() + known - known.detach() + moved) / 2


def worst_move(
    gradient: Float[Tensor, "batch time embedding"],
    vectors: Float[Tensor, "batch time embedding"],
    mask: Bool[Tensor, "batch time"],
    size: float,
) -> Float[Tensor, "batch time embedding"]:
    """Compute the move of each text's word vectors that raises the loss most, to first order.

    It has no gradient, and is zero for a text that has no part in the loss.

    Args:
        size: Length of the move of a whole text, in lengths of its average word vector.

    Example:
        >>> vectors = torch.tensor([[[3.0, 4.0]]])
        >>> gradient = torch.tensor([[[-2.0, 0.0]]])
        >>> worst_move(gradient, vectors, torch.tensor([[True]]), size=0.1).tolist()
        [[[-0.5, 0.0]]]
    """
    steepness = gradient.square().sum(dim=(1, 2)).sqrt()
    squares = torch.where(mask.unsqueeze(-1), vectors.detach().square(), 0).sum(dim=(1, 2))
    length = (squares / mask.sum(dim=1).clamp(min=1)).sqrt()  # of a word's vector
    factor = torch.where(steepness > 0, size * length / steepness, 0)
    return factor[:, None, None] * gradient
