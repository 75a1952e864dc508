from itertools import pairwise, product

import pytest
import torch

from multimodal.decoding import beam_search, greedy, loop, sample
from multimodal.decoding.loop import count_images


def searches(n_best=1):
    generator = torch.Generator().manual_seed(0)
    return [
        pytest.param(beam_search, {"n_best": n_best}, id="beam"),
        pytest.param(greedy, {}, id="greedy"),
        pytest.param(sample, {"generator": generator, "samples": 3}, id="sample"),
    ]


@pytest.mark.parametrize(("search", "arguments"), searches())
def test_no_search_chooses_a_special_or_banned_word(random_model, search, arguments):
    model = random_model(21, images=30, vocab=12, time=8)
    model.tables[..., [0, 1, 3, 7]] += 8
    result = search(*model.start, banned=[7], **arguments)
    time = torch.arange(result.tokens.shape[-1])
    real = time < result.lengths.unsqueeze(-1)
    assert not torch.isin(result.tokens[real], torch.tensor([0, 1, 3, 7])).any()
    assert (result.tokens[~real] == 0).all()
    assert (result.lengths >= 1).all()


@pytest.mark.parametrize(("search", "arguments"), searches())
def test_eos_comes_last_or_not_at_all(random_model, search, arguments):
    model = random_model(22, images=30, vocab=8)
    result = search(*model.start, max_length=7, **arguments)
    ended = (result.tokens == 2).sum(-1)
    last = result.tokens.gather(-1, result.lengths.unsqueeze(-1) - 1).squeeze(-1)
    assert torch.equal(ended == 1, last == 2)
    assert (result.lengths[ended == 0] == 7).all()
    assert ended.any()


@pytest.mark.parametrize(("search", "arguments"), searches())
def test_every_search_keeps_the_least_length_and_repeats_no_bigram(random_model, search, arguments):
    model = random_model(23, images=30, vocab=7, time=9)
    model.tables[..., 2] += 2
    result = search(
        *model.start,
        max_length=9,
        min_length=4,
        no_repeat_ngram=2,
        **arguments,
    )
    assert (result.lengths >= 5).all()
    for words in result.tokens.flatten(0, 1).tolist():
        bigrams = [pair for pair in pairwise(words) if 0 not in pair]
        assert len(set(bigrams)) == len(bigrams)


@pytest.mark.parametrize(("search", "arguments"), searches())
def test_log_probs_are_those_of_the_model(random_model, search, arguments):
    model = random_model(24, images=10, vocab=9)
    result = search(*model.start, max_length=6, **arguments)
    for image in range(10):
        for n, length in enumerate(result.lengths[image].tolist()):
            words = result.tokens[image, n, :length].tolist()
            total = sum(
                model.next_log_probs(image, words[:time])[word] for time, word in enumerate(words)
            )
            assert result.log_probs[image, n].item() == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize("share", [0.01, 2.0])
@pytest.mark.parametrize(("search", "arguments"), searches(n_best=4))
def test_attention_is_that_of_the_step_which_predicted_each_word(
    random_model, monkeypatch, search, arguments, share
):
    monkeypatch.setattr(loop, "_DROP_SHARE", share)
    model = random_model(26, images=20, vocab=7)
    result = search(*model.start, max_length=6, **arguments)
    expected = torch.zeros(*result.tokens.shape, 4)
    for image, n in product(range(20), range(result.tokens.shape[1])):
        words = result.tokens[image, n, : result.lengths[image, n]].tolist()
        for time in range(len(words)):
            expected[image, n, time, model.memory(words[:time])] = 1
    torch.testing.assert_close(result.attention, expected, rtol=0, atol=0)


@pytest.mark.parametrize(("search", "arguments"), searches())
def test_logits_that_are_nan_stop_the_search(random_model, search, arguments):
    model = random_model(25, images=3, vocab=8)
    model.tables[1, 2] = torch.nan
    with pytest.raises(ValueError, match="logits that are NaN or infinite"):
        search(*model.start, min_length=5, **arguments)


@pytest.mark.parametrize(("search", "arguments"), searches())
def test_a_step_that_returns_another_shape_is_named(search, arguments):
    def step(tokens, state, context):
        return torch.zeros(2, 9), state, None

    with pytest.raises(ValueError, match=r"The step must return logits \(images, beams, vocab\)"):
        search(step, (torch.zeros(2, 1),), **arguments)


@pytest.mark.parametrize(
    ("state", "context", "sizes"),
    [
        ((), (), r"\[\]"),
        ((torch.zeros(0, 3),), (), r"\[0\]"),
        ((torch.zeros(2, 3),), (torch.zeros(3, 3),), r"\[2, 3\]"),
    ],
)
def test_tensors_of_no_or_of_different_images_are_refused(state, context, sizes):
    with pytest.raises(ValueError, match=rf"of one or more images, got first axes {sizes}"):
        count_images(state, context)


def test_images_are_counted_in_the_context_where_there_is_no_state():
    assert count_images((), (torch.zeros(5, 2),)) == (5, torch.device("cpu"))


def test_a_model_without_state_can_be_searched():
    def step(tokens, state, context):
        assert state == ()
        return context[0].unsqueeze(1).expand(-1, tokens.shape[1], -1), (), None

    logits = torch.tensor([[0.0, 0, 1, 0, 2, 9], [0.0, 0, 9, 0, 2, 1]])
    result = greedy(step, (), (logits,), max_length=2)
    assert result.tokens.tolist() == [[[5, 5]], [[2, 0]]]
    assert result.attention is None


def test_finished_images_leave_the_batch_with_their_context(table_model, monkeypatch):
    # Image i says i words.
    tables = torch.zeros(8, 10, 4, 6)
    tables[..., 4] = 5
    for image in range(8):
        tables[image, image:, :, 2] = 10
    model = table_model(tables)
    result = greedy(*model.start)
    assert result.lengths.squeeze(1).tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [images for images, _ in model.calls] == [8, 8, 6, 6, 4, 3, 2, 1]
    monkeypatch.setattr(loop, "_DROP_SHARE", 2.0)
    assert torch.equal(greedy(*model.start).tokens, result.tokens)
