import pytest
from lightning.pytorch import LightningModule, Trainer

from multimodal.data.split_images import SceneCounts, SplitImages
from multimodal.data.transforms import TransformSettings
from multimodal.nn.encoders import SmallCNN
from multimodal.worlds.scenes import sample_scene


def images(cache=""):
    return SplitImages(TransformSettings(size=48), cache, ["plain"], "stop", seed=0)


class Blind(LightningModule):
    pass


def trainer_of(task):
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, max_epochs=1)
    trainer.strategy.connect(task)
    return trainer


def test_a_split_has_its_number_of_scenes_in_its_world():
    counts = SceneCounts(train=3, val=2, test=1, compositional=True)
    assert [counts.number(split) for split in ("train", "val", "test")] == [3, 2, 1]
    assert counts.world("val") == "comp_val"
    assert SceneCounts().world("val") == "val"


def test_a_cache_needs_a_task_with_an_encoder():
    with pytest.raises(ValueError, match=r"an ImageEncoder; Blind has none"):
        images("features").begin(trainer_of(Blind()))


def test_without_a_cache_any_task_may_run():
    images().begin(trainer_of(Blind()))


def test_scenes_are_not_cached(tmp_path):
    task = Blind()
    task.model = LightningModule()
    task.model.encoder = SmallCNN(channels=[8, 8], strides=[4, 2], trainable_stages=0)
    scene = sample_scene(0, 0, "test")
    with pytest.raises(ValueError, match=r"scenes are drawn, not read"):
        images(str(tmp_path)).source("test", [scene], trainer_of(task), augment=False)
