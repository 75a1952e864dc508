import pytest
import torch

from multimodal.attribution.saliency import saliency


def test_values_equal_captum(network, images):
    attr = pytest.importorskip("captum.attr")
    classes = torch.tensor([0, 2, 1])
    expected = attr.Saliency(network).attribute(images.clone().requires_grad_(), target=classes)

    def score(rows, index):
        return network(rows)[torch.arange(len(rows)), classes[index]]

    torch.testing.assert_close(saliency(score, images), expected)


def test_batched_equals_single(network, images):
    def score(rows, index):
        return network(rows)[:, 0] * (index + 1)

    batched, single = saliency(score, images), saliency(score, images, batch_size=1)
    torch.testing.assert_close(batched, single)


def test_a_score_that_ignores_a_part_is_not_sensitive_to_it():
    result = saliency(lambda rows, index: rows[:, 0].square(), torch.tensor([[3.0, 7.0]]))
    assert result.tolist() == [[6.0, 0.0]]


def test_no_inputs_give_no_values():
    assert saliency(lambda rows, index: rows.sum(dim=1), torch.zeros(0, 3)).shape == (0, 3)


def test_a_batch_size_below_1_is_refused():
    with pytest.raises(ValueError, match="`batch_size` must be 1 or more, got 0"):
        saliency(lambda rows, index: rows.sum(dim=1), torch.zeros(1, 3), batch_size=0)
