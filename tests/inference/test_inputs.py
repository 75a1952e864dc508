from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_captioner import picture

from multimodal.data.examples import ImageFile
from multimodal.data.images import ImageError
from multimodal.data.transforms import EvalTransform, TransformSettings
from multimodal.inference.inputs import is_one, open_picture, prepare_picture, seen_picture
from multimodal.worlds.scenes import sample_scene

SCENE = sample_scene(0, 0, "test")
ONE = ["a.png", Path("a.png"), b"...", picture("red"), ImageFile(Path("a.png")), SCENE,
       np.zeros((4, 4)), np.zeros((4, 4, 3)), torch.zeros(3, 4, 4)]  # fmt: skip
MANY = [[], ["a.png"], (SCENE,), iter([]), np.zeros((2, 4, 4, 3)), torch.zeros(2, 3, 4, 4), None, 5]


@pytest.mark.parametrize("pictures", ONE, ids=lambda value: type(value).__name__)
def test_single_pictures_are_one(pictures):
    assert is_one(pictures)


@pytest.mark.parametrize("pictures", MANY, ids=lambda value: type(value).__name__)
def test_whatever_else_is_not_one(pictures):
    assert not is_one(pictures)


@pytest.mark.parametrize(("size", "side"), [(16, 48), (64, 64), (300, 256)])
def test_scenes_are_drawn_as_near_the_size_as_they_can_be(size, side):
    assert open_picture(SCENE, size).shape == (3, side, side)


def test_other_pictures_keep_their_size():
    image = open_picture(picture("red", (20, 10)), 64)
    assert (image.shape, image.dtype) == ((3, 10, 20), torch.uint8)


def test_a_picture_is_prepared_with_the_models_transform():
    transform = EvalTransform(TransformSettings(size=8))
    prepared = prepare_picture(picture("red", (20, 10)), transform, None)
    torch.testing.assert_close(prepared, transform(open_picture(picture("red", (20, 10)), 8)))


def test_what_is_wrong_with_a_picture_is_returned(tmp_path):
    transform = EvalTransform(TransformSettings(size=8))
    (tmp_path / "broken.png").write_bytes(b"")
    missing = prepare_picture(tmp_path / "nowhere.png", transform, 3)
    named, numbered, alone = (
        prepare_picture(source, transform, number)
        for source, number in [(tmp_path / "broken.png", 3), (b"", 3), (b"", None)]
    )
    assert isinstance(missing, FileNotFoundError)
    assert all(isinstance(error, ImageError) for error in (named, numbered, alone))
    assert str(named).startswith(f"{tmp_path / 'broken.png'} is empty")
    assert str(numbered).startswith("Picture 3 (counted from 0): the picture given as bytes")
    assert str(alone).startswith("the picture given as bytes")


@pytest.mark.parametrize(("resize", "shape"), [("squash", (3, 10, 20)), ("crop", (3, 8, 8))])
def test_what_a_model_sees_is_the_picture_or_the_square_cut_from_it(resize, shape):
    transform = EvalTransform(TransformSettings(size=8, resize=resize))
    assert seen_picture(picture("red", (20, 10)), transform).shape == shape
