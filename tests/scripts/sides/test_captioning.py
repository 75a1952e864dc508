import pytest
import torch

CPU = torch.device("cpu")


@pytest.fixture
def small(sides):
    return sides.Sizes(vocab=60, width=16, regions=4, images=6, captions=2, mean_length=6)


@pytest.mark.parametrize("images", [1, 24])
def test_show_attend_tell_with_the_loops_weights_finds_its_captions_to_the_token(sides, images):
    sizes = sides.Sizes(vocab=300, width=48, regions=9, images=images)
    tutorial = sides.make_tutorial(sizes).eval()
    sides.let_captions_end(tutorial)
    features = sides.make_batch(sizes, CPU).features
    expected = sides.search_tutorial(tutorial, features)()
    ours = sides.search_ours(sides.make_twin(tutorial, sizes).eval(), features, bf16=False)()
    captions = zip(ours.tokens[:, 0].tolist(), ours.lengths[:, 0].tolist(), strict=True)
    assert [row[:length] for row, length in captions] == expected
    if images > 1:
        assert len({len(caption) for caption in expected}) > 3
        assert len({tuple(caption) for caption in expected}) > images / 2


def test_captions_that_do_not_end_are_the_same_too(sides, small):
    tutorial = sides.make_tutorial(small).eval()
    sides.let_captions_end(tutorial)
    with torch.no_grad():
        tutorial.output.bias[sides.EOS_ID] = -1e4
    features = sides.make_batch(small, CPU).features
    expected = sides.search_tutorial(tutorial, features)()
    ours = sides.search_ours(sides.make_twin(tutorial, small).eval(), features, bf16=False)()
    assert ours.tokens[:, 0].tolist() == expected
    assert {len(caption) for caption in expected} == {sides.LONGEST}


def test_the_twins_training_step_is_the_tutorials(sides, small):
    sizes = sides.Sizes(vocab=60, width=16, regions=4, images=6, captions=1, mean_length=6)
    batch = sides.make_batch(sizes, CPU)
    tutorial = sides.make_tutorial(sizes, dropout=0.0)
    twin = sides.make_twin(tutorial, sizes)
    expected = tutorial.loss(
        batch.features, batch.tokens.flatten(0, 1), batch.mask.flatten(0, 1).sum(dim=1)
    )
    logits, _ = twin(batch.features, batch.tokens[..., :-1], batch.mask)
    loss = torch.nn.functional.cross_entropy(logits, batch.tokens[..., 1:][batch.mask])
    torch.testing.assert_close(loss, expected)
    expected.backward()
    loss.backward()
    torch.testing.assert_close(twin.output.weight.grad, tutorial.output.weight.grad)
    torch.testing.assert_close(
        twin.decoder.attention.key.weight.grad, tutorial.attention_region.weight.grad
    )


def test_a_batch_has_the_lengths_it_promises(sides):
    batch = sides.make_batch(sides.Sizes(images=2000, width=2, regions=1), CPU)
    lengths = batch.mask.sum(dim=-1)
    assert (lengths.min().item(), lengths.max().item()) == (8, 20)
    assert lengths.float().mean().item() == pytest.approx(12, abs=0.1)
    assert (batch.tokens[..., 0] == 1).all()
    assert ((batch.tokens[..., 1:] > 3) == batch.mask).all()


def test_a_training_step_changes_the_word_vectors(sides, small):
    batch = sides.make_batch(small, CPU)
    captioner = sides.make_captioner(small)
    step = sides.train_ours(captioner, batch, bf16=False)
    before = captioner.embedding.weight.detach().clone()
    step()
    assert not captioner.embedding.weight.equal(before)


def test_the_operations_of_a_training_step_are_counted(sides):
    sizes = sides.Sizes(vocab=10_000, width=512, regions=49, images=32)
    # A word: vocabulary, LSTM, query, attention, combination; an image: keys and values.
    word = 10_000 * 512 + 2 * 512 * 2048 + 512 * 512 + 2 * 49 * 512 + 2 * 512 * 512
    image = 2 * 49 * 512 * 512
    assert sides.training_flops(sizes, 1920) == 2 * (3 * 1920 * word + 2 * 32 * image)


@pytest.mark.parametrize("bf16", [False, True])
def test_every_promise_is_measured(sides, small, precision, bf16):
    machine = sides.Machine(CPU, bf16, precision)
    results = sides.compare(small, machine, seconds=0)
    assert set(results.ratios) == set(sides.PROMISES)
    assert all(ratio > 0 for ratio in results.ratios.values())
    assert ("ours_bf16" in results.figures["training step, captions a second"]) == bf16


def test_captions_that_differ_stop_the_benchmark(sides, small, precision):
    beam = sides.beam_ways(small, sides.Machine(CPU, False, precision))
    beam["tutorial"] = beam["tutorial"]._replace(run=lambda: [[2]] * small.images)
    with pytest.raises(SystemExit, match="writes other captions than the tutorial's loop"):
        sides.check_equal(beam, sides.cider_ways(), exact=True)


def test_a_cider_that_differs_stops_the_benchmark(sides, small, precision):
    beam = sides.beam_ways(small, sides.Machine(CPU, False, precision))
    cider = sides.cider_ways()
    wrong = cider | {"ours": cider["ours"]._replace(run=lambda: (0.0, [0.0] * 50))}
    with pytest.raises(SystemExit, match="from the direct one"):
        sides.check_equal(beam, wrong, exact=True)


@pytest.mark.parametrize("quick", [True, False])
def test_other_sizes_and_the_memory_are_measured_unless_it_is_quick(
    sides, machine, monkeypatch, quick
):
    compare = lambda sizes, machine, seconds: sides.Results({}, {})  # noqa: E731 (one use)
    monkeypatch.setattr(sides, "compare", compare)
    monkeypatch.setattr(sides, "train", lambda sizes, machine, seconds: {"tutorial": seconds})
    monkeypatch.setattr(sides, "peak_memories", lambda machine: {"tutorial": 1.0})
    figures = sides.measure(machine, quick=quick).figures
    assert ("training step, batch of 8, captions a second" in figures) == (not quick)
    assert ("peak memory of a training step, MiB" in figures) == (not quick)


@pytest.mark.slow
def test_the_peak_of_a_training_step_is_measured(sides, small, precision):
    machine = sides.Machine(CPU, False, precision)
    assert sides.peak_memory("ours_fp32", small, machine) >= 0
