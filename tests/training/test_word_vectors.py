import pytest
import torch
from torch import nn

from multimodal.training.word_vectors import start_from_vectors

WORDS = ["<pad>", "<unk>", "dog", "cat"]


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "small.txt"
    file.write_text("the 0.5 1 2\nDog 1 2 3\ncat 4 5 6\n")
    return file


def test_words_get_their_vectors_and_the_others_random_ones(path):
    first, again = nn.Embedding(4, 3, padding_idx=0), nn.Embedding(4, 3, padding_idx=0)
    for embedding in (first, again):
        start_from_vectors(embedding, path, WORDS, seed=7)
    assert first.weight[2:].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert first.weight[0].tolist() == [0, 0, 0]
    assert first.weight[1].abs().sum() > 0
    torch.testing.assert_close(first.weight, again.weight)
    assert first.weight.requires_grad


def test_a_cache_of_torchtext_is_a_start_too(tmp_path):
    words, numbers = ["dog", "cat"], {"dog": 0, "cat": 1}
    torch.save((words, numbers, torch.tensor([[1.0, 2.0], [3.0, 4.0]]), 2), tmp_path / "small.pt")
    embedding = nn.Embedding(4, 2, padding_idx=0)
    start_from_vectors(embedding, str(tmp_path), WORDS)
    assert embedding.weight[2:].tolist() == [[1, 2], [3, 4]]


def test_another_width_is_refused(path):
    with pytest.raises(ValueError, match=r"small.txt have 3 numbers, .* have 8. Set --model.sett"):
        start_from_vectors(nn.Embedding(4, 8), path, WORDS)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="glove"):
        start_from_vectors(nn.Embedding(4, 8), tmp_path / "glove.txt", WORDS)
