import pytest
import torch
from torch import nn

from multimodal.text import Vocabulary
from multimodal.training.initial_weights import start_from_vectors, start_from_weights

OURS = Vocabulary.build([["red", "dog", "zebra"]])
THEIRS = Vocabulary.build([["dog", "red", "cat"]])


class Net(nn.Module):
    def __init__(self, words: int, width: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.layer = nn.Linear(width, 3)
        self.register_buffer("count", torch.tensor(0))


def test_rows_follow_their_words_and_other_tensors_are_copied(caplog):
    caplog.set_level("INFO")
    torch.manual_seed(0)
    model, other = Net(len(OURS)), Net(len(THEIRS))
    fresh = model.embedding.weight.clone()
    skipped = start_from_weights(model, other.state_dict(), THEIRS, OURS)
    assert skipped == {}
    (line,) = caplog.messages
    assert line == "Warm start: 4 of 4 tensors and 2 of 3 words copied."
    ours, theirs = model.embedding.weight, other.embedding.weight
    for word in ("red", "dog"):
        row, source = OURS.encode([word])[0], THEIRS.encode([word])[0]
        assert torch.equal(ours[row], theirs[source])
    zebra = OURS.encode(["zebra"])[0]
    assert torch.equal(ours[zebra], fresh[zebra])
    assert torch.equal(ours[:4], theirs[:4])
    assert torch.equal(model.layer.weight, other.layer.weight)


def test_tensors_that_do_not_fit_are_logged_with_the_reason_in_one_line(caplog):
    caplog.set_level("INFO")
    weights = Net(len(THEIRS), width=5).state_dict()
    del weights["count"]
    skipped = start_from_weights(Net(len(OURS)), weights, THEIRS, OURS)
    assert skipped == {
        "embedding.weight": "shape 7 x 5, here 7 x 2",
        "count": "not in the checkpoint",
        "layer.weight": "shape 3 x 5, here 3 x 2",
    }
    (line,) = caplog.messages
    assert "1 of 4 tensors and 2 of 3 words copied; not copied: " in line
    assert "embedding.weight (shape 7 x 5, here 7 x 2)" in line
    assert "count (not in the checkpoint)" in line


def test_a_long_list_of_tensors_that_do_not_fit_is_cut(caplog):
    caplog.set_level("INFO")
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(6)))
    start_from_weights(model, {"0.weight": torch.zeros(2, 2)}, THEIRS, OURS)
    assert caplog.messages[0].endswith("(not in the checkpoint) and 3 more.")


@pytest.mark.parametrize("name", ["other", "count"])
def test_networks_with_no_parameter_in_common_are_refused(name):
    with pytest.raises(ValueError, match="no tensor that fits this model"):
        start_from_weights(Net(len(OURS)), {name: torch.tensor(1)}, THEIRS, OURS)


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


def test_another_width_is_refused(path):
    with pytest.raises(ValueError, match=r"small.txt have 3 numbers, .* have 8. Set --model.sett"):
        start_from_vectors(nn.Embedding(4, 8), path, WORDS)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="glove"):
        start_from_vectors(nn.Embedding(4, 8), tmp_path / "glove.txt", WORDS)


def test_a_cache_of_torchtext_is_a_start_too(tmp_path):
    words, numbers = ["dog", "cat"], {"dog": 0, "cat": 1}
    torch.save((words, numbers, torch.tensor([[1.0, 2.0], [3.0, 4.0]]), 2), tmp_path / "small.pt")
    embedding = nn.Embedding(4, 2, padding_idx=0)
    start_from_vectors(embedding, str(tmp_path), WORDS)
    assert embedding.weight[2:].tolist() == [[1, 2], [3, 4]]
