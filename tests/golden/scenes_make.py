"""Write scenes.json: what scenes must look like for ever, on every platform.

Run `python tests/golden/scenes_make.py` only when the world itself is meant to change: every stored
result on scenes is then out of date.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from multimodal.worlds.scenes import SPLITS, Scene, describe, render_scene, sample_scene


def graph_hash(scenes: list[Scene]) -> str:
    return hashlib.sha256(json.dumps([asdict(scene) for scene in scenes]).encode()).hexdigest()


def pixel_hash(scenes: list[Scene], size: int) -> str:
    digest = hashlib.sha256()
    for scene in scenes:
        digest.update(render_scene(scene, size).tobytes())
    return digest.hexdigest()


def measure() -> dict[str, object]:
    scenes = {split: [sample_scene(7, index, split) for index in range(20)] for split in SPLITS}
    everything = [scene for split in SPLITS for scene in scenes[split]]
    first = scenes["train"][0]
    return {
        "first": asdict(first),
        "first_captions": list(describe(first)),
        "graphs": {split: graph_hash(scenes[split]) for split in SPLITS},
        "pixels": {str(size): pixel_hash(everything, size) for size in (48, 64, 256)},
        "captions": hashlib.sha256(
            "\n".join(caption for scene in everything for caption in describe(scene)).encode()
        ).hexdigest(),
    }


if __name__ == "__main__":
    Path(__file__).with_name("scenes.json").write_text(json.dumps(measure(), indent=1) + "\n")
