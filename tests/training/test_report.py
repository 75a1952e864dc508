import json
import logging
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger
from task_trainer import Loader, make_trainer

from multimodal.data.batches import CaptionBatch
from multimodal.data.examples import CaptionExample, ImageFile
from multimodal.saving.runs import _SIZES
from multimodal.training import report
from multimodal.training.report import SPLIT_SIZES, Report, ResultsFile, SplitSizes, gather


class Parrot(LightningModule):
    def predict_step(self, batch, batch_idx):
        return [
            {"image_id": each.image_id, "caption": f"a picture of {each.image_id}, déjà vu"}
            for each in batch.examples
        ]


def make_batch(*pairs):
    """A batch of (position, image id)."""
    return CaptionBatch(
        indices=torch.tensor([position for position, _ in pairs]),
        images=None,
        features=torch.zeros(1),
        tokens=torch.zeros(1),
        mask=torch.zeros(1),
        examples=tuple(
            CaptionExample(ImageFile(Path(f"{image_id}.jpg")), ("A dog .",), image_id)
            for _, image_id in pairs
        ),
        skipped=(),
    )


def predict(folder, batches, *, path="", **changes):
    trainer = make_trainer(folder, callbacks=[ResultsFile(path)], **changes)
    trainer.predict(Parrot(), Loader(batches), return_predictions=False)


def ids(path):
    return [entry["image_id"] for entry in json.loads(path.read_text("utf-8"))]


def test_predict_writes_cocos_results_into_the_runs_folder(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        predict(tmp_path, [make_batch((0, 7), (1, "b.jpg")), make_batch((2, 9))])
    entries = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert entries[0] == {"image_id": 7, "caption": "a picture of 7, déjà vu"}
    assert [entry["image_id"] for entry in entries] == [7, "b.jpg", 9]
    assert f"3 results: {tmp_path / 'results.json'}" in caplog.text


def test_the_logger_names_the_folder(tmp_path):
    predict(tmp_path, [make_batch((0, 7))], logger=CSVLogger(tmp_path, "run"))
    assert ids(tmp_path / "run" / "version_0" / "results.json") == [7]


def test_a_path_is_used(tmp_path):
    predict(tmp_path, [make_batch((0, 7))], path=str(tmp_path / "deep" / "mine.json"))
    assert ids(tmp_path / "deep" / "mine.json") == [7]
    assert not (tmp_path / "results.json").exists()


def test_entries_are_in_the_order_of_the_data_set_and_an_image_is_there_once(tmp_path):
    predict(tmp_path, [make_batch((3, 4), (0, 7)), make_batch((3, 4), (1, 7), (2, 5))])
    assert ids(tmp_path / "results.json") == [7, 5, 4]


def test_a_second_prediction_writes_only_its_entries(tmp_path):
    callback = ResultsFile()
    for image_id in (1, 2):
        trainer = make_trainer(tmp_path, callbacks=[callback])
        loader = Loader([make_batch((0, image_id))])
        trainer.predict(Parrot(), loader, return_predictions=False)
        assert ids(tmp_path / "results.json") == [image_id]


def test_only_the_first_process_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "is_global_zero", property(lambda self: False))
    predict(tmp_path, [make_batch((0, 7))])
    assert not (tmp_path / "results.json").exists()


def test_a_file_that_cannot_be_written_is_an_error_and_the_old_one_stays(tmp_path, monkeypatch):
    (tmp_path / "results.json").write_text("old")

    def full(self, *arguments, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OSError, match=r"Could not write .*results\.json: No space left on device"):
        predict(tmp_path, [make_batch((0, 7))])
    assert (tmp_path / "results.json").read_text() == "old"


def test_rows_of_all_processes_are_united(monkeypatch):
    parts = [{0: "zero", 3: "repeated"}, {1: "one", 3: "again"}]

    def all_gather_object(into, own):
        assert own == parts[0]
        into[:] = parts

    distributed = report.torch.distributed
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(distributed, "all_gather_object", all_gather_object)
    assert gather(parts[0]) == {0: "zero", 1: "one", 3: "repeated"}


def test_one_process_keeps_its_rows():
    assert gather({0: "zero"}) == {0: "zero"}


class Oracle(LightningModule):
    def predict_step(self, batch, batch_idx):
        return [
            [{"question_id": 10 * each.image_id + n, "answer": "yes"} for n in range(2)]
            for each in batch.examples
        ]


def test_answers_are_written_question_by_question(tmp_path):
    trainer = make_trainer(tmp_path, callbacks=[ResultsFile()])
    trainer.predict(Oracle(), Loader([make_batch((1, 7)), make_batch((0, 5), (1, 7))]))
    written = json.loads((tmp_path / "results.json").read_text())
    assert [entry["question_id"] for entry in written] == [50, 51, 70, 71]


class Lengths(Report[int]):
    """Reports the numbers that ``test_step`` returns."""

    def __init__(self, error=None):
        super().__init__()
        self.error = error
        self.written = []

    def collect(self, batch, outputs):
        return dict(zip(batch.indices.tolist(), outputs, strict=True))

    def write(self, rows, folder, task):
        if self.error:
            raise self.error
        self.written.append((rows, folder))


class Counter(LightningModule):
    def test_step(self, batch, batch_idx):
        return [10 * index for index in batch.indices.tolist()]


def run_test(folder, callback, batches):
    trainer = make_trainer(folder, callbacks=[callback])
    trainer.test(Counter(), Loader(batches), verbose=False)


def test_a_report_gets_the_rows_of_all_batches_once_and_the_runs_folder(tmp_path):
    callback = Lengths()
    run_test(tmp_path, callback, [make_batch((3, 7), (0, 8)), make_batch((3, 7))])
    run_test(tmp_path, callback, [make_batch((1, 9))])
    assert callback.written == [({3: 30, 0: 0}, tmp_path), ({1: 10}, tmp_path)]


def test_a_report_is_written_by_the_first_process_only(tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "is_global_zero", property(lambda self: False))
    callback = Lengths()
    run_test(tmp_path, callback, [make_batch((1, 9))])
    assert callback.written == []


@pytest.mark.parametrize("error", [OSError("disk full"), ValueError("no picture")])
def test_a_report_that_fails_is_a_warning(tmp_path, caplog, error):
    run_test(tmp_path, Lengths(error), [make_batch((1, 9))])
    assert f"The report in {tmp_path} is not complete: {error}" in caplog.text


TASK = Mock(spec=LightningModule)
COUNTS = {"train": 5, "val": 2, "test": 3}


class Data(LightningDataModule):
    test_split = "test"

    def examples(self, split):
        return [None] * COUNTS[split]


def mock_trainer(folder, **changes):
    parts = {"datamodule": Data(), "log_dir": str(folder), "is_global_zero": True, "logger": 1}
    parts["enable_validation"] = True
    return Mock(spec=Trainer, **parts | changes)


def test_training_and_test_write_the_sizes_of_their_splits(tmp_path):
    SplitSizes().on_train_start(mock_trainer(tmp_path / "fit"), TASK)
    assert json.loads((tmp_path / "fit" / SPLIT_SIZES).read_text()) == {"train": 5, "val": 2}
    SplitSizes().on_test_start(mock_trainer(tmp_path / "test"), TASK)
    assert json.loads((tmp_path / "test" / SPLIT_SIZES).read_text()) == {"test": 3}
    data = Data()
    data.test_split = "val"
    SplitSizes().on_test_start(mock_trainer(tmp_path / "val", datamodule=data), TASK)
    assert json.loads((tmp_path / "val" / SPLIT_SIZES).read_text()) == {"test": 2}


@pytest.mark.parametrize(
    "changes",
    [
        {"datamodule": LightningDataModule()},
        {"datamodule": None},
        {"is_global_zero": False},
        {"logger": None},
        {"log_dir": None},
    ],
)
def test_no_sizes_are_written_without_a_log_or_examples(tmp_path, changes):
    SplitSizes().on_train_start(mock_trainer(tmp_path / "run", **changes), TASK)
    assert not (tmp_path / "run").exists()


def test_a_run_without_validation_writes_the_training_size_only(tmp_path):
    SplitSizes().on_train_start(mock_trainer(tmp_path / "run", enable_validation=False), TASK)
    assert json.loads((tmp_path / "run" / SPLIT_SIZES).read_text()) == {"train": 5}


def test_a_folder_that_cannot_be_written_does_not_stop_a_run(tmp_path, caplog):
    (tmp_path / "run").write_text("a file where the folder should be")
    SplitSizes().on_train_start(mock_trainer(tmp_path / "run"), TASK)
    assert "will lack the sizes of the splits" in caplog.text


def test_cards_look_for_the_same_file():
    assert _SIZES == SPLIT_SIZES
