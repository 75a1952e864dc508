import hashlib
import json
import runpy
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from multimodal.worlds.scenes import (
    COLOURS,
    HELD_OUT_PAIRS,
    SHAPES,
    SIZES,
    SPLITS,
    render_scene,
    sample_scene,
    sampling,
)

GOLDEN = Path(__file__).parents[2] / "golden"

keys = st.tuples(st.integers(0, 2**40), st.integers(0, 2**40), st.sampled_from(SPLITS))


def pairs_of(scene):
    return {(thing.colour, thing.shape) for thing in scene.objects}


def cells_of(scene):
    """List the kinds of objects and their cells in the 8 x 8 grid."""
    return tuple(
        sorted(
            (thing.shape, thing.colour, thing.size, int(thing.x * 8), int(thing.y * 8))
            for thing in scene.objects
        )
    )


def test_scenes_pixels_and_captions_equal_the_stored_ones():
    stored = json.loads((GOLDEN / "scenes.json").read_text())
    measured = runpy.run_path(str(GOLDEN / "scenes_make.py"))["measure"]()
    assert json.loads(json.dumps(measured)) == stored


def test_another_process_draws_the_same_scenes(run_apart):
    program = (
        "from multimodal.worlds.scenes import sample_scene, render_scene; import hashlib;"
        "scenes = [sample_scene(5, i, 'test') for i in range(30)];"
        "data = repr(scenes).encode() + b''.join(render_scene(s, 48).tobytes() for s in scenes);"
        "print(hashlib.sha256(data).hexdigest())"
    )
    scenes = [sample_scene(5, index, "test") for index in range(30)]
    data = repr(scenes).encode() + b"".join(render_scene(scene, 48).tobytes() for scene in scenes)
    assert run_apart(program).decode() == hashlib.sha256(data).hexdigest() + "\n"


@given(keys)
def test_a_scene_depends_on_its_key_alone(key):
    assert sample_scene(*key) == sample_scene(*key)


@given(keys)
def test_objects_lie_inside_and_apart(key):
    scene = sample_scene(*key)
    assert 1 <= len(scene.objects) <= 5
    for thing in scene.objects:
        assert thing.radius < min(thing.x, thing.y, 1 - thing.x, 1 - thing.y)
    for one, other in combinations(scene.objects, 2):
        distance = ((one.x - other.x) ** 2 + (one.y - other.y) ** 2) ** 0.5
        assert distance > one.radius + other.radius + 0.03


def test_seed_index_and_split_each_change_the_scene():
    base = sample_scene(0, 0, "train").objects
    others = [sample_scene(1, 0, "train"), sample_scene(0, 1, "train"), sample_scene(0, 0, "test")]
    assert all(other.objects != base for other in others)


def residue_of(scene):
    """Sum the codes of a scene's objects, which decides between train, val and test."""
    codes = [
        sampling._code(
            sampling._Proposal(
                thing.shape,
                thing.colour,
                thing.size,
                *(int(value * 1024) for value in (thing.radius, thing.x, thing.y)),
            )
        )
        for thing in scene.objects
    ]
    return sum(codes) % 16


@given(keys)
def test_the_arrangement_of_objects_determines_the_split(key):
    base = key[2].removeprefix("comp_")
    residue = residue_of(sample_scene(*key))
    assert [name for name, share in sampling._RESIDUES.items() if residue in share] == [base]


def test_no_two_splits_share_even_an_arrangement_of_kinds():
    train, val, test = (
        {cells_of(sample_scene(0, index, split)) for index in range(150)}
        for split in ("train", "val", "test")
    )
    assert len(train) > 145
    assert not train & val
    assert not train & test
    assert not val & test


def test_every_attribute_and_number_occurs_in_every_split_but_held_out_pairs():
    for split in ("train", "test", "comp_train"):
        scenes = [sample_scene(3, index, split) for index in range(150)]
        things = [thing for scene in scenes for thing in scene.objects]
        assert {thing.shape for thing in things} == set(SHAPES)
        assert {thing.colour for thing in things} == set(COLOURS)
        assert {thing.size for thing in things} == set(SIZES)
        counts = [len(scene.objects) for scene in scenes]
        assert min(counts.count(number) for number in range(1, 6)) > 15


def test_held_out_pairs_cover_every_colour_and_leave_each_shape_most_of_its_colours():
    assert {colour for colour, _ in HELD_OUT_PAIRS} == set(COLOURS)
    assert {shape for _, shape in HELD_OUT_PAIRS} == set(SHAPES)
    assert all([shape for _, shape in HELD_OUT_PAIRS].count(shape) <= 2 for shape in SHAPES)


@given(st.integers(0, 2**40), st.sampled_from(("comp_train", "comp_val")))
def test_compositional_training_never_shows_a_held_out_pair(index, split):
    assert not pairs_of(sample_scene(0, index, split)) & set(HELD_OUT_PAIRS)


@given(st.integers(0, 2**40))
def test_compositional_test_scenes_all_show_a_held_out_pair(index):
    assert pairs_of(sample_scene(0, index, "comp_test")) & set(HELD_OUT_PAIRS)


def test_compositional_training_shows_all_other_pairs():
    pairs = set().union(*(pairs_of(sample_scene(0, index, "comp_train")) for index in range(300)))
    assert len(pairs) == len(COLOURS) * len(SHAPES) - len(HELD_OUT_PAIRS)


def test_a_scene_is_plain_data():
    scene = sample_scene(0, 0, "val")
    assert json.loads(json.dumps(asdict(scene)))["split"] == "val"
    assert hash(scene) == hash(sample_scene(0, 0, "val"))
