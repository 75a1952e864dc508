import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multimodal.data.loaders import ResumableLoader
from multimodal.language_model.dataset import StreamDataset

TEXTS = st.lists(st.lists(st.integers(4, 99), max_size=7), min_size=1, max_size=30)
MANY = [[4 + n, 5 + n, 6 + n][: n % 4] for n in range(90)]


def epoch_of(streams: StreamDataset, epoch: int):
    windows = [streams[epoch, number] for number in range(len(streams))]
    return [
        torch.cat([getattr(window, name) for window in windows], dim=1)
        for name in ("tokens", "targets", "mask")
    ]


@given(TEXTS, st.integers(1, 5), st.integers(1, 9), st.booleans(), st.integers(0, 3))
def test_every_token_of_every_text_is_predicted_once(texts, rows, window, shuffle, epoch):
    streams = StreamDataset(texts, batch_size=rows, window=window, seed=1, shuffle=shuffle)
    tokens, targets, mask = epoch_of(streams, epoch)
    assert sorted(targets[mask].tolist()) == sorted(i for text in texts for i in (*text, 2))
    assert sorted(tokens[mask].tolist()) == sorted(i for text in texts for i in (1, *text))
    assert not tokens[~mask].any()
    assert not targets[~mask].any()


@given(TEXTS, st.integers(1, 5), st.integers(1, 9))
def test_read_one_after_the_other_the_streams_are_the_texts(texts, rows, window):
    streams = StreamDataset(texts, batch_size=rows, window=window, seed=1, shuffle=False)
    tokens, targets, mask = epoch_of(streams, 0)
    assert tokens[mask].tolist() == [i for text in texts for i in (1, *text)]
    assert targets[mask].tolist() == [i for text in texts for i in (*text, 2)]


def test_a_row_goes_on_where_it_ended_and_predicts_its_next_token():
    streams = StreamDataset(MANY, batch_size=3, window=5, seed=2)
    tokens, targets, mask = epoch_of(streams, 4)
    inside = mask[:, 1:] & (targets[:, :-1] != 2)
    assert (tokens[:, 1:] == targets[:, :-1])[inside].all()
    assert (tokens[:, 1:] == 1)[mask[:, 1:] & (targets[:, :-1] == 2)].all()


def test_only_the_end_is_padded():
    _, _, mask = epoch_of(StreamDataset(MANY, batch_size=7, window=5, seed=2), 0)
    assert mask.flatten().int().diff().max() <= 0
    assert (~mask).sum() < 7


def test_the_order_is_a_function_of_seed_and_epoch():
    def windows(seed, epoch):
        streams = StreamDataset(MANY, batch_size=2, window=6, seed=seed)
        return epoch_of(streams, epoch)[0].tolist()

    assert windows(1, 2) == windows(1, 2)
    assert windows(1, 2) != windows(1, 3)
    assert windows(1, 2) != windows(2, 2)


def test_evaluation_reads_every_epoch_alike():
    streams = StreamDataset(MANY, batch_size=2, window=6, seed=0, shuffle=False)
    assert epoch_of(streams, 0)[0].equal(epoch_of(streams, 1)[0])


def test_one_long_text_begins_elsewhere_in_each_epoch():
    streams = StreamDataset([list(range(4, 99))], batch_size=1, window=10, seed=0)
    starts = {streams[epoch, 0].tokens[0, 0].item() for epoch in range(6)}
    assert len(starts) > 3


def test_processes_have_streams_of_their_own_and_together_all_of_them():
    alone = epoch_of(StreamDataset(MANY, batch_size=4, window=6, seed=0), 1)[0]
    shared = [
        epoch_of(StreamDataset(MANY, batch_size=2, window=6, seed=0, rank=rank, world_size=2), 1)[0]
        for rank in range(2)
    ]
    assert torch.stack(shared, dim=1).flatten(0, 1).equal(alone)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_resumed_loader_goes_on_with_the_next_window(workers):
    def loader():
        streams = StreamDataset(MANY, batch_size=2, window=6, seed=0)
        return ResumableLoader(streams, streams.sampler, workers=workers)

    whole = loader()
    _, second = list(whole), list(whole)
    stopped = loader()
    list(stopped)
    running = iter(stopped)
    for _ in range(3):
        next(running)
    resumed = loader()
    resumed.load_state_dict(stopped.state_dict())
    rest = list(resumed)
    assert len(rest) == len(second) - 3
    for mine, theirs in zip(rest, second[3:], strict=True):
        assert mine.indices.equal(theirs.indices)
        assert mine.tokens.equal(theirs.tokens)


def test_another_window_is_another_order():
    streams = StreamDataset(MANY, batch_size=2, window=6, seed=0)
    other = StreamDataset(MANY, batch_size=2, window=7, seed=0)
    loader = ResumableLoader(streams, streams.sampler)
    next(iter(loader))
    with pytest.raises(ValueError, match="in an order of the data that this run does not have"):
        ResumableLoader(other, other.sampler).load_state_dict(loader.state_dict())


@pytest.mark.parametrize(("texts", "rows", "window"), [([], 1, 1), ([[4]], 0, 1), ([[4]], 1, 0)])
def test_numbers_out_of_range_are_refused(texts, rows, window):
    with pytest.raises(ValueError, match="`batch_size` and `window` must be at least 1, got"):
        StreamDataset(texts, batch_size=rows, window=window, seed=0)
