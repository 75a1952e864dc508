"""Time the built-in world of scenes on one core: drawing, rendering, captions, checking.

Run `python scripts/benchmark_scenes.py` for a table, with `--quick` for a rough one in seconds,
with `--json` for one line of JSON: `ratios` holds what promises are made of, `rates` everything.
`scenes_per_second_64` counts complete scenes: drawn, rendered at 64 pixels, captioned five times.
Times are CPU seconds of this process, the best of several rounds.
"""

import argparse
import json
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

from multimodal.worlds.scenes import check_caption, describe, render_scene, sample_scene

TARGET = 2000  # complete scenes a second a core at 64 pixels


def rate(action: Callable[[int], object], *, count: int, rounds: int) -> float:
    """Measure calls a second: the best round of `count` calls, after a first one to fill caches."""
    best = float("inf")
    for number in range(rounds + 1):
        start = time.process_time()
        for index in range(count):
            action(index)
        if number:
            best = min(best, time.process_time() - start)
    return count / best


def measure(*, quick: bool) -> dict[str, float]:
    """Measure all rates, in calls a second a core."""
    count, rounds = (400, 3) if quick else (3000, 7)
    scenes = [sample_scene(0, index, "train") for index in range(count)]
    captions = [describe(scene) for scene in scenes]

    def complete(index: int) -> None:
        scene = sample_scene(0, index, "train")
        render_scene(scene, 64)
        describe(scene)

    actions: dict[str, Callable[[int], object]] = {
        "scenes_64": complete,
        "draw_train": lambda index: sample_scene(0, index, "train"),
        "draw_test": lambda index: sample_scene(0, index, "test"),
        "draw_comp_test": lambda index: sample_scene(0, index, "comp_test"),
        "render_64": lambda index: render_scene(scenes[index], 64),
        "render_128": lambda index: render_scene(scenes[index], 128),
        "render_256": lambda index: render_scene(scenes[index], 256),
        "describe": lambda index: describe(scenes[index]),
        "check": lambda index: check_caption(captions[index][index % 5], scenes[index]),
    }
    return {name: rate(action, count=count, rounds=rounds) for name, action in actions.items()}


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer scenes and rounds")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    rates = measure(quick=options.quick)
    if options.json:
        ratios = {
            "scenes_per_second_64": rates["scenes_64"],
            "scenes_of_target": rates["scenes_64"] / TARGET,
            "checks_per_second": rates["check"],
        }
        print(json.dumps({"ratios": ratios, "rates": rates}))
        return
    labels = {
        "scenes_64": "complete scenes, 64 px",
        "draw_train": "drawn graphs, train",
        "draw_test": "drawn graphs, test",
        "draw_comp_test": "drawn graphs, comp_test",
        "render_64": "pictures, 64 px",
        "render_128": "pictures, 128 px",
        "render_256": "pictures, 256 px",
        "describe": "sets of five captions",
        "check": "captions checked",
    }
    print(f"{'one core':<26}{'a second':>10}{'us each':>10}")
    for name, label in labels.items():
        print(f"{label:<26}{rates[name]:>10,.0f}{1e6 / rates[name]:>10.1f}")
    print(f"target {TARGET:,} complete scenes a second: {rates['scenes_64'] / TARGET:.2f} of it")


if __name__ == "__main__":
    main()
