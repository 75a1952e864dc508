import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from multimodal.nn.label_losses import count_loss, label_loss, number_loss, several_labels_loss

KINDS = ("cross_entropy", "hinge", "binary")


def batch(size=6, classes=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(size, classes, generator=generator)
    return logits, torch.randint(0, classes, (size,), generator=generator)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_is_torchs(smoothing, weighted):
    logits, labels = batch()
    weights = torch.tensor([1.0, 2.0, 0.5, 3.0]) if weighted else None
    mine = label_loss(logits, labels, weights=weights, label_smoothing=smoothing)
    if not smoothing:  # torch weighs a smoothed target's classes, too
        torch.testing.assert_close(mine, F.cross_entropy(logits, labels, weight=weights))
    elif not weighted:
        torch.testing.assert_close(mine, F.cross_entropy(logits, labels, label_smoothing=0.2))


def test_hinge_is_the_mean_shortfall_of_the_lead():
    logits, labels = batch()
    right = logits.gather(1, labels[:, None])
    others = torch.ones_like(logits).scatter_(1, labels[:, None], 0)
    direct = ((1 - right + logits).clamp(min=0) * others).sum() / logits.numel()
    torch.testing.assert_close(label_loss(logits, labels, kind="hinge"), direct)


def test_binary_asks_about_each_class():
    logits, labels = batch()
    yes = F.one_hot(labels, 4)
    p = logits.sigmoid()
    direct = -(yes * p.log() + (1 - yes) * (1 - p).log()).sum() / 6
    torch.testing.assert_close(label_loss(logits, labels, kind="binary"), direct)


@given(st.sampled_from(KINDS), st.permutations(range(6)))
def test_the_order_of_the_batch_does_not_matter(kind, order):
    logits, labels = batch()
    first = label_loss(logits, labels, kind=kind)
    torch.testing.assert_close(label_loss(logits[order], labels[order], kind=kind), first)


@pytest.mark.parametrize("kind", KINDS)
def test_examples_without_a_label_do_not_count(kind):
    logits, labels = batch()
    some = label_loss(logits, torch.where(torch.arange(6) < 3, labels, -1), kind=kind)
    torch.testing.assert_close(some, label_loss(logits[:3], labels[:3], kind=kind))
    logits.requires_grad_()
    nothing = label_loss(logits, torch.full((6,), -1), kind=kind)
    nothing.backward()
    assert nothing == 0
    assert not logits.grad.any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_of_weight_two_counts_as_if_it_came_twice(kind):
    logits, labels = batch()
    weights = torch.tensor([1.0, 2.0, 1.0, 1.0])
    twice = torch.cat([torch.arange(6), torch.nonzero(labels == 1)[:, 0]])
    expected = label_loss(logits[twice], labels[twice], kind=kind)
    torch.testing.assert_close(label_loss(logits, labels, kind=kind, weights=weights), expected)


def test_unknown_labels_of_several_do_not_count():
    logits, _ = batch(2, 3)
    targets = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    gaps = targets.clone()
    gaps[1, 2] = float("nan")
    flat = [0, 1, 2, 3, 4]
    expected = F.binary_cross_entropy_with_logits(logits.flatten()[flat], targets.flatten()[flat])
    torch.testing.assert_close(several_labels_loss(logits, gaps), expected)
    assert several_labels_loss(logits, torch.full((2, 3), float("nan"))) == 0


def test_a_rare_yes_can_count_more():
    logits, weights = torch.zeros(1, 2), torch.tensor([3.0, 1.0])
    yes = several_labels_loss(logits, torch.tensor([[1.0, 0.0]]), weights=weights)
    no = several_labels_loss(logits, torch.tensor([[0.0, 1.0]]), weights=weights)
    torch.testing.assert_close(yes, 2 * no)


def test_smoothed_labels_are_never_certain():
    targets = torch.tensor([[1.0, 0.0]])
    logits = torch.tensor([0.9, 0.1]).logit()[None]
    smoothed = [several_labels_loss(logits * by, targets, label_smoothing=0.2) for by in (1, 9)]
    assert smoothed[0] < smoothed[1]


@given(st.integers(0, 9))
def test_the_right_count_is_the_best_one(count):
    expected = torch.linspace(0.5, 9.5, 19).log()[:, None]
    losses = [count_loss(each[None], torch.tensor([float(count)])) for each in expected]
    best = expected[int(torch.stack(losses).argmin())].exp().item()
    assert abs(best - max(count, 0.5)) <= 0.5


def test_numbers_that_are_not_known_do_not_count():
    outputs = torch.tensor([[1.0], [2.0]])
    gaps = torch.tensor([float("nan"), 4.0])
    assert number_loss(outputs, gaps) == 4
    torch.testing.assert_close(count_loss(outputs, gaps), count_loss(outputs[1:], gaps[1:]))
    assert number_loss(outputs, gaps * float("nan")) == 0
    assert count_loss(outputs, gaps * float("nan")) == 0


def test_losses_that_are_none_are_refused():
    logits, labels = batch()
    with pytest.raises(ValueError, match=r"`loss` must be one of cross_entropy, hinge, binary, g"):
        label_loss(logits, labels, kind="squared")
    with pytest.raises(ValueError, match="hinge loss has no label smoothing"):
        label_loss(logits, labels, kind="hinge", label_smoothing=0.1)
