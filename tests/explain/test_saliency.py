import pytest
import torch

from multimodal.explain.saliency import saliency


def test_values_are_captums(network, images):
    attr = pytest.importorskip("captum.attr")
    classes = torch.tensor([0, 2, 1])
    expected = attr.Saliency(network).attribute(images.clone().requires_grad_(), target=classes)

    def score(rows, which):
        return network(rows)[torch.arange(len(rows)), classes[which]]

    torch.testing.assert_close(saliency(score, images), expected)


def test_inputs_may_go_through_one_by_one(network, images):
    def score(rows, which):
        return network(rows)[:, 0] * (which + 1)

    together, alone = saliency(score, images), saliency(score, images, together=1)
    torch.testing.assert_close(together, alone)


def test_a_score_that_ignores_a_part_is_not_sensitive_to_it():
    found = saliency(lambda rows, which: rows[:, 0].square(), torch.tensor([[3.0, 7.0]]))
    assert found.tolist() == [[6.0, 0.0]]


def test_nothing_has_no_saliency():
    assert saliency(lambda rows, which: rows.sum(dim=1), torch.zeros(0, 3)).shape == (0, 3)


def test_at_least_one_input_goes_through_at_a_time():
    with pytest.raises(ValueError, match="`together` must be 1 or more, got 0"):
        saliency(lambda rows, which: rows.sum(dim=1), torch.zeros(1, 3), together=0)
