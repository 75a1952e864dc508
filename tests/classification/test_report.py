import csv
import logging
import re

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger
from PIL import Image
from task_trainer import make_trainer

from multimodal.classification.data import ClassificationData, ImageSettings
from multimodal.classification.report import ClassificationReport, mistake_sheet
from multimodal.data.examples import ImageExample, PixelImage
from multimodal.training.score_tables import Predicted

COUNTS = {"train": 40, "val": 3, "test": 12}


class Parrot(LightningModule):
    """Returns the predictions of the test, by the images' positions."""

    def __init__(self, predictions):
        super().__init__()
        self.predictions = torch.tensor(predictions)

    def test_step(self, batch, batch_idx):
        return self.predictions[batch.indices]


def scenes(label="shape", **settings):
    return ClassificationData(
        format="scenes",
        options={**COUNTS, "label": label},
        transform=ImageSettings(size=48),
        eval_batch_size=5,
        **settings,
    )


def run_test(data, folder, predictions, *, shown=16, **changes):
    report = ClassificationReport(
        data.labels, data.target, lambda: data.examples("train"), shown=shown
    )
    trainer = make_trainer(folder, callbacks=[report], **changes)
    trainer.test(Parrot(predictions), datamodule=data, verbose=False)


def predictions_of(data, wrong):
    """Right for all but the given images, which get another label with the given confidence."""
    rows = []
    for index, example in enumerate(data.examples("test")):
        label = (data.labels.index(example.label) + (index in wrong)) % len(data.labels)
        sure = wrong.get(index, 0.9)
        rest = (1 - sure) / (len(data.labels) - 1)
        rows.append([sure if each == label else rest for each in range(len(data.labels))])
    return rows


def squeezed(text):
    """A Markdown table without the padding of its cells."""
    return re.sub(" +", " ", text)


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_a_test_leaves_tables_and_pictures(tmp_path, caplog):
    data = scenes()
    with caplog.at_level(logging.INFO, "multimodal"):
        run_test(data, tmp_path, predictions_of(data, {2: 0.95, 7: 0.99}))
    names = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert names == {
        *("report.md", "mistakes.tsv", "mistakes.png", "confusion.png", "calibration.png")
    }
    report = squeezed((tmp_path / "report.md").read_text())
    assert "| this model | 83.3 |" in report
    assert all(f"| {label} | " in report for label in data.labels)
    rows = table(tmp_path / "mistakes.tsv")
    examples = data.examples("test")
    assert [row["image_id"] for row in rows] == [str(examples[n].image_id) for n in (7, 2)]
    assert [row["target"] for row in rows] == [examples[n].label for n in (7, 2)]
    assert [row["confidence"] for row in rows] == ["0.9900", "0.9500"]
    for name in ("mistakes.png", "confusion.png", "calibration.png"):
        with Image.open(tmp_path / name) as image:
            assert min(image.size) > 200
    assert "| this model | 83.3 |" in squeezed(caplog.text)


def test_without_a_mistake_there_is_no_sheet(tmp_path):
    data = scenes()
    run_test(data, tmp_path, predictions_of(data, {}))
    assert not (tmp_path / "mistakes.png").exists()
    assert table(tmp_path / "mistakes.tsv") == []


def test_only_the_most_confident_mistakes_are_kept_and_drawn(tmp_path, monkeypatch):
    from multimodal.classification import report as classes

    drawn = []
    sheet = classes.caption_sheet
    monkeypatch.setattr(
        classes,
        "caption_sheet",
        lambda *given, **options: drawn.append((given, options)) or sheet(*given, **options),
    )
    data = scenes()
    wrong = {index: 0.5 + index / 100 for index in range(12)}
    run_test(data, tmp_path, predictions_of(data, wrong), shown=3)
    ((images, captions), options) = drawn[0]
    assert len(images) == len(captions) == 3
    assert [note.split(" %")[0] for note in options["notes"]] == ["61", "60", "59"]
    *_, last = data.test_dataloader()  # the images 10 and 11
    expected = last.images[1]
    torch.testing.assert_close(images[0], expected)
    assert len(table(tmp_path / "mistakes.tsv")) == 12


def test_no_sheet_is_drawn_if_none_is_wanted(tmp_path):
    data = scenes()
    run_test(data, tmp_path, predictions_of(data, {3: 0.9}), shown=0)
    assert not (tmp_path / "mistakes.png").exists()
    assert (tmp_path / "report.md").is_file()


def test_several_labels_have_a_report_and_no_confusions(tmp_path):
    data = scenes("shapes", target="labels")
    predictions = [
        [0.9 if label in each.label else 0.2 for label in data.labels]
        for each in data.examples("test")
    ]
    predictions[4] = [1 - share for share in predictions[4]]
    run_test(data, tmp_path, predictions)
    report = squeezed((tmp_path / "report.md").read_text())
    assert "all labels right" in report
    assert "average precision" in report
    assert len(table(tmp_path / "mistakes.tsv")) == 1
    assert (tmp_path / "mistakes.png").is_file()
    assert not (tmp_path / "confusion.png").exists()


def test_numbers_have_their_errors_and_the_farthest_off(tmp_path):
    data = scenes("count", target="number")
    predictions = [[each.label] for each in data.examples("test")]
    predictions[4][0] += 3
    run_test(data, tmp_path, predictions)
    report = squeezed((tmp_path / "report.md").read_text())
    assert "| this model | 0.250 |" in report
    (row,) = table(tmp_path / "mistakes.tsv")
    assert row["distance"] == "3.0000"
    assert (tmp_path / "mistakes.png").is_file()


def test_the_files_go_into_the_folder_of_the_runs_logger(tmp_path):
    data = scenes()
    run_test(data, tmp_path, predictions_of(data, {}), logger=CSVLogger(tmp_path, "run"))
    assert (tmp_path / "run" / "version_0" / "confusion.png").is_file()


def test_only_the_first_process_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "is_global_zero", property(lambda self: False))
    data = scenes()
    run_test(data, tmp_path, predictions_of(data, {1: 0.9}))
    assert not list(tmp_path.rglob("*.*"))


def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path, caplog):
    (tmp_path / "report.md").mkdir()
    data = scenes()
    run_test(data, tmp_path, predictions_of(data, {}))
    assert "is not complete: " in caplog.text


def test_a_sheet_names_the_prediction_and_the_right_label():
    image = torch.zeros(3, 9, 9, dtype=torch.uint8)
    wrong = Predicted(ImageExample(PixelImage("pets", 4), "cat", 4), (0.25, 0.75))
    sheet = mistake_sheet([(wrong, image)], ["cat", "dog"], "label")
    assert [text.get_text() for text in sheet.texts][1:] == ["dog", "75 % sure. It is cat. pets[4]"]
    off = Predicted(ImageExample(PixelImage("pets", 4), 2.0, 4), (3.5,))
    sheet = mistake_sheet([(off, image)], [], "number")
    assert [text.get_text() for text in sheet.texts] == [
        *("The largest errors", "3.50", "It is 2. pets[4]")
    ]


def test_grey_images_are_drawn():
    wrong = Predicted(ImageExample(PixelImage("digits", 4), "3", 4), (0.25, 0.75))
    image = torch.arange(64, dtype=torch.uint8).view(1, 8, 8)
    (axes,) = mistake_sheet([(wrong, image)], ["3", "8"], "label").axes
    assert axes.get_images()[0].get_array().shape[-1] == 3


def test_a_right_prediction_is_not_drawn_as_a_mistake():
    right = Predicted(ImageExample(PixelImage("pets", 4), "cat", 4), (0.9, 0.1))
    with pytest.raises(ValueError, match=r"The prediction of pets\[4\] is not a mistake"):
        mistake_sheet([(right, torch.zeros(3, 9, 9, dtype=torch.uint8))], ["cat", "dog"], "label")
