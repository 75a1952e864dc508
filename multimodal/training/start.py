"""Start a network from pretrained weights: another network's, or word vectors.

References:
    Pennington, Socher and Manning 2014, "GloVe: global vectors for word representation", section 4
    (vectors as the features of other models); Kim 2014, "Convolutional neural networks for
    sentence classification", section 3.1 (words without a vector start at random).
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from multimodal.text import SPECIALS, Vocabulary
from multimodal.vectors import read_word_vectors

_LOGGER = logging.getLogger(__name__)
_NAMED = 8  # tensors listed in the log
_PER_WORD = ("embedding.weight", "bias", "output.weight", "output.bias")


def start_from_weights(
    model: nn.Module, weights: Mapping[str, Tensor], theirs: Vocabulary, ours: Vocabulary
) -> dict[str, str]:
    """Copy the tensors that fit from ``weights`` into ``model``, and log which do not.

    Rows of word vectors and of the vocabulary layer are copied word by word, so vocabularies may
    differ; every other tensor is copied if name and shape agree.

    Args:
        weights: The other network's state dict.
        theirs: The vocabulary of the rows of ``weights``.

    Returns:
        The names of the model's tensors that were not copied, with the reason.

    Raises:
        ValueError: If no parameter fits.
    """
    pairs = [
        (row, theirs.encode([word])[0]) for row, word in enumerate(ours.to_list()) if word in theirs
    ]
    pairs = [*((row, row) for row in range(len(SPECIALS))), *pairs]
    rows, sources = (torch.tensor(column) for column in zip(*pairs, strict=True))
    skipped: dict[str, str] = {}
    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in own.items():
            source = weights.get(name)
            if source is None:
                skipped[name] = "not in the checkpoint"
            elif source.shape[1:] == tensor.shape[1:] and (
                name in _PER_WORD and (len(source), len(tensor)) == (len(theirs), len(ours))
            ):
                tensor[rows] = source[sources].to(tensor.dtype)
            elif source.shape == tensor.shape:
                tensor.copy_(source)
            else:
                skipped[name] = f"shape {_size(source)}, here {_size(tensor)}"
    if all(name in skipped for name, _ in model.named_parameters()):
        raise ValueError(
            "The checkpoint to start from has no tensor that fits this model. Give both the same "
            "decoder and sizes, or leave `warm_start` empty."
        )
    _LOGGER.info(
        "Warm start: %d of %d tensors and %d of %d words copied%s.",
        len(own) - len(skipped),
        len(own),
        len(rows) - len(SPECIALS),
        len(ours) - len(SPECIALS),
        _listed(skipped),
    )
    return skipped


def start_from_vectors(
    embedding: nn.Embedding, path: str | Path, words: Sequence[str], *, seed: int = 0
) -> None:
    r"""Replace the rows of an embedding by pretrained word vectors, and log how many there are.

    Args:
        embedding: A row for each word; its padding row, if any, becomes zero.
        path: A text file of GloVe, fastText or word2vec, a member of a zip archive, or a cache of
            torchtext.
        words: The words, in the order of the rows.
        seed: Of the random rows of words without a vector.

    Raises:
        ValueError: If the file has no word vectors, or of another width than the embedding's.
    """
    vectors = read_word_vectors(path, words, ignore_case=True)
    width = vectors.matrix.shape[1]
    if width != embedding.embedding_dim:
        raise ValueError(
            f"The vectors in {path} have {width} numbers, the model's words have "
            f"{embedding.embedding_dim}. Set --model.settings.embedding_dim {width}, or take "
            "another file."
        )
    matrix = vectors.filled(torch.Generator().manual_seed(seed))
    with torch.no_grad():
        embedding.weight.copy_(matrix)
        if embedding.padding_idx is not None:
            embedding.weight[embedding.padding_idx].zero_()


def _size(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"


def _listed(skipped: dict[str, str]) -> str:
    named = [f"{name} ({reason})" for name, reason in list(skipped.items())[:_NAMED]]
    more = f" and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
    return f"; not copied: {', '.join(named)}{more}" if skipped else ""
