from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.worlds.scenes import (
    COLOURS,
    SHAPES,
    SIZES,
    TEXTURES,
    Background,
    Lighting,
    Scene,
    SceneObject,
    render_scene,
    sample_scene,
)

DARKNESS = Background((0, 0, 0), (0, 0, 0), "down")
PLAIN_LIGHT = Lighting(128, 0, 0, 0, 0)
PERIODS = {"circle": 180, "square": 90, "triangle": 120, "star": 72, "cross": 90, "ring": 180}


def scene_of(*objects, background=DARKNESS, lighting=PLAIN_LIGHT):
    return Scene(objects, background, lighting, 0, 0, "train")


@cache
def radii(size):
    """Collect the radii that sampled objects of a size have, by shape."""
    found = {shape: set() for shape in SHAPES}
    for index in range(200):
        for thing in sample_scene(0, index, "train").objects:
            if thing.size == size:
                found[thing.shape].add(thing.radius)
    return {shape: sorted(values) for shape, values in found.items()}


def lone(shape, radius, angle, texture="solid"):
    thing = SceneObject(shape, "white", "small", texture, 0.5, 0.5, radius, angle, (255, 255, 255))
    return render_scene(scene_of(thing), 64)[..., 0].astype(float).ravel()


@pytest.mark.parametrize("size", [48, 64, 100, 256])
def test_a_picture_has_the_given_size(size):
    for index in range(20):
        picture = render_scene(sample_scene(0, index, "train"), size)
        assert picture.shape == (size, size, 3)
        assert picture.dtype == np.uint8
        assert picture.std() > 3


@pytest.mark.parametrize("size", [47, 257, 0, -64])
def test_sizes_out_of_range_are_refused(size):
    with pytest.raises(ValueError, match=f"between 48 and 256 pixels, got {size}"):
        render_scene(sample_scene(0, 0, "train"), size)


def test_an_object_over_the_border_is_refused():
    thing = SceneObject("star", "red", "small", "solid", 0.05, 0.5, 0.125, 0.0, (222, 36, 40))
    with pytest.raises(ValueError, match=r"red star at \(0.05, 0.5\) with radius 0.125"):
        render_scene(scene_of(thing), 64)


@settings(deadline=None)
@given(st.integers(0, 2**40), st.integers(48, 256))
def test_every_sampled_scene_can_be_rendered_at_any_size(index, size):
    scene = sample_scene(1, index, "test")
    assert np.array_equal(render_scene(scene, size), render_scene(scene, size))


def test_channel_planes_are_contiguous_for_tensors():
    assert render_scene(sample_scene(0, 0, "train"), 64).transpose(2, 0, 1).flags.c_contiguous


@pytest.mark.parametrize("size", [48, 64, 256])
def test_an_object_is_painted_where_the_graph_says(size):
    thing = SceneObject("circle", "red", "small", "solid", 0.75, 0.25, 0.125, 0.0, (255, 0, 0))
    red = render_scene(scene_of(thing), size)[..., 0].astype(float)
    rows, columns = np.mgrid[:size, :size] + 0.5
    assert abs((red * columns).sum() / red.sum() / size - 0.75) < 0.5 / size
    assert abs((red * rows).sum() / red.sum() / size - 0.25) < 0.5 / size
    assert abs(red.sum() / 255 / (np.pi * (size / 8) ** 2) - 1) < 0.01


@pytest.mark.parametrize("shape", SHAPES)
def test_turning_by_the_shape_s_symmetry_changes_nothing(shape):
    difference = np.abs(lone(shape, 0.2, 0.0) - lone(shape, 0.2, float(PERIODS[shape])))
    assert difference.max() <= 64  # fixed-point corners may move by 1/64 pixel


@pytest.mark.parametrize("texture", TEXTURES)
def test_the_nearest_solid_template_identifies_shape_and_size_at_64_pixels(texture):
    templates, names = [], []
    for size in SIZES:
        for shape, values in radii(size).items():
            for turn in range(12):
                radius = sum(values) / len(values)
                template = lone(shape, radius, PERIODS[shape] * (turn + 0.5) / 12)
                templates.append(template / np.linalg.norm(template))
                names.append((shape, size))
    for size in SIZES:
        for shape, values in radii(size).items():
            for turn in range(0, 12, 2):
                for radius in values:
                    picture = lone(shape, radius, PERIODS[shape] * turn / 12, texture)
                    closest = int(np.argmax(np.stack(templates) @ picture))
                    assert names[closest] == (shape, size)


def test_the_nearest_paint_identifies_the_colour_under_every_light_and_noise():
    things = [(sample_scene(2, index, "train"), 64) for index in range(300)]
    means = {colour: [] for colour in COLOURS}
    for scene, size in things:
        picture = render_scene(scene, size).astype(float)
        rows, columns = np.mgrid[:size, :size] + 0.5
        for thing in scene.objects:
            if thing.shape != "ring":
                near = np.hypot(columns - thing.x * size, rows - thing.y * size)
                mean = picture[near < 0.3 * thing.radius * size].mean(axis=0)
                means[thing.colour].append(mean / mean.max())
    centres = np.stack([np.mean(means[colour], axis=0) for colour in COLOURS])
    for number, colour in enumerate(COLOURS):
        distances = np.linalg.norm(np.stack(means[colour])[:, None] - centres, axis=-1)
        assert (distances.argmin(axis=1) == number).all()


def test_objects_stand_out_from_the_background():
    for index in range(100):
        scene = sample_scene(4, index, "train")
        empty = replace(scene, objects=())
        difference = np.abs(render_scene(scene, 64).astype(int) - render_scene(empty, 64))
        for thing in scene.objects:
            column, row = int(thing.x * 64), int(thing.y * 64)
            reach = int(thing.radius * 64)
            patch = difference[row - reach : row + reach, column - reach : column + reach]
            assert patch.max() > 60


def test_brightness_and_noise_have_their_stated_size():
    scene = sample_scene(0, 0, "train")
    still = replace(scene, lighting=PLAIN_LIGHT)
    dim = replace(scene, lighting=replace(PLAIN_LIGHT, brightness=64))
    noisy = replace(scene, lighting=replace(PLAIN_LIGHT, noise=8))
    picture = render_scene(still, 64).astype(int)
    assert np.array_equal(render_scene(dim, 64), picture // 2)
    noise = render_scene(noisy, 64).astype(int) - picture
    assert abs(noise[picture < 200].std() - 8) < 0.5
    assert abs(noise[picture < 200].mean()) < 1


def test_light_comes_from_the_side_the_graph_says():
    grey = Background((100, 100, 100), (100, 100, 100), "down")
    sideways = replace(PLAIN_LIGHT, slope_x=40)
    picture = render_scene(scene_of(background=grey, lighting=sideways), 64).astype(int)
    assert picture[0, 63, 0] > picture[0, 32, 0] > picture[0, 0, 0]
    assert np.array_equal(picture[0], picture[63])


def test_values_saturate_and_never_wrap():
    white = Background((255, 255, 255), (0, 0, 0), "right")
    harsh = Lighting(128, -28, 0, 8, 100)
    picture = render_scene(scene_of(background=white, lighting=harsh), 64).astype(int)
    assert picture[:, :8].min() > 200
    assert picture[:, -8:].max() < 60
