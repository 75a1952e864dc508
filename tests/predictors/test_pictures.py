from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_captioner import picture

from multimodal.data.examples import ImageFile
from multimodal.data.scenes import sample_scene
from multimodal.predictors.pictures import is_one, open_picture

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
