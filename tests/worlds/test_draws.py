from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.worlds.draws import Draws, absorb, mix
from multimodal.worlds.reviews import sample_review
from multimodal.worlds.scenes import sample_scene

# The first outputs for the state 1234567, as in the reference implementation by S. Vigna
# (splitmix64.c).
REFERENCE = (6457827717110365317, 3203168211198807973, 9817491932198370423)


def test_words_are_those_of_splitmix64():
    draws = Draws("any key")
    draws.state = 1234567
    assert tuple(draws.word() for _ in REFERENCE) == REFERENCE


@given(st.text(st.characters(max_codepoint=127)), st.integers(1, 2**16 - 1))
def test_a_key_always_gives_the_same_choices(key, bound):
    first, second = Draws(key), Draws(key)
    assert [first.number(bound) for _ in range(20)] == [second.number(bound) for _ in range(20)]
    assert first.below(bound, 7) == second.below(bound, 7)
    assert first.coin() == second.coin()


@given(st.lists(st.integers(1, 2**15), min_size=1, max_size=3))
def test_numbers_stay_below_their_bounds(bounds):
    draws = Draws("a key")
    drawn = draws.below(*bounds)
    assert all(0 <= number < bound for number, bound in zip(drawn, bounds, strict=True))
    assert all(0 <= draws.number(bound) < bound for bound in bounds)


@pytest.mark.parametrize("bound", [2, 3, 7, 50])
def test_small_numbers_are_even(bound):
    draws = Draws(f"even {bound}")
    counts = Counter(draws.number(bound) for _ in range(400 * bound))
    assert len(counts) == bound
    # Five standard deviations of a count of 400 around its mean.
    assert all(abs(number - 400) < 100 for number in counts.values())


def test_neighbouring_choices_do_not_depend_on_each_other():
    draws = Draws("pairs")
    counts = Counter((draws.number(3), draws.number(4)) for _ in range(4800))
    assert len(counts) == 12
    assert all(abs(number - 400) < 100 for number in counts.values())


def test_every_choice_can_be_drawn():
    draws = Draws("picks")
    assert {draws.pick("abcdef") for _ in range(200)} == set("abcdef")
    assert {draws.coin() for _ in range(50)} == {True, False}


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1))
def test_arrays_are_mixed_as_single_numbers_are(words):
    array = np.array(words, np.uint64)
    assert mix(array).tolist() == [mix(word) for word in words]
    assert absorb(array, array[::-1]).tolist() == [
        absorb(*pair) for pair in zip(words, words[::-1], strict=True)
    ]


@pytest.mark.parametrize("sample", [sample_scene, sample_review])
def test_an_unknown_split_is_refused_with_the_closest_name(sample):
    with pytest.raises(ValueError, match=r"must be one of train, .* got 'tran'.*mean 'train'\?"):
        sample(0, 0, "tran")
    with pytest.raises(ValueError, match=r"got 'xyz'\.$"):
        sample(0, 0, "xyz")


@pytest.mark.parametrize("sample", [sample_scene, sample_review])
@pytest.mark.parametrize(("seed", "index"), [(-1, 0), (0, -1)])
def test_negative_keys_are_refused(sample, seed, index):
    with pytest.raises(ValueError, match=f"0 or more, got seed {seed}, index {index}"):
        sample(seed, index, "train")


def test_a_chance_is_as_frequent_as_its_share():
    draws = Draws("chances")
    assert abs(sum(draws.chance(16 / 64) for _ in range(4000)) - 1000) < 140
    assert {draws.chance(1.0) for _ in range(50)} == {True}
    assert {draws.chance(0.0) for _ in range(50)} == {False}
