import pytest
import torch

from multimodal.metrics.image_scores import image_scores


@pytest.mark.parametrize(
    ("target", "predicted", "right", "score"),
    [
        ("label", torch.tensor([[0.9, 0.1]]), torch.tensor([0]), "accuracy"),
        ("labels", torch.tensor([[0.9, 0.1]]), torch.tensor([[1.0, 0.0]]), "exact_match"),
        ("count", torch.tensor([3.2]), torch.tensor([3.0]), "accuracy"),
        ("number", torch.tensor([1.0]), torch.tensor([2.0]), "mean_error"),
    ],
)
def test_every_target_has_scores_of_its_kind(target, predicted, right, score):
    metric = image_scores(target, ["cat", "dog"])
    metric.update([7], predicted, right)
    assert metric.compute()[score] == 1


def test_an_unknown_target_is_refused():
    with pytest.raises(ValueError, match="must be label, labels, count or number, got 'stars'"):
        image_scores("stars", [])
