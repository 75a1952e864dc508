from dataclasses import replace

import pytest
import torch

CPU = torch.device("cpu")


@pytest.fixture
def small(sides):
    return sides.Sizes(vocab=60, embedding=6, hidden=4, batch=3, mean=5, longest=12)


@pytest.mark.parametrize("layers", [1, 2])
def test_all_three_sides_give_the_same_logits_and_gradients(sides, small, layers):
    sizes = replace(small, layers=layers)
    tutorial = sides.make_tutorial(sizes).eval()
    ours, loop = sides.make_ours(tutorial, sizes).eval(), sides.LoopTutorial(tutorial).eval()
    (batch,) = sides.make_batches(replace(sizes, batches=1), CPU, bucketed=False)
    found = [tutorial(batch), loop(batch), ours(batch.tokens, batch.mask)]
    for logits in found[1:]:
        torch.testing.assert_close(logits, found[0], atol=1e-6, rtol=0)
    expected, looped = (
        torch.autograd.grad(logits.square().sum(), tutorial.embedding.weight)[0]
        for logits in found[:2]
    )
    (mine,) = torch.autograd.grad(found[2].square().sum(), ours.embedding.weight)
    torch.testing.assert_close(looped, expected, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(mine, expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("name", ["REVIEWS", "SENTENCES"])
def test_the_texts_have_the_lengths_of_their_sizes(sides, name):
    sizes = getattr(sides, name)
    lengths = sides.draw_lengths(sizes)
    assert lengths.float().mean().item() == pytest.approx(sizes.mean, rel=0.07)
    assert lengths.min() >= 3
    assert lengths.max() == sizes.longest


def test_buckets_hold_less_padding_and_about_as_many_words(sides):
    share, words = {}, {}
    for bucketed in (False, True):
        sizes = replace(sides.SENTENCES, batches=20)
        batches = sides.make_batches(sizes, CPU, bucketed=bucketed)
        words[bucketed] = sides.count_words(batches)
        share[bucketed] = words[bucketed] / sum(batch.mask.numel() for batch in batches)
    assert share[True] > 0.95
    assert share[False] < 0.6
    assert words[True] == pytest.approx(words[False], rel=0.1)


def test_a_batch_is_words_then_padding(sides, small):
    (batch, _) = sides.make_batches(small, CPU, bucketed=False)
    assert torch.equal(batch.tokens > 0, batch.mask)
    assert (batch.tokens[batch.mask] > 2).all()
    assert (batch.mask[:, :-1] | ~batch.mask[:, 1:]).all()


def test_a_training_step_changes_the_word_vectors(sides, small):
    batches = sides.make_batches(small, CPU, bucketed=True)
    tutorial = sides.make_tutorial(small)
    ours = sides.make_ours(tutorial, small)
    for model, step in (
        (tutorial, sides.train_tutorial(tutorial, batches)),
        (ours, sides.train_ours(ours, batches, bf16=False)),
    ):
        before = model.embedding.weight.detach().clone()
        step()
        assert not model.embedding.weight.equal(before)


def test_every_promise_is_measured(sides, small, machine):
    results = sides.compare(small, small, machine, full=False, seconds=0)
    assert set(results.ratios) == set(sides.PROMISES)
    assert results.ratios.pop("training_bf16") is None
    assert all(ratio > 0 for ratio in results.ratios.values())
    assert results.figures["logits"]["largest difference"] <= 1e-5
    assert "loop" not in results.figures["training, words a second"]


def test_a_full_run_measures_bfloat16_the_loop_and_dense_tables(sides, small, machine):
    machine = machine._replace(bf16=True)
    results = sides.compare(small, small, machine, full=True, seconds=0)
    assert results.ratios["training_bf16"] > 0
    assert "loop" in results.figures["training, words a second"]
    assert "loop" in results.figures["inference, words a second"]
    assert "dense, fused AdamW" in results.figures["word_vectors, steps a second"]


def test_logits_that_differ_stop_the_benchmark(sides, small, machine, monkeypatch):
    wrong = lambda *_, **__: lambda: [torch.ones(small.batch, 2)] * 2  # noqa: E731 (one use)
    monkeypatch.setattr(sides, "predict_ours", wrong)
    with pytest.raises(SystemExit, match="from those of the packed network"):
        sides.check_equal(small, machine)


@pytest.mark.parametrize("quick", [True, False])
def test_other_sizes_are_measured_unless_it_is_quick(sides, small, machine, monkeypatch, quick):
    monkeypatch.setattr(sides, "REVIEWS", small)
    monkeypatch.setattr(sides, "SENTENCES", small)
    monkeypatch.setattr(sides, "LENGTHS", (9,))
    monkeypatch.setattr(sides, "VOCABULARIES", (70,))
    rates = type(machine).rates
    monkeypatch.setattr(
        type(machine), "rates", lambda self, ways, *, seconds: rates(self, ways, seconds=0)
    )
    results = sides.measure(machine, quick=quick)
    assert set(results.ratios) == set(sides.PROMISES)
    assert ("training, mean length 9, words a second" in results.figures) == (not quick)
    assert ("70 word vectors, steps a second" in results.figures) == (not quick)
