import torch

from multimodal.captioning.result import Caption
from multimodal.inference.inputs import ImageInput


def test_a_caption_is_drawn_with_a_map_for_each_word():
    seen = ImageInput(torch.zeros(3, 32, 32, dtype=torch.uint8), 1, 1)
    grid = ((0.5, 0.5), (0.0, 0.0))
    caption = Caption("two rings", ("two", "rings"), -1.0, (), (grid, grid), seen)
    figure = caption.figure()
    assert len(figure.axes) == 3
    assert [text.get_text() for text in figure.texts] == ["two rings", "two", "rings"]
