import torch

from multimodal.data.scenes import sample_scene
from multimodal.data.sources import ImageSource
from multimodal.data.transforms import EvalTransform, TransformSettings

SETTINGS = TransformSettings(size=48)


def test_scenes_are_drawn_once_and_kept(monkeypatch):
    scenes = [sample_scene(0, index, "train") for index in range(3)]
    source = ImageSource(scenes, transform=EvalTransform(SETTINGS), image_size=48)
    first = source.read([(0, 2), (0, 0)])
    monkeypatch.setattr("multimodal.data.sources.render_scene", None)  # must not be called again
    again = source.read([(1, 2)])
    assert first.requests == [(0, 2), (0, 0)]
    assert first.images.shape == (2, 3, 48, 48)
    assert first.images.dtype == torch.uint8
    assert again.images[0].equal(first.images[0])
    assert first.features is None
    assert first.skipped == ()
