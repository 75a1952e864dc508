import json
import shutil
from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn

from multimodal.captioning.data import CaptionData, CaptionText
from multimodal.data.transforms import TransformSettings
from multimodal.nn.encoders import SmallCNN
from multimodal.text import tokenize
from multimodal.training.connection import Connection

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
TINY = {"train": 12, "val": 4, "test": 4}
CSV = {"format": "table", "root": str(SAMPLES / "csv")}


def tiny(**changes):
    settings = {"transform": TransformSettings(size=48), "batch_size": 4}
    scenes = {} if "format" in changes else {"options": TINY}
    return CaptionData(**{**settings, **scenes, **changes})


def test_the_vocabulary_is_built_from_the_training_captions_alone():
    data = tiny(**CSV)
    captions = {text for example in data.examples("train") for text in example.captions}
    words = {word for text in captions for word in tokenize(text)}
    assert set(data.vocabulary[4:]) == words


def test_what_is_linked_into_the_task_is_plain_data():
    data = tiny()
    assert json.loads(json.dumps([data.vocabulary, data.eval_transform])) == [
        data.vocabulary,
        data.eval_transform,
    ]
    assert data.linked() == {"vocabulary": data.vocabulary, "transform": data.eval_transform}


def test_a_vocabulary_can_be_kept_short():
    everything = tiny(text=CaptionText(max_vocabulary=99)).vocabulary
    short = tiny(text=CaptionText(max_vocabulary=9)).vocabulary
    assert short == everything[:9]
    assert len(everything) > 9


def test_training_batches_are_shuffled_and_evaluation_batches_are_not():
    data = tiny()
    train = [i for batch in data.train_dataloader() for i in batch.indices.tolist()]
    val = [i for batch in data.val_dataloader() for i in batch.indices.tolist()]
    assert sorted(train) == list(range(12)) != train
    assert val == list(range(4))


def test_the_compositional_world_keeps_some_pairs_for_the_test():
    data = tiny(options={"train": 60, "val": 2, "test": 60, "compositional": True})

    def pairs(split):
        return {
            (thing.colour, thing.shape)
            for example in data.examples(split)
            for thing in example.image.objects
        }

    assert pairs("test") - pairs("train")


def test_a_part_of_the_training_images_can_be_held_out(tmp_path):
    rows = "\n".join(f"{i}.png,a dog,train" for i in range(40))
    (tmp_path / "captions.csv").write_text(f"image,caption,split\n{rows}\n")
    for number in range(40):
        (tmp_path / f"{number}.png").write_bytes(b"")
    data = tiny(format="table", root=str(tmp_path), holdout=0.25)
    train, val = data.examples("train"), data.examples("val")
    assert len(train) + len(val) == 40
    assert 0 < len(val) < 20
    assert not {example.image_id for example in train} & {example.image_id for example in val}


def test_the_validation_images_can_be_tested_on():
    data = tiny(options={"train": 4, "val": 3, "test": 2}, test_split="val")
    tested = [e.image for batch in data.test_dataloader() for e in batch.examples]
    assert tested == [example.image for example in data.examples("val")]


def test_a_missing_folder_says_what_was_looked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        tiny(format="flickr8k", root=str(tmp_path / "nowhere")).examples("train")


@pytest.mark.parametrize(
    ("format_", "sample"),
    [("table", "csv"), ("coco", "coco"), ("karpathy", "karpathy"), ("flickr8k", "flickr8k")],
)
def test_images_that_are_not_there_stop_or_are_left_out(tmp_path, caplog, format_, sample):
    root = Path(shutil.copytree(SAMPLES / sample, tmp_path / sample))
    for archive in root.glob("*.zip"):
        shutil.unpack_archive(archive, root)
        archive.unlink()
    everything = tiny(format=format_, root=str(root)).examples("train")
    gone = everything[0].image.path
    gone.unlink()
    with pytest.raises(FileNotFoundError, match=f"names 1 images .* not there: .*{gone.name}"):
        tiny(format=format_, root=str(root)).examples("train")
    left = tiny(format=format_, root=str(root), on_bad_image="skip").examples("train")
    assert left == everything[1:]
    assert "that are not there and were left out" in caplog.text
    assert gone.name in caplog.text


class Looker(LightningModule):
    """Keeps its batches; its encoder is frozen for the first epoch only."""

    unfreeze_epoch = 1

    def __init__(self, seed: int, stages: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        encoder = SmallCNN(channels=[8, 8], strides=[4, 2], trainable_stages=stages)
        self.model = nn.ModuleDict({"encoder": encoder})
        self.batches = []

    def test_step(self, batch, batch_idx):
        self.batches.append(batch)

    validation_step = test_step

    def training_step(self, batch, batch_idx):
        raise AssertionError("a run that must be refused was trained")

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def quiet_trainer(folder):
    return Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        max_epochs=1,
        callbacks=Connection(),
    )


def test_an_evaluation_caches_features_of_the_checkpoints_encoder(tmp_path):
    trained, path = Looker(seed=1, stages=1), tmp_path / "trained.ckpt"
    trainer = quiet_trainer(tmp_path)
    trainer.strategy.connect(trained)
    trainer.save_checkpoint(path)
    data = tiny(format="table", root=str(SAMPLES / "csv"), cache=str(tmp_path / "cache"))
    task = Looker(seed=2, stages=1)
    trainer.test(task, data, ckpt_path=path, weights_only=True, verbose=False)
    (batch,) = task.batches
    assert batch.images is None
    (plain,) = tiny(format="table", root=str(SAMPLES / "csv")).test_dataloader()
    with torch.no_grad():
        expected = trained.model.encoder.eval()(plain.images)
    torch.testing.assert_close(batch.features.float(), expected, atol=2e-3, rtol=2e-3)


def test_a_cache_is_refused_where_the_encoder_is_trained_from_the_start(tmp_path):
    data = tiny(format="table", root=str(SAMPLES / "csv"), cache=str(tmp_path / "cache"))
    with pytest.raises(ValueError, match="this run trains the encoder"):
        quiet_trainer(tmp_path).fit(Looker(seed=0, stages=2), data)
