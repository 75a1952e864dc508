import os
import signal

import pytest
import torch
from lightning.pytorch.utilities.combined_loader import CombinedLoader

from multimodal.data.buckets import BucketSampler, seed_for
from multimodal.data.loaders import ResumableLoader, _outlive_signals


class Noise:
    """Each example is random, but the same in any worker."""

    def __len__(self):
        return 10

    def __getitems__(self, requests):
        generators = [torch.Generator().manual_seed(seed_for(5, *request)) for request in requests]
        return requests, torch.stack([torch.rand(2, generator=each) for each in generators])


def make_loader(workers=0, **arguments):
    sampler = BucketSampler(10, **({"batch_size": 2, "seed": 1} | arguments))
    return ResumableLoader(Noise(), sampler, workers=workers)


def take(loader, count):
    batches = iter(loader)
    return [next(batches) for _ in range(count)]


def assert_same(batches, others):
    assert [requests for requests, _ in batches] == [requests for requests, _ in others]
    for (_, images), (_, others_images) in zip(batches, others, strict=True):
        assert torch.equal(images, others_images)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_restored_loader_continues_with_the_next_batch(workers):
    whole = make_loader()
    expected = [batch for _ in range(3) for batch in whole]
    first = make_loader(workers)
    list(first)
    take(first, 2)
    state = first.state_dict()  # workers have made more than two batches by now
    assert (state["epoch"], state["position"]) == (1, 2)
    second = make_loader(workers)
    second.load_state_dict(state)
    assert second.state_dict() == state
    assert_same([*second, *second], expected[7:])


def test_at_the_end_of_an_epoch_the_next_one_follows():
    loader = make_loader()
    take(loader, 5)
    state = loader.state_dict()
    assert state["position"] == 5
    restored = make_loader()
    restored.load_state_dict(state)
    assert list(restored) == []
    # Lightning counts epochs itself, and says which one comes.
    restored.load_state_dict(state)
    restored.batch_sampler.set_epoch(1)
    assert [epoch for requests, _ in restored for epoch, _ in requests] == [1] * 10


def test_the_rest_of_an_unfinished_epoch_is_not_continued():
    loader = make_loader()
    take(loader, 2)
    assert {epoch for requests, _ in loader for epoch, _ in requests} == {1}


def test_asking_for_an_iterator_changes_nothing():
    loader = make_loader()
    iter(loader)
    iter(loader)
    assert [epoch for requests, _ in loader for epoch, _ in requests] == [0] * 10


def test_workers_change_nothing():
    assert_same(list(make_loader(0)), list(make_loader(2)))


def test_the_global_generator_is_left_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    list(make_loader())
    assert torch.equal(torch.rand(1), expected)


def test_lightning_saves_its_state_and_shuts_its_workers_down():
    loader = make_loader(workers=1)
    combined = CombinedLoader(loader, "max_size_cycle")
    next(iter(combined))
    assert combined._state_dicts() == [loader.state_dict()]
    assert loader._iterator is not None
    combined.reset()
    assert loader._iterator is None
    assert len(list(loader)) == 5


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [({"seed": 2}, "seed changed"), ({"batch_size": 3}, "batch_size changed")],
)
def test_another_order_in_mid_epoch_is_refused(arguments, changed):
    loader = make_loader()
    take(loader, 2)
    with pytest.raises(ValueError, match=rf"after batch 2 of epoch 0.*{changed}"):
        make_loader(**arguments).load_state_dict(loader.state_dict())


def test_another_order_from_an_epochs_beginning_is_taken():
    loader = make_loader()
    list(loader)
    other = make_loader(seed=2)
    other.load_state_dict(loader.state_dict())
    assert list(other) == []


def test_workers_outlive_the_first_signal():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    try:
        _outlive_signals(0)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])
