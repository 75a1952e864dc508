import pytest
import torch
from torch import nn

from multimodal.text import Vocabulary
from multimodal.training.warm_start import copy_matching

OURS = Vocabulary.build([["red", "dog", "zebra"]])
THEIRS = Vocabulary.build([["dog", "red", "cat"]])


class Net(nn.Module):
    def __init__(self, words: int, width: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.layer = nn.Linear(width, 3)
        self.register_buffer("count", torch.tensor(0))


def test_rows_follow_their_words_and_the_rest_is_taken_as_it_is():
    torch.manual_seed(0)
    model, other = Net(len(OURS)), Net(len(THEIRS))
    fresh = model.embedding.weight.clone()
    left = copy_matching(model, other.state_dict(), THEIRS, OURS)
    assert left == ()
    ours, theirs = model.embedding.weight, other.embedding.weight
    for word in ("red", "dog"):
        row, source = OURS.encode([word])[0], THEIRS.encode([word])[0]
        assert torch.equal(ours[row], theirs[source])
    zebra = OURS.encode(["zebra"])[0]
    assert torch.equal(ours[zebra], fresh[zebra])
    assert torch.equal(ours[:4], theirs[:4])
    assert torch.equal(model.layer.weight, other.layer.weight)


def test_tensors_of_another_shape_are_named():
    model, other = Net(len(OURS)), Net(len(THEIRS), width=5)
    left = copy_matching(model, other.state_dict(), THEIRS, OURS)
    assert set(left) == {"embedding.weight", "layer.weight"}


def test_networks_with_nothing_in_common_are_refused():
    with pytest.raises(ValueError, match="no tensor that fits this model"):
        copy_matching(Net(len(OURS)), {"other": torch.zeros(1)}, THEIRS, OURS)
