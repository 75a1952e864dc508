import io
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from multimodal.worlds.scenes import (
    RELATIONS,
    SceneObject,
    offset,
    relations,
    render_scene,
    sample_scene,
)


def object_at(x, y):
    return SceneObject("ring", "red", "small", "solid", x, y, 0.1, 0.0, (222, 36, 40))


LEFT_TOP, RIGHT_BOTTOM = object_at(0.25, 0.25), object_at(0.75, 0.5)


@pytest.mark.parametrize(
    ("relation", "expected"),
    [("left of", 0.5), ("right of", -0.5), ("above", 0.25), ("below", -0.25)],
)
def test_offset_is_the_distance_in_the_direction_of_the_relation(relation, expected):
    assert offset(relation, LEFT_TOP, RIGHT_BOTTOM) == expected


def test_relations_hold_only_with_the_margin():
    assert relations(LEFT_TOP, RIGHT_BOTTOM) == ("left of", "above")
    assert relations(LEFT_TOP, RIGHT_BOTTOM, margin=0.3) == ("left of",)
    assert relations(RIGHT_BOTTOM, LEFT_TOP) == ("right of", "below")


@given(*[st.integers(0, 1023)] * 4)
def test_a_relation_and_its_converse_never_hold_together(x1, y1, x2, y2):
    first, second = object_at(x1 / 1024, y1 / 1024), object_at(x2 / 1024, y2 / 1024)
    true = relations(first, second)
    assert not {"left of", "right of"} <= set(true)
    assert not {"above", "below"} <= set(true)
    opposite = dict(zip(RELATIONS, ("right of", "left of", "below", "above"), strict=True))
    assert set(relations(second, first)) == {opposite[relation] for relation in true}


@given(st.integers(0, 10_000))
def test_objects_that_do_not_touch_always_have_a_clear_relation(index):
    objects = sample_scene(0, index, "train").objects
    pairs = [(one, other) for one, other in product(objects, objects) if one is not other]
    assert all(relations(one, other) for one, other in pairs)


def test_select_finds_the_objects_with_all_the_attributes():
    scene = sample_scene(0, 4, "train")
    assert [thing.name for thing in scene.select(colour="orange", shape="square")] == [
        "orange square",
        "orange square",
    ]
    assert len(scene.select(size="large")) == 1
    assert scene.select(colour="blue") == ()
    assert scene.select() == scene.objects
    textures = [thing.texture for thing in scene.objects]
    assert len(scene.select(texture=textures[0])) == textures.count(textures[0])


def test_a_scene_shows_itself_in_a_notebook():
    scene = sample_scene(0, 7, "test")
    with Image.open(io.BytesIO(scene._repr_png_())) as picture:
        assert np.array_equal(np.asarray(picture), render_scene(scene, 256))
