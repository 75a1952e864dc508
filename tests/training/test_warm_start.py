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


def test_rows_follow_their_words_and_the_rest_is_taken_as_it_is(caplog):
    caplog.set_level("INFO")
    torch.manual_seed(0)
    model, other = Net(len(OURS)), Net(len(THEIRS))
    fresh = model.embedding.weight.clone()
    left = copy_matching(model, other.state_dict(), THEIRS, OURS)
    assert left == {}
    (line,) = caplog.messages
    assert line == "Warm start: 4 of 4 tensors and 2 of 3 words taken."
    ours, theirs = model.embedding.weight, other.embedding.weight
    for word in ("red", "dog"):
        row, source = OURS.encode([word])[0], THEIRS.encode([word])[0]
        assert torch.equal(ours[row], theirs[source])
    zebra = OURS.encode(["zebra"])[0]
    assert torch.equal(ours[zebra], fresh[zebra])
    assert torch.equal(ours[:4], theirs[:4])
    assert torch.equal(model.layer.weight, other.layer.weight)


def test_what_is_not_taken_is_told_with_its_reason_in_one_line(caplog):
    caplog.set_level("INFO")
    weights = Net(len(THEIRS), width=5).state_dict()
    del weights["count"]
    left = copy_matching(Net(len(OURS)), weights, THEIRS, OURS)
    assert left == {
        "embedding.weight": "shape 7 x 5, here 7 x 2",
        "count": "not in the checkpoint",
        "layer.weight": "shape 3 x 5, here 3 x 2",
    }
    (line,) = caplog.messages
    assert "1 of 4 tensors and 2 of 3 words taken; left as they were: " in line
    assert "embedding.weight (shape 7 x 5, here 7 x 2)" in line
    assert "count (not in the checkpoint)" in line


def test_a_long_list_of_what_is_not_taken_is_cut(caplog):
    caplog.set_level("INFO")
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(6)))
    copy_matching(model, {"0.weight": torch.zeros(2, 2)}, THEIRS, OURS)
    assert caplog.messages[0].endswith("(not in the checkpoint) and 3 more.")


@pytest.mark.parametrize("name", ["other", "count"])
def test_networks_with_no_parameter_in_common_are_refused(name):
    with pytest.raises(ValueError, match="no tensor that fits this model"):
        copy_matching(Net(len(OURS)), {name: torch.tensor(1)}, THEIRS, OURS)
