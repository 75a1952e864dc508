"""The benchmark of classification: both sides learn the same, and every promise is measured."""

from dataclasses import replace

import pytest
import torch

CPU = torch.device("cpu")


@pytest.fixture
def small(sides):
    return sides.Sizes(pixels=16, channels=(8, 8, 8), batch=4, images=9, classes=3, workers=0)


@pytest.fixture
def large(small):
    return replace(small, pixels=72, stored=96)


def test_both_sides_predict_the_same_and_other_weights_do_not(sides, small):
    model = sides.make_model(small)
    recipe = sides.Recipe(model, small)
    assert sides.difference(recipe, model, small) < 1e-4
    torch.nn.init.normal_(model.head[-1].weight)
    assert sides.difference(recipe, model, small) > 1e-2


def test_the_recipe_runs_in_the_contiguous_layout(sides, small):
    model = sides.make_model(small)
    recipe = sides.Recipe(model, small)
    weights = [p for p in recipe.encoder.parameters() if p.dim() == 4]
    assert all(weight.is_contiguous() for weight in weights)


@pytest.mark.parametrize("kind", ["small", "large"])
def test_an_epoch_of_either_side_learns_from_every_whole_batch(sides, kind, request):
    sizes = request.getfixturevalue(kind)
    model = sides.make_model(sizes)
    recipe = sides.Recipe(model, sizes)
    before = [p.detach().clone() for p in (*model.parameters(), *recipe.parameters())]
    with sides.make_album(sizes) as album:
        assert len(album.labels) == 9
        loader = sides.make_loader(album, sizes)
        assert [len(batch.labels) for batch in loader] == [4, 4]
        assert sides.train_recipe(recipe, album, sizes, CPU)() > 0
        assert sides.train_ours(model, album, sizes, CPU, bf16=False)() > 0
    after = [*model.parameters(), *recipe.parameters()]
    assert not any(torch.equal(a, b) for a, b in zip(after, before, strict=True))


def test_operations_are_counted_by_hand(sides, small):
    model = sides.make_model(replace(small, channels=(8,)))
    convolution = 2 * 16 * 16 * 8 * 27
    assert sides.flops(model, small) == 3 * (convolution + 2 * 8 * 3)


def test_every_promise_is_measured(sides, small, large, machine):
    results = sides.compare(small, large, machine, seconds=0)
    assert set(results.ratios) == set(sides.PROMISES)
    for rates in results.figures.values():
        assert set(rates) == {"recipe", "ours_fp32", "matmul", "fraction_of_matmul_rate"}
        assert all(rate > 0 for rate in rates.values())


def test_logits_that_differ_stop_the_benchmark(sides, small, machine, monkeypatch):
    monkeypatch.setattr(sides, "difference", lambda *given: 0.5)
    with pytest.raises(SystemExit, match=r"Our logits are 0\.5 from those of the usual recipe"):
        sides.train(small, machine, seconds=0)


@pytest.mark.parametrize("quick", [True, False])
def test_other_sizes_are_measured_unless_it_is_quick(sides, small, machine, monkeypatch, quick):
    monkeypatch.setattr(sides, "SMALL", small)
    monkeypatch.setattr(sides, "LARGE", replace(small, pixels=72, stored=96))
    monkeypatch.setattr(sides, "SWEEP", {"batches of 2": replace(small, batch=2)})
    train = sides.train
    monkeypatch.setattr(sides, "train", lambda *given, seconds: train(*given, seconds=0))
    results = sides.measure(machine, quick=quick)
    assert set(results.ratios) == {"training_32", "training_224"}
    assert ("batches of 2, images a second" in results.figures) == (not quick)
