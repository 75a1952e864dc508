import csv
import logging
import re

import pytest
import task_trainer
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from PIL import Image
from task_trainer import Loader

from multimodal.captioning import report as pictures
from multimodal.captioning.report import CaptionReport, Written, chosen_ranks, ranked_sheet
from multimodal.data.batches import CaptionBatch
from multimodal.data.examples import CaptionExample, ImageFile
from multimodal.metrics.cider import cider_d
from multimodal.text import tokenize
from multimodal.worlds.scenes import describe, sample_scene


class Parrot(LightningModule):
    """Writes for each picture what the test says it does."""

    def __init__(self, captions):
        super().__init__()
        self.captions = captions
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch, batch_idx):
        return self.weight.sum()

    def validation_step(self, batch, batch_idx):
        return [self.captions[index] for index in batch.indices.tolist()]

    test_step = validation_step

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def scene_examples(count):
    scenes = [sample_scene(0, index, "test") for index in range(count)]
    return [CaptionExample(scene, describe(scene), f"scene {scene.index}") for scene in scenes]


def batches(examples, size=5):
    """Batches as of a feature cache: without the pictures themselves."""
    ready = [
        CaptionBatch(
            indices=torch.arange(start, min(start + size, len(examples))),
            images=None,
            features=torch.zeros(1),
            tokens=torch.zeros(1),
            mask=torch.zeros(1),
            examples=tuple(examples[start : start + size]),
            skipped=(),
        )
        for start in range(0, len(examples), size)
    ]
    return Loader(ready)


def make_trainer(folder, *callbacks, **changes):
    settings = {"callbacks": list(callbacks), "enable_checkpointing": False, **changes}
    return task_trainer.make_trainer(folder, **settings)


def read_table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_a_test_writes_a_sheet_and_a_table_of_all_captions(tmp_path):
    examples = scene_examples(15)
    # Every other caption is a reference of its picture, the rest are all the same.
    captions = [
        tokenize(each.captions[0]) if index % 2 else ["a", "thing", "that", "isn't", "there"]
        for index, each in enumerate(examples)
    ]
    make_trainer(tmp_path, CaptionReport()).test(Parrot(captions), batches(examples), verbose=False)
    rows = read_table(tmp_path / "captions.tsv")
    assert [row["image_id"] for row in rows] == [each.image_id for each in examples]
    assert rows[1]["caption"] == " ".join(captions[1])
    references = [list(map(tokenize, each.captions)) for each in examples]
    mean = sum(float(row["cider"]) for row in rows) / len(rows)
    assert mean == pytest.approx(cider_d(captions, references), abs=1e-3)
    assert min(float(row["cider"]) for row in rows[1::2]) > 0.5
    with Image.open(tmp_path / "captions.png") as sheet:
        assert sheet.width > 1000
        assert sheet.height > 1000


def test_only_the_first_process_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "is_global_zero", property(lambda self: False))
    trainer = make_trainer(tmp_path, CaptionReport(files=True))
    parrot, loader = Parrot([["a", "star"]] * 2), batches(scene_examples(2))
    trainer.test(parrot, loader, verbose=False)
    trainer.validate(parrot, loader, verbose=False)
    assert not list(tmp_path.rglob("*.*"))


def test_pictures_go_into_the_folder_of_the_runs_logger(tmp_path):
    examples = scene_examples(2)
    trainer = make_trainer(tmp_path, CaptionReport(), logger=CSVLogger(tmp_path, "run"))
    trainer.test(Parrot([["a", "star"]] * 2), batches(examples), verbose=False)
    assert (tmp_path / "run" / "version_0" / "captions.png").is_file()
    assert (tmp_path / "run" / "version_0" / "captions.tsv").is_file()


def test_photographs_are_drawn_too_and_large_ones_shrunk(tmp_path):
    Image.new("RGB", (2000, 900), "red").save(tmp_path / "wide.jpg")
    example = CaptionExample(ImageFile(tmp_path / "wide.jpg"), ("A red wall .",), "wide.jpg")
    assert pictures._picture(example.image).shape == (3, 230, 512)
    make_trainer(tmp_path, CaptionReport()).test(
        Parrot([["a", "wall"]]), batches([example]), verbose=False
    )
    assert (tmp_path / "captions.png").is_file()


def test_a_sheet_shows_best_median_and_worst_in_this_order(monkeypatch):
    drawn = {}

    def sheet(images, captions, **more):
        drawn.update(captions=captions, **more)

    monkeypatch.setattr(pictures, "caption_sheet", sheet)
    written = [Written(each, (str(number),)) for number, each in enumerate(scene_examples(40))]
    unchecked = getattr(ranked_sheet, "__wrapped__", ranked_sheet)
    unchecked(written, [float(number) for number in range(40)])
    expected = ["39", "38", "37", "36", "21", "20", "19", "18", "3", "2", "1", "0"]
    assert drawn["captions"] == expected
    assert drawn["notes"][4].startswith("19. CIDEr-D 21.00. Reference: ")
    assert drawn["title"].startswith("Captions of 40 test pictures by CIDEr-D: best, median and")


@pytest.mark.parametrize("count", [0, 1, 12, 13, 14, 100])
def test_no_rank_is_chosen_twice(count):
    ranks = chosen_ranks(count)
    assert ranks == sorted(set(ranks))
    assert len(ranks) == min(count, 12)
    assert all(0 <= rank < count for rank in ranks)


def test_validation_pictures_go_to_tensorboard(tmp_path):
    logger = TensorBoardLogger(tmp_path, "run")
    shown = []
    logger.experiment.add_figure = lambda *arguments: shown.append(arguments)
    examples = scene_examples(6)
    trainer = make_trainer(tmp_path, CaptionReport(validation=3), logger=logger)
    trainer.fit(Parrot([["a", "star"]] * 6), batches(examples), batches(examples))
    [(tag, figure, step)] = shown
    assert (tag, step) == ("val/captions", 2)
    assert len(figure.axes) == 3
    assert not list(tmp_path.rglob("*.png"))


def test_tensorboard_takes_the_sheet_as_it_is(tmp_path):
    logger = TensorBoardLogger(tmp_path, "run")
    trainer = make_trainer(tmp_path, CaptionReport(validation=1), logger=logger)
    trainer.validate(Parrot([["a", "star"]]), batches(scene_examples(1)), verbose=False)
    logger.experiment.flush()
    [events] = (tmp_path / "run").rglob("events.*")
    assert b"val/captions" in events.read_bytes()


def test_validation_pictures_become_files_by_an_option(tmp_path):
    trainer = make_trainer(tmp_path, CaptionReport(files=True), max_epochs=2)
    trainer.fit(Parrot([["a", "star"]] * 2), *[batches(scene_examples(2))] * 2)
    names = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert names == ["epoch_000.png", "epoch_001.png"]


def test_without_tensorboard_nothing_is_drawn_while_training(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "caption_sheet", None)  # calling it would raise
    trainer = make_trainer(tmp_path, CaptionReport(), num_sanity_val_steps=2)
    trainer.fit(Parrot([["a", "star"]] * 2), *[batches(scene_examples(2))] * 2)
    assert not list(tmp_path.rglob("*.png"))


def test_the_sanity_check_is_not_shown(tmp_path):
    callback = CaptionReport(files=True)
    trainer = make_trainer(tmp_path, callback, num_sanity_val_steps=1, limit_val_batches=1)
    trainer.sanity_checking = True
    callback._shown = [Written(scene_examples(1)[0], ("a",))]
    callback.on_validation_end(trainer, Parrot([]))
    assert not list(tmp_path.rglob("*.png"))


def test_a_picture_that_has_gone_does_not_spoil_the_test(tmp_path, caplog):
    example = CaptionExample(ImageFile(tmp_path / "gone.jpg"), ("A dog .",), "gone.jpg")
    with caplog.at_level(logging.WARNING):
        make_trainer(tmp_path, CaptionReport()).test(
            Parrot([["a", "dog"]]), batches([example]), verbose=False
        )
    assert re.search(r"The report in .* is not complete: No picture .*gone\.jpg", caplog.text)
    assert read_table(tmp_path / "captions.tsv")[0]["caption"] == "a dog"
    assert not (tmp_path / "captions.png").exists()


def test_a_picture_that_has_gone_does_not_stop_the_training(tmp_path, caplog):
    example = CaptionExample(ImageFile(tmp_path / "gone.jpg"), ("A dog .",), "gone.jpg")
    with caplog.at_level(logging.WARNING):
        make_trainer(tmp_path, CaptionReport(files=True)).validate(
            Parrot([["a", "dog"]]), batches([example]), verbose=False
        )
    assert re.search(r"No sheet of validation pictures: No picture .*gone\.jpg", caplog.text)
