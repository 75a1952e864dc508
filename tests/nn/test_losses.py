import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.nn.losses import cross_entropy_in_place


def gradients(loss, *tensors):
    return torch.autograd.grad(loss, tensors)


@given(
    seed=st.integers(0, 2**16),
    words=st.integers(1, 200),
    vocab=st.integers(2, 30),
    smoothing=st.sampled_from([0.0, 0.1, 0.5]),
    scale=st.sampled_from([0.1, 1.0, 30.0]),
)
@settings(max_examples=40, deadline=None)
def test_loss_and_gradients_are_those_of_torch(seed, words, vocab, smoothing, scale):
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(words, 5, generator=generator).requires_grad_()
    weight = (scale * torch.randn(vocab, 5, generator=generator)).requires_grad_()
    targets = torch.randint(vocab, (words,), generator=generator)
    expected = F.cross_entropy(vectors @ weight.T, targets, label_smoothing=smoothing)
    loss, plain = cross_entropy_in_place(vectors @ weight.T, targets, label_smoothing=smoothing)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(plain, F.cross_entropy(vectors @ weight.T, targets).detach())
    for ours, theirs in zip(
        gradients(loss, vectors, weight), gradients(expected, vectors, weight), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)


def test_the_gradient_is_scaled_by_the_gradient_of_the_loss():
    torch.manual_seed(0)
    vectors, targets = torch.randn(6, 9, requires_grad=True), torch.randint(9, (6,))
    once = gradients(cross_entropy_in_place(vectors * 1, targets)[0], vectors)[0]
    thrice = gradients(3 * cross_entropy_in_place(vectors * 1, targets)[0], vectors)[0]
    torch.testing.assert_close(thrice, 3 * once)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_summed_in_single_precision(dtype):
    torch.manual_seed(0)
    logits = torch.randn(300, 500).to(dtype).requires_grad_()
    targets = torch.randint(500, (300,))
    expected = F.cross_entropy(logits.float(), targets)
    loss, plain = cross_entropy_in_place(logits * 1, targets)
    assert loss.dtype == plain.dtype == torch.float32
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(
        gradients(loss, logits)[0], gradients(expected, logits)[0], atol=1e-5, rtol=1e-2
    )


def test_words_far_below_the_best_keep_their_loss():
    logits = torch.tensor([[500.0, 0.0]])
    assert cross_entropy_in_place(logits, torch.tensor([1]))[0].item() == 500


def test_not_a_number_stays_one():
    logits = torch.tensor([[1.0, float("nan")], [0.0, 0.0]])
    assert cross_entropy_in_place(logits, torch.tensor([0, 0]))[0].isnan()


def test_logits_needed_by_another_gradient_are_noticed():
    vectors = torch.randn(2, 3, requires_grad=True)
    loss, _ = cross_entropy_in_place(torch.tanh(vectors), torch.tensor([0, 1]))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_no_words_are_refused():
    with pytest.raises(ValueError, match="one or more words, got none"):
        cross_entropy_in_place(torch.zeros(0, 5), torch.zeros(0, dtype=torch.long))


@pytest.mark.gpu
def test_a_gpu_gives_the_same_loss_and_gradient():
    torch.manual_seed(0)
    logits, targets = torch.randn(5000, 70), torch.randint(70, (5000,))
    found = []
    for device in ("cpu", "cuda"):
        here = logits.to(device).requires_grad_()
        loss, _ = cross_entropy_in_place(here * 1, targets.to(device), label_smoothing=0.1)
        found.append((loss.cpu(), gradients(loss, here)[0].cpu()))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)
