import pytest


@pytest.mark.usefixtures("untuned")
def test_the_ratios_of_the_promises_and_every_rate_are_measured(sides, machine, monkeypatch):
    def rates(self, ways, *, seconds, cpu_seconds):
        assert cpu_seconds
        for way in ways.values():
            assert len(way.run()) == way.count == 3
        return dict.fromkeys(ways, 4000.0)

    scene_ways = sides.scene_ways
    monkeypatch.setattr(sides, "scene_ways", lambda count: scene_ways(3))
    monkeypatch.setattr(type(machine), "rates", rates)
    results = sides.measure(machine, quick=True)
    assert results.ratios == {
        "scenes_per_second_64": 4000.0,
        "scenes_of_target": 2.0,
        "checks_per_second": 4000.0,
    }
    (figures,) = results.figures.values()
    assert {"complete scenes, 64 px", "images, 256 px", "captions checked"} <= set(figures)
