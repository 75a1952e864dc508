import torch
from hypothesis import given
from hypothesis import strategies as st

from multimodal.nn.masking import lengths_to_mask, masked_mean


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_each_row_has_as_many_real_tokens_as_its_length(lengths):
    assert lengths_to_mask(torch.tensor(lengths), 9).sum(dim=1).tolist() == lengths


def test_padding_never_reaches_the_mean_even_when_it_is_not_a_number():
    values = torch.tensor([[[2.0], [4.0], [float("nan")]]])
    mask = torch.tensor([[True, True, False]])
    torch.testing.assert_close(masked_mean(values, mask), torch.tensor([[3.0]]))


def test_a_row_without_tokens_has_mean_zero():
    mask = torch.zeros(1, 2, dtype=torch.bool)
    assert masked_mean(torch.ones(1, 2, 1), mask).item() == 0
