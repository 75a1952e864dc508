"""The built-in scenes on one core: drawing, rendering, captions and their check.

`scenes_per_second_64` counts complete scenes: drawn, rendered at 64 pixels, captioned five times.
Rates are calls in a CPU second of this process.
"""

from collections.abc import Callable

import torch

from multimodal.worlds.scenes import check_caption, describe, render_scene, sample_scene
from sides.timing import Machine, Rates, Results, Way

PROMISES = {"scenes_per_second_64": "2,000", "scenes_of_target": "1.0"}
TARGET = 2000  # complete scenes a second of one core


def measure(machine: Machine, *, quick: bool) -> Results:
    """Measure all rates."""
    torch.set_num_threads(1)
    ways = scene_ways(400 if quick else 3000)
    rates: Rates = {}
    for name, way in ways.items():  # not in turns: images of other sizes would empty the caches
        rates |= machine.rates({name: way}, seconds=0.7 if quick else 7, cpu_seconds=True)
    complete = rates["complete scenes, 64 px"]
    ratios = {
        "scenes_per_second_64": complete,
        "scenes_of_target": complete / TARGET,
        "checks_per_second": rates["captions checked"],
    }
    return Results(ratios, {"one core, calls a second": rates})


def scene_ways(count: int) -> dict[str, Way]:
    """Build so many calls of each function of the world."""
    scenes = [sample_scene(0, index, "train") for index in range(count)]
    captions = [describe(scene) for scene in scenes]

    def complete(index: int) -> None:
        scene = sample_scene(0, index, "train")
        render_scene(scene, 64)
        describe(scene)

    def calls(action: Callable[[int], object]) -> Way:
        return Way(lambda: [action(index) for index in range(count)], count)

    return {
        "complete scenes, 64 px": calls(complete),
        "scenes, train": calls(lambda index: sample_scene(0, index, "train")),
        "scenes, test": calls(lambda index: sample_scene(0, index, "test")),
        "scenes, comp_test": calls(lambda index: sample_scene(0, index, "comp_test")),
        "images, 64 px": calls(lambda index: render_scene(scenes[index], 64)),
        "images, 128 px": calls(lambda index: render_scene(scenes[index], 128)),
        "images, 256 px": calls(lambda index: render_scene(scenes[index], 256)),
        "sets of five captions": calls(lambda index: describe(scenes[index])),
        "captions checked": calls(
            lambda index: check_caption(captions[index][index % 5], scenes[index])
        ),
    }
