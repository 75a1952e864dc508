import itertools

import pytest

from multimodal.worlds.scenes import balances
from multimodal.worlds.scenes.graph import MAX_OBJECTS

DRAWN = (
    *balances.EXIST_SELECTIONS,
    *balances.COUNT_SELECTIONS,
    *balances.COMPARED_SELECTIONS,
    *balances.CHAIN_EXIST_SHARES,
)
SHARES = [*balances.SAME_SHARES.values(), *balances.CHAIN_EXIST_SHARES.values()]


def test_selections_are_all_subsets_of_the_attributes_in_one_order():
    order = ("size", "colour", "shape")
    subsets = {subset for size in range(4) for subset in itertools.combinations(order, size)}
    assert set(balances.SELECTIONS) == subsets
    assert set(DRAWN) <= subsets
    assert set(balances.ATTRIBUTES) == set(order) == set(balances.SAME_SHARES)


def test_every_number_has_a_weight():
    assert len(balances.COUNT_WEIGHTS) == MAX_OBJECTS + 1


@pytest.mark.parametrize("share", SHARES)
def test_shares_are_multiples_of_a_64th(share):
    assert 0 < share < 1
    assert (64 * share).is_integer()
