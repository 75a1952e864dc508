import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.data.buckets import BucketSampler, seed_for


def indices(sampler, epoch=0):
    return [[index for _, index in batch] for batch in sampler.batches(epoch)]


def test_seeds_are_the_same_on_every_machine():
    # Written down once: a change would change every run that is resumed across it.
    assert seed_for() == 0
    assert seed_for(0) == 5225608189600411232
    assert seed_for(1, 2, 3) == 37039206658386963
    assert seed_for(-1) == seed_for(2**64 - 1)


@given(st.lists(st.integers(0, 2**63), max_size=4), st.lists(st.integers(0, 2**63), max_size=4))
def test_other_parts_give_another_seed(parts, others):
    assert 0 <= seed_for(*parts) < 2**63
    assert (seed_for(*parts) == seed_for(*others)) == (parts == others)


def test_neighbouring_seeds_give_unrelated_numbers():
    seeds = [seed_for(0, 0, index) for index in range(2000)]
    bits = torch.tensor([[seed >> bit & 1 for bit in range(63)] for seed in seeds]).float()
    assert (bits.mean(dim=0) - 0.5).abs().max() < 0.06
    assert (torch.corrcoef(bits.T) - torch.eye(63)).abs().max() < 0.12


@settings(max_examples=50)
@given(
    size=st.integers(1, 60),
    batch_size=st.integers(1, 9),
    world_size=st.integers(1, 4),
    pool=st.integers(1, 4),
    shuffle=st.booleans(),
    bucketed=st.booleans(),
    epoch=st.integers(0, 5),
)
def test_processes_get_equally_many_batches_and_together_every_example(
    *, size, batch_size, world_size, pool, shuffle, bucketed, epoch
):
    lengths = [index % 7 for index in range(size)] if bucketed else size
    shares = []
    for rank in range(world_size):
        sampler = BucketSampler(
            lengths,
            batch_size=batch_size,
            seed=3,
            shuffle=shuffle,
            pool=pool,
            rank=rank,
            world_size=world_size,
        )
        batches = indices(sampler, epoch)
        assert len(batches) == len(sampler)
        assert max(map(len, batches)) <= batch_size
        shares.append(batches)
    assert len({tuple(map(len, batches)) for batches in shares}) == 1
    seen = sorted(itertools.chain(*itertools.chain(*shares)))
    assert set(seen) == set(range(size))
    assert len(seen) - size < world_size


def test_two_processes_get_the_examples_of_one_with_twice_the_batch():
    lengths = [index % 11 for index in range(50)]
    one = indices(BucketSampler(lengths, batch_size=8, seed=1, pool=2), epoch=4)
    pair = [
        indices(BucketSampler(lengths, batch_size=4, seed=1, pool=2, rank=rank, world_size=2), 4)
        for rank in range(2)
    ]
    together = [sorted(first + second) for first, second in zip(*pair, strict=True)]
    assert together == [sorted(batch) for batch in one]


def test_the_order_is_a_function_of_seed_and_epoch():
    def order(seed, epoch):
        return indices(BucketSampler(40, batch_size=4, seed=seed), epoch)

    torch.manual_seed(0)
    first = order(1, 2)
    torch.manual_seed(1)
    assert order(1, 2) == first
    assert order(2, 2) != first
    assert order(1, 3) != first


def test_every_batch_names_its_epoch():
    sampler = BucketSampler(5, batch_size=2, seed=0)
    assert {epoch for batch in sampler.batches(7) for epoch, _ in batch} == {7}


def test_an_epoch_can_be_started_at_any_batch():
    sampler = BucketSampler(23, batch_size=4, seed=0)
    whole = list(sampler.batches(3))
    sampler.epoch, sampler.position = 3, 2
    assert list(sampler) == whole[2:]
    sampler.position = len(sampler)
    assert list(sampler) == []


def test_buckets_save_most_of_the_padding_and_are_shuffled():
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(4, 40, (2000,), generator=generator)

    def padding(sampler):
        blocks = [lengths[batch] for batch in indices(sampler)]
        padded = sum(int(block.max()) * len(block) for block in blocks)
        return padded / int(lengths.sum()) - 1

    bucketed = BucketSampler(lengths, batch_size=20, seed=0)
    assert padding(BucketSampler(2000, batch_size=20, seed=0)) > 0.6
    assert padding(bucketed) < 0.03
    means = torch.tensor([lengths[batch].float().mean() for batch in indices(bucketed)])
    assert (means.diff() > 0).float().mean() < 0.7  # not from short to long


def test_equal_lengths_are_mixed_anew_in_each_epoch():
    sampler = BucketSampler([5] * 40, batch_size=4, seed=0, pool=3)
    assert indices(sampler, 0) != indices(sampler, 1)


def test_evaluation_keeps_the_order_of_the_data_in_every_epoch():
    sampler = BucketSampler(5, batch_size=2, seed=0, shuffle=False)
    assert indices(sampler, 0) == indices(sampler, 9) == [[0, 1], [2, 3], [4]]


def test_the_incomplete_batch_can_be_dropped():
    sampler = BucketSampler(11, batch_size=2, seed=0, drop_last=True, world_size=2)
    assert [len(batch) for batch in sampler] == [2, 2]


@pytest.mark.parametrize(
    ("lengths", "arguments", "message"),
    [
        (0, {}, "must be at least 1, got 0, 2 and 100. Is the split empty"),
        ([], {}, "must be at least 1, got 0, 2 and 100"),
        (5, {"batch_size": 0}, "must be at least 1, got 5, 0 and 100"),
        (5, {"rank": 2, "world_size": 2}, "`rank` must be from 0 to `world_size` - 1, got 2 of 2"),
        (3, {"drop_last": True, "world_size": 2}, "3 examples do not fill one batch of 2 x 2"),
    ],
)
def test_wrong_numbers_are_refused(lengths, arguments, message):
    with pytest.raises(ValueError, match=message):
        BucketSampler(lengths, **({"batch_size": 2, "seed": 0} | arguments))


def test_different_orders_have_different_fingerprints():
    base = BucketSampler([1, 2, 3], batch_size=2, seed=0).fingerprint()
    assert BucketSampler([1, 2, 3], batch_size=2, seed=0).fingerprint() == base
    assert BucketSampler([1, 3, 2], batch_size=2, seed=0).fingerprint() != base
    assert BucketSampler(3, batch_size=2, seed=0).fingerprint() != base
    # The number of processes does not matter as long as they share the same batch.
    halves = BucketSampler([1, 2, 3], batch_size=1, seed=0, world_size=2)
    assert halves.fingerprint() == base
