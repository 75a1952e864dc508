import pytest
import torch


def test_both_readers_are_timed_from_an_empty_cache_and_again(sides, machine, capsys):
    results = sides.compare(machine, words=100, seconds=0)
    assert set(results.ratios) == {"loading", "loading_again"}
    (seconds,) = results.figures.values()
    assert list(results.figures) == ["5 of 100 words of 100 numbers, CPU seconds"]
    assert set(seconds) == {"torchtext", "torchtext again", "ours", "ours again"}
    assert all(number > 0 for number in (*results.ratios.values(), *seconds.values()))
    assert not "".join(capsys.readouterr())


def test_every_round_begins_with_an_empty_cache(sides, tmp_path, monkeypatch):
    caches = []

    def load(path, vocabulary, cache):
        caches.append((cache, list(cache.iterdir())))
        (cache / "full").touch()

    monkeypatch.setattr(sides, "load_ours", load)
    ways = sides.loading_ways(tmp_path / "vectors.txt", ["a"])
    for name in ("ours", "ours again", "ours"):
        ways[name].run()
    (first, empty), (again, full), (other, also_empty) = caches
    assert first == again != other
    assert (len(empty), len(full), len(also_empty)) == (0, 1, 0)


@pytest.mark.usefixtures("untuned")
@pytest.mark.parametrize(("quick", "words"), [(True, 60_000), (False, 400_000)])
def test_a_quick_run_reads_a_smaller_file(sides, machine, monkeypatch, quick, words):
    monkeypatch.setattr(sides, "compare", lambda machine, *, words, seconds: words)
    assert sides.measure(machine, quick=quick) == words


def test_readers_that_differ_stop_the_benchmark(sides, machine, monkeypatch):
    monkeypatch.setattr(sides, "load_torchtext", lambda path, words, cache: torch.zeros(5, 100))
    with pytest.raises(SystemExit, match="The two readers gave different matrices"):
        sides.compare(machine, words=100, seconds=0)


def test_a_missing_torchtext_is_named_with_the_command_to_run(sides, machine, monkeypatch):
    def missing(*args):
        raise ModuleNotFoundError("No module named 'torchtext'")

    monkeypatch.setattr(sides, "load_torchtext", missing)
    with pytest.raises(SystemExit, match=r"No module named 'torchtext'\. Run `pip install -e"):
        sides.compare(machine, words=100, seconds=0)
