import torch
from hypothesis import given
from hypothesis import strategies as st

from multimodal.data.augmentation.draws import Draws, seeds_for
from multimodal.data.buckets import seed_for

REQUESTS = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 10**9)), max_size=9)
MANY = [(0, index) for index in range(20_000)]


@given(st.integers(0, 2**63), REQUESTS)
def test_seeds_are_those_of_one_picture_at_a_time(seed, requests):
    found = seeds_for(seed, requests)
    assert [int(each) >> 1 for each in found] == [seed_for(seed, *each) for each in requests]


@given(REQUESTS.filter(len), st.data())
def test_a_picture_draws_the_same_in_any_batch(requests, data):
    place = data.draw(st.integers(0, len(requests) - 1))
    together, alone = Draws(5, requests), Draws(5, [requests[place]])
    for _ in range(3):
        assert together.uniform()[place] == alone.uniform()[0]


def test_numbers_are_spread_evenly_and_unrelated():
    draws = Draws(1, MANY)
    first, second = draws.uniform(), draws.uniform()
    assert first.min() >= 0
    assert first.max() < 1
    counts = torch.histc(first, bins=20, min=0, max=1)
    assert (counts - 1000).abs().max() < 150
    assert torch.corrcoef(torch.stack([first, second]))[0, 1].abs() < 0.03
    assert torch.corrcoef(torch.stack([first[1:], first[:-1]]))[0, 1].abs() < 0.03


def test_ranges_chances_and_signs_are_kept():
    draws = Draws(2, MANY)
    numbers = draws.uniform(-3.0, 5.0)
    assert numbers.min() >= -3
    assert numbers.max() < 5
    assert abs(draws.chance(0.3).float().mean() - 0.3) < 0.02
    below = draws.below(7)
    assert set(below.tolist()) == set(range(7))
    assert set(draws.sign().tolist()) == {-1.0, 1.0}
    assert len(draws) == len(MANY)


def test_other_seeds_epochs_and_pictures_draw_other_numbers():
    drawn = {
        float(Draws(seed, [(epoch, index)]).uniform())
        for seed in range(3)
        for epoch in range(3)
        for index in range(3)
    }
    assert len(drawn) == 27
