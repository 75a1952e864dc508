from hypothesis import given
from hypothesis import strategies as st

from multimodal.training.optimisers.schedules import warmup_cosine


@given(st.integers(1, 50), st.integers(1, 60))
def test_the_rate_rises_falls_and_never_leaves_its_bounds(warmup, rest):
    factor = warmup_cosine(warmup, warmup + rest)
    factors = [factor(step) for step in range(warmup + rest + 3)]
    assert factors[:warmup] == sorted(factors[:warmup])
    assert factors[warmup:] == sorted(factors[warmup:], reverse=True)
    assert all(0 < factor <= 1 for factor in factors)


def test_the_end_is_a_hundredth_of_the_peak():
    assert round(warmup_cosine(3, 100)(100), 6) == 0.01
