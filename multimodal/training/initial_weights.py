"""Initialise a network from another network's weights, or from pretrained word vectors.

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
_MAX_LISTED = 8  # tensors in the log
_PER_WORD = ("embedding.weight", "bias", "output.weight", "output.bias")


def start_from_weights(
    model: nn.Module,
    weights: Mapping[str, Tensor],
    source_vocabulary: Vocabulary,
    vocabulary: Vocabulary,
) -> dict[str, str]:
    """Copy the tensors that fit from ``weights`` into ``model``, and log the others.

    Word vectors and the rows of the vocabulary layer are copied word by word, so the vocabularies
    may differ; every other tensor is copied if name and shape agree.

    Args:
        weights: The other network's state dict.
        source_vocabulary: The other network's vocabulary.
        vocabulary: The model's vocabulary.

    Returns:
        The names of the model's tensors that were not copied, with the reason.

    Raises:
        ValueError: If no parameter fits.
    """
    pairs = [
        (row, source_vocabulary.encode([word])[0])
        for row, word in enumerate(vocabulary.to_list())
        if word in source_vocabulary
    ]
    pairs = [*((row, row) for row in range(len(SPECIALS))), *pairs]
    rows, sources = (torch.tensor(column) for column in zip(*pairs, strict=True))
    skipped: dict[str, str] = {}
    state = model.state_dict()
    with torch.no_grad():
        for name, tensor in state.items():
            source = weights.get(name)
            if source is None:
                skipped[name] = "not in the checkpoint"
            elif source.shape[1:] == tensor.shape[1:] and (
                name in _PER_WORD
                and (len(source), len(tensor)) == (len(source_vocabulary), len(vocabulary))
            ):
                tensor[rows] = source[sources].to(tensor.dtype)
            elif source.shape == tensor.shape:
                tensor.copy_(source)
            else:
                skipped[name] = f"shape {_shape_text(source)}, here {_shape_text(tensor)}"
    if all(name in skipped for name, _ in model.named_parameters()):
        raise ValueError(
            "The checkpoint to start from has no tensor that fits this model. Give both the same "
            "decoder and sizes, or leave `warm_start` empty."
        )
    _LOGGER.info(
        "Warm start: %d of %d tensors and %d of %d words copied%s.",
        len(state) - len(skipped),
        len(state),
        len(rows) - len(SPECIALS),
        len(vocabulary) - len(SPECIALS),
        _skipped_text(skipped),
    )
    return skipped


def start_from_vectors(
    embedding: nn.Embedding, path: str | Path, words: Sequence[str], *, seed: int = 0
) -> None:
    """Replace the rows of an embedding by pretrained word vectors, and log their number.

    Args:
        embedding: Has a row for each word; its padding row, if any, is set to zero.
        path: A text file of GloVe, fastText or word2vec, a member of a zip archive, or a file
            that torchtext cached.
        words: The words, in the order of the rows.
        seed: Seed of the random rows for words without a vector.

    Raises:
        ValueError: If the file has no word vectors, or their width is not the embedding's.
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


def _shape_text(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"


def _skipped_text(skipped: dict[str, str]) -> str:
    listed = [f"{name} ({reason})" for name, reason in list(skipped.items())[:_MAX_LISTED]]
    more = f" and {len(skipped) - _MAX_LISTED} more" if len(skipped) > _MAX_LISTED else ""
    return f"; not copied: {', '.join(listed)}{more}" if skipped else ""
