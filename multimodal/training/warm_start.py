"""Start a network from the weights of another whose vocabulary may differ.

Rows of the word vectors and of the vocabulary layer are taken word by word; every other tensor is
taken where name and shape agree.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from multimodal.text import SPECIALS, Vocabulary

_PER_WORD = ("embedding.weight", "bias", "output.weight", "output.bias")


def copy_matching(
    model: nn.Module, weights: Mapping[str, Tensor], theirs: Vocabulary, ours: Vocabulary
) -> tuple[str, ...]:
    """Copy what fits from ``weights`` into ``model``.

    Args:
        model: The network to start.
        weights: The other network's state dict.
        theirs: The vocabulary that numbers the rows of ``weights``.
        ours: The model's own vocabulary.

    Returns:
        The names of the model's tensors that were not taken.

    Raises:
        ValueError: If no tensor fits: the two networks have nothing in common.
    """
    words = [(row, word) for row, word in enumerate(ours.to_list()) if word in theirs]
    shared = [(row, theirs.encode([word])[0]) for row, word in words]
    shared = [*((row, row) for row in range(len(SPECIALS))), *shared]
    rows, sources = (torch.tensor(column) for column in zip(*shared, strict=True))
    left = []
    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in own.items():
            source = weights.get(name)
            if source is None:
                left.append(name)
            elif name in _PER_WORD and tensor.shape[1:] == source.shape[1:]:
                tensor[rows] = source[sources].to(tensor.dtype)
            elif source.shape == tensor.shape:
                tensor.copy_(source)
            else:
                left.append(name)
    if len(left) == len(own):
        raise ValueError(
            "The checkpoint to start from has no tensor that fits this model. Give both the same "
            "decoder and sizes, or leave `warm_start` empty."
        )
    return tuple(left)
