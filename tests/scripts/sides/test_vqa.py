from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F

CPU = torch.device("cpu")
ZERO = {"seconds": 0}


@pytest.fixture
def small(sides):
    return sides.Sizes(
        encoder="small",
        pixels=32,
        vocab=60,
        answers=12,
        embedding=8,
        hidden=16,
        width=16,
        before_answers=16,
        images=4,
        questions=3,
        mean_length=6,
    )


@pytest.mark.parametrize(("encoder", "repeats"), [("small", 3), ("mobilenet_v2", 1)])
def test_multiply_with_the_loops_weights_gives_its_logits(sides, small, encoder, repeats):
    sizes = replace(small, encoder=encoder, repeats=repeats)
    tutorial = sides.make_tutorial(sizes)
    twin = sides.make_twin(tutorial, sizes)
    assert sides.difference(tutorial, twin, sides.make_batch(sizes, CPU)) < 1e-3


def test_a_question_about_another_image_or_another_question_has_other_logits(sides, small):
    batch = sides.make_batch(small, CPU)
    tutorial = sides.make_tutorial(small).eval()
    with torch.no_grad():
        images, tokens, lengths = sides.one_image_a_row(batch)
        logits = tutorial(images, tokens, lengths)
        of_images = tutorial(images.roll(small.questions, 0), tokens, lengths)
        of_questions = tutorial(images, tokens.roll(1, 0), lengths.roll(1, 0))
    spread = logits.std(dim=0).mean()
    assert (of_images - logits).abs().max() > spread / 2
    assert (of_questions - logits).abs().max() > spread / 2


def test_the_twins_training_step_is_the_tutorials(sides, small):
    batch = sides.make_batch(small, CPU)
    tutorial = sides.make_tutorial(small).double()
    twin = sides.make_twin(tutorial, small).double()
    expected = F.cross_entropy(tutorial(*sides.one_image_a_row(batch)), batch.labels)
    features = twin.encoder(batch.images)
    logits, _ = twin(features, batch.tokens, batch.mask, batch.image_of, batch.question_of)
    loss = F.cross_entropy(logits, batch.labels)
    expected.backward()
    loss.backward()
    layers = twin.questions.reader.ahead[0].layers
    close = partial(torch.testing.assert_close, rtol=1e-4, atol=1e-7)
    close(loss, expected)
    close(layers.weight_hh_l0.grad, tutorial.cell.weight_hh.grad)
    close(twin.questions.embedding.weight.grad, tutorial.embedding.weight.grad)
    close(twin.encoder.blocks[0][0].weight.grad, tutorial.encoder[0][0].weight.grad)
    assert tutorial.encoder[0][0].weight.grad.abs().max() > 1e-5


def test_a_batch_has_the_lengths_and_the_repeats_it_promises(sides):
    sizes = sides.Sizes(pixels=8, images=200, repeats=4, mean_length=9)
    batch = sides.make_batch(sizes, CPU)
    lengths = batch.mask.sum(dim=1)
    assert (lengths.min().item(), lengths.max().item()) == (6, 15)
    assert lengths.float().mean().item() == pytest.approx(9, abs=0.3)
    assert ((batch.tokens > 3) == batch.mask).all()
    assert batch.image_of.bincount().tolist() == [10] * 200
    assert batch.question_of.bincount().tolist() == [4] * 500


def test_a_frozen_encoder_runs_and_stays_as_it_is(sides, small):
    sizes = replace(small, frozen=True)
    batch = sides.make_batch(sizes, CPU)
    tutorial = sides.make_tutorial(sizes)
    twin = sides.make_twin(tutorial, sizes)
    steps = {
        tutorial: sides.train_tutorial(tutorial, batch),
        twin: sides.train_ours(twin, batch, bf16=False),
    }
    before = [value.clone() for model in steps for value in model.encoder.state_dict().values()]
    for step in steps.values():
        step()
    after = [value for model in steps for value in model.encoder.state_dict().values()]
    assert all(map(torch.equal, before, after))


@pytest.mark.parametrize("bf16", [False, True])
def test_every_promise_is_measured(sides, small, precision, bf16):
    machine = sides.Machine(CPU, bf16, precision)
    results = sides.compare(small, machine, slots=True, seconds=0)
    assert set(results.ratios) == set(sides.PROMISES) == {"training", "answering"}
    assert all(ratio > 0 for ratio in results.ratios.values())
    names = {"tutorial", "multiply", "slots"} | ({"multiply_bf16", "slots_bf16"} if bf16 else set())
    assert set(results.figures["training, questions a second"]) == names
    assert set(results.figures["answering, questions a second"]) == names


def test_a_rate_counts_a_question_once(sides, small, machine):
    ways = sides.answering_ways(small, machine, slots=False)
    assert {name: way.count for name, way in ways.items()} == {"tutorial": 4, "multiply": 12}
    assert {name: len(way.run()) for name, way in ways.items()} == {"tutorial": 4, "multiply": 12}


def test_the_sweep_is_of_the_batch_the_length_and_the_number_of_questions(
    sides, machine, monkeypatch
):
    sizes_measured = []

    def measure(sizes, machine, *, slots, seconds):
        sizes_measured.append((sizes.images, sizes.mean_length, sizes.questions))
        assert slots
        return {"training": {"tutorial": seconds}, "answering": {"tutorial": seconds}}

    monkeypatch.setattr(sides, "measure_rates", measure)
    results = sides.sweep(machine, seconds=30)
    assert len(results) == 2 * len(sizes_measured)
    assert {questions for _, _, questions in sizes_measured} == {1, 2, 5, 10, 20}
    assert {images for images, _, _ in sizes_measured} == {8, 32, 128}
    assert {length for _, length, _ in sizes_measured} == {5, 9, 18, 36}
    total = sum(rates["tutorial"] for rates in results.values())
    assert total == pytest.approx(60)


def test_logits_that_differ_stop_the_benchmark(sides, small, machine, monkeypatch):
    assert sides.check_equal(small, machine) < 1e-3
    make_twin = sides.make_twin

    def another(tutorial, sizes):
        twin = make_twin(tutorial, sizes)
        torch.nn.init.normal_(twin.fusion.image.weight)
        return twin

    monkeypatch.setattr(sides, "make_twin", another)
    with pytest.raises(SystemExit, match="standard deviations from those of the tutorial"):
        sides.check_equal(small, machine)


@pytest.mark.parametrize("quick", [True, False])
def test_other_sizes_and_fusions_are_measured_unless_it_is_quick(
    sides, small, machine, monkeypatch, quick
):
    monkeypatch.setattr(sides, "Sizes", lambda: small)
    measure = sides.measure_rates
    monkeypatch.setattr(
        sides,
        "measure_rates",
        lambda *sizes, slots, seconds: measure(*sizes, slots=slots, seconds=0),
    )
    monkeypatch.setattr(sides, "sweep", lambda machine, seconds: {"batch of 8 images": {}})
    results = sides.measure(machine, quick=quick)
    assert set(results.ratios) == {"training", "answering"}
    assert ("batch of 8 images" in results.figures) == (not quick)
    assert ("slots" in results.figures["training, questions a second"]) == (not quick)
