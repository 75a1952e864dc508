import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.nn.pooling import AttentionPooling, Pooling, masked_max, masked_mean

NAMES = ["last", "mean", "max", "attention"]


def _case(lengths, time, seed=0):
    torch.manual_seed(seed)
    mask = torch.arange(time) < torch.tensor(lengths).unsqueeze(1)
    return torch.randn(len(lengths), time, 3), torch.randn(len(lengths), 3), mask


def test_several_ways_are_concatenated_in_their_order():
    torch.manual_seed(0)
    outputs, states, mask = _case([4, 2], 4)
    pool = Pooling(["max", "last", "mean"], 3)
    pooled = pool(outputs, states, mask)
    assert pool.output_dim == 9
    torch.testing.assert_close(pooled[1, :3], outputs[1, :2].amax(dim=0))
    torch.testing.assert_close(pooled[:, 3:6], states)
    torch.testing.assert_close(pooled[1, 6:], outputs[1, :2].mean(dim=0))


def test_attention_is_the_papers():
    outputs, _, mask = _case([4, 2], 4)
    attention = AttentionPooling(3)
    pooled, weights = attention(outputs, mask)
    scores = torch.tanh(outputs[1, :2] @ attention.hidden.weight.T + attention.hidden.bias)
    expected = (scores @ attention.score.weight[0]).softmax(dim=0)
    torch.testing.assert_close(weights[1, :2], expected)
    torch.testing.assert_close(pooled[1], expected @ outputs[1, :2])


@given(
    lengths=st.lists(st.integers(0, 5), min_size=1, max_size=5),
    more=st.integers(0, 3),
    filler=st.sampled_from([0.0, 1e9, float("inf"), float("nan")]),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_the_content_of_padding_changes_nothing(lengths, more, filler, seed):
    outputs, states, mask = _case(lengths, max(lengths) + 1 + more, seed)
    pool = Pooling(NAMES, 3)
    pooled = pool(outputs, states, mask)
    changed = torch.where(mask.unsqueeze(-1), outputs, filler)
    torch.testing.assert_close(pool(changed, states, mask), pooled)
    for row, length in enumerate(lengths):
        alone = slice(row, row + 1), slice(max(1, length))
        other = pool(outputs[alone], states[row : row + 1], mask[alone])
        torch.testing.assert_close(other[0], pooled[row], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_text_without_words_gives_zeros_and_a_gradient_without_nan(name):
    outputs, states, mask = _case([0, 2], 2)
    outputs.requires_grad_()
    pooled = Pooling([name], 3)(outputs, states, mask)
    pooled.square().sum().backward()
    assert not pooled[0].any()
    assert outputs.grad[1].any()
    assert not outputs.grad[0].any()


@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=5), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_attention_weights_sum_to_1_and_are_0_on_padding(lengths, seed):
    outputs, _, mask = _case(lengths, 5, seed)
    _, weights = AttentionPooling(3)(outputs, mask)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(lengths)))
    assert not weights[~mask].any()
    assert (weights >= 0).all()


def test_the_largest_of_negative_values_is_not_that_of_the_padding():
    values = torch.tensor([[[-2.0], [-4.0], [0.0]]])
    assert masked_max(values, torch.tensor([[True, True, False]])).item() == -2


def test_every_parameter_gets_a_gradient():
    torch.manual_seed(0)
    pool = Pooling(["attention", "mean"], 3)
    pool(*_case([3, 1], 3)).square().sum().backward()
    assert all(parameter.grad.any() for parameter in pool.parameters())


def test_half_precision_pools_too():
    outputs, states, mask = _case([3, 1, 0], 3)
    pool = Pooling(NAMES, 3)
    expected = pool(outputs, states, mask)
    with torch.autocast("cpu", torch.bfloat16):
        pooled = pool(outputs.bfloat16(), states.bfloat16(), mask)
    torch.testing.assert_close(pooled.float(), expected, atol=3e-2, rtol=0)


@pytest.mark.parametrize("names", [[], ["sum"], ["max", "max"]])
def test_unknown_no_or_repeated_names_are_refused(names):
    with pytest.raises(ValueError, match="`pooling` must be one or more of last, mean, max, att"):
        Pooling(names, 3)


def test_padding_never_reaches_the_mean_even_when_it_is_not_a_number():
    values = torch.tensor([[[2.0], [4.0], [float("nan")]]])
    mask = torch.tensor([[True, True, False]])
    torch.testing.assert_close(masked_mean(values, mask), torch.tensor([[3.0]]))


def test_a_row_without_tokens_has_mean_zero():
    mask = torch.zeros(1, 2, dtype=torch.bool)
    assert masked_mean(torch.ones(1, 2, 1), mask).item() == 0
