"""Start an embedding from word vectors that were learnt elsewhere.

References:
    Pennington, Socher and Manning 2014, "GloVe: global vectors for word representation", section 4
    (vectors as the features of other models); Kim 2014, "Convolutional neural networks for
    sentence classification", section 3.1 (words without a vector start at random).
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from multimodal.vectors import read_word_vectors


def start_from_vectors(
    embedding: nn.Embedding, path: str | Path, words: Sequence[str], *, seed: int = 0
) -> None:
    r"""Replace the rows of an embedding by the vectors of its words, and log how many there are.

    Args:
        embedding: A row for each word; its padding row, if any, becomes zero.
        path: A text file of GloVe, fastText or word2vec, a member of a zip archive, or a cache of
            torchtext.
        words: The words, in the order of the rows.
        seed: Of the rows of words without a vector.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no file of word vectors, or their width is not the embedding's.

    Example:
        >>> path = getfixture("tmp_path") / "small.vec"
        >>> _ = path.write_text("dog 0.25 0.5\ncat 1.0 1.0\n")
        >>> embedding = nn.Embedding(2, 2, padding_idx=0)
        >>> start_from_vectors(embedding, path, ["<pad>", "dog"])
        >>> embedding.weight.tolist()
        [[0.0, 0.0], [0.25, 0.5]]
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
