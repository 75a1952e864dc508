"""Train on texts whose word vectors are moved in the worst direction: adversarial training.

A network that has learnt a few thousand texts by heart changes its prediction when their word
vectors move a little. The gradient of the loss is the worst direction of such a move; a network
trained on texts moved in it must find features that are stable around them, and these generalise
better to other texts.

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
    """Average the loss of texts as they are and of the same texts moved in the worst direction.

    Args:
        loss_of: Computes the loss from word vectors.
        vectors: Word vectors ``(batch, time, embedding)`` that need a gradient.
        mask: True where a word is real.
        parameters: The parameters in `loss_of`, without the embedding of the vectors.
        size: As of `worst_move`.

    Returns:
        The average, with its gradient. The move counts as given: nothing learns through it.

    Example:
        >>> weight = nn.Parameter(torch.tensor([1.0, 0.0]))
        >>> vectors = torch.tensor([[[3.0, 4.0]]], requires_grad=True)
        >>> mask = torch.tensor([[True]])
        >>> loss = adversarial_loss(
        ...     lambda moved: (moved @ weight).sum(), vectors, mask, [weight], size=0.2
        ... )
        >>> loss.item()  # the average of 3 and, moved by 0.2 * 5, of 4
        3.5
        >>> loss.backward()
        >>> weight.grad.tolist()
        [3.5, 4.0]
    """
    learning = [vectors, *(each for each in parameters if each.requires_grad)]
    loss = loss_of(vectors)
    gradients = torch.autograd.grad(loss, learning, allow_unused=True)
    assert gradients[0] is not None
    moved = loss_of(vectors + worst_move(gradients[0], vectors, mask, size))
    # The first reading's gradient is known already. A sum of products has that gradient too, and
    # spares walking back through that reading once more.
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

    Args:
        gradient: Of the loss, for the word vectors ``(batch, time, embedding)``.
        vectors: The word vectors, zero or not at the padding.
        mask: True where a word is real.
        size: Length of the move of a whole text, in lengths of its average word vector.

    Returns:
        The move to add to the vectors ``(batch, time, embedding)``, without a gradient; zero for a
        text that has no part in the loss.

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
