from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_captioner import picture

from multimodal.data.examples import ImageFile
from multimodal.data.images import ImageError
from multimodal.data.transforms import EvalTransform, TransformSettings
from multimodal.inference.inputs import is_one, open_picture, read_image, view
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


def test_a_picture_is_read_with_the_models_transform():
    transform = EvalTransform(TransformSettings(size=8))
    image = read_image(picture("red", (20, 10)), transform, None)
    torch.testing.assert_close(image.pixels, transform(open_picture(picture("red", (20, 10)), 8)))


def test_a_bad_picture_is_called_by_its_name_or_by_its_number(tmp_path):
    transform = EvalTransform(TransformSettings(size=8))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        read_image(tmp_path / "nowhere.png", transform, 3)
    with pytest.raises(ImageError, match=f"^{broken} is empty"):
        read_image(broken, transform, 3)
    with pytest.raises(ImageError, match=r"^Picture 3 \(counted from 0\): the picture given as by"):
        read_image(b"", transform, 3)
    with pytest.raises(ImageError, match=r"^the picture given as bytes"):
        read_image(b"", transform, None)


@pytest.mark.parametrize(("resize", "shape"), [("squash", (3, 10, 20)), ("crop", (3, 8, 8))])
def test_the_view_of_a_model_is_the_picture_or_the_square_cut_from_it(resize, shape):
    transform = EvalTransform(TransformSettings(size=8, resize=resize))
    assert view(picture("red", (20, 10)), transform).shape == shape
