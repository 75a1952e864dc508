import numpy as np
import torch
from PIL import Image

from multimodal.classification.grey import luma, to_grey


def test_grey_is_that_of_pillow():
    torch.manual_seed(0)
    images = torch.randint(0, 256, (5, 3, 8, 8), dtype=torch.uint8)
    for image, grey in zip(images, to_grey(images), strict=True):
        expected = np.array(Image.fromarray(image.permute(1, 2, 0).numpy()).convert("L"))
        assert np.abs(grey[0].numpy().astype(int) - expected).max() <= 1
    white = torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)
    assert to_grey(white).unique().tolist() == [255]


def test_grey_images_keep_their_values():
    grey = torch.rand(2, 1, 4, 4)
    torch.testing.assert_close(luma(grey.expand(-1, 3, -1, -1)), grey, atol=1e-6, rtol=0)
