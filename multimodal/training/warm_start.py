"""Start a network from the weights of another whose vocabulary may differ.

Rows of the word vectors and of the vocabulary layer are taken word by word; every other tensor is
taken where name and shape agree.
"""

import logging
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from multimodal.text import SPECIALS, Vocabulary

_LOGGER = logging.getLogger(__name__)
_NAMED = 8  # tensors listed in the log
_PER_WORD = ("embedding.weight", "bias", "output.weight", "output.bias")


def copy_matching(
    model: nn.Module, weights: Mapping[str, Tensor], theirs: Vocabulary, ours: Vocabulary
) -> dict[str, str]:
    """Copy what fits from ``weights`` into ``model``, and say in one line of the log what did not.

    Args:
        model: The network to start.
        weights: The other network's state dict.
        theirs: The vocabulary that numbers the rows of ``weights``.
        ours: The model's own vocabulary.

    Returns:
        Why each of the model's tensors that were not taken was not, by name.

    Raises:
        ValueError: If no parameter fits: the two networks have nothing in common.

    Example:
        >>> words = Vocabulary.build([["dog"]])
        >>> other = {"weight": torch.ones(2, 3), "bias": torch.ones(4)}
        >>> copy_matching(nn.Linear(3, 2), other, words, words)
        {'bias': 'shape 4, here 2'}
    """
    pairs = [
        (row, theirs.encode([word])[0]) for row, word in enumerate(ours.to_list()) if word in theirs
    ]
    pairs = [*((row, row) for row in range(len(SPECIALS))), *pairs]
    rows, sources = (torch.tensor(column) for column in zip(*pairs, strict=True))
    left: dict[str, str] = {}
    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in own.items():
            source = weights.get(name)
            if source is None:
                left[name] = "not in the checkpoint"
            elif source.shape[1:] == tensor.shape[1:] and (
                name in _PER_WORD and (len(source), len(tensor)) == (len(theirs), len(ours))
            ):
                tensor[rows] = source[sources].to(tensor.dtype)
            elif source.shape == tensor.shape:
                tensor.copy_(source)
            else:
                left[name] = f"shape {_size(source)}, here {_size(tensor)}"
    if all(name in left for name, _ in model.named_parameters()):
        raise ValueError(
            "The checkpoint to start from has no tensor that fits this model. Give both the same "
            "decoder and sizes, or leave `warm_start` empty."
        )
    _LOGGER.info(
        "Warm start: %d of %d tensors and %d of %d words taken%s.",
        len(own) - len(left),
        len(own),
        len(rows) - len(SPECIALS),
        len(ours) - len(SPECIALS),
        _listed(left),
    )
    return left


def _size(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"


def _listed(left: dict[str, str]) -> str:
    named = [f"{name} ({reason})" for name, reason in list(left.items())[:_NAMED]]
    more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    return f"; left as they were: {', '.join(named)}{more}" if left else ""
