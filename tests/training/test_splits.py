import json
from unittest.mock import Mock

import pytest
from lightning.pytorch import LightningModule, Trainer

from multimodal.saving.runs import _SIZES
from multimodal.training.splits import SPLIT_SIZES, SplitSizes

TASK = Mock(spec=LightningModule)
COUNTS = {"train": 5, "val": 2, "test": 3}


class Data:
    test_split = "test"

    def examples(self, split):
        return [None] * COUNTS[split]


def trainer(folder, **changes):
    parts = {"datamodule": Data(), "log_dir": str(folder), "is_global_zero": True, "logger": 1}
    parts["enable_validation"] = True
    return Mock(spec=Trainer, **parts | changes)


def test_training_and_test_write_what_they_read(tmp_path):
    SplitSizes().on_train_start(trainer(tmp_path / "fit"), TASK)
    assert json.loads((tmp_path / "fit" / SPLIT_SIZES).read_text()) == {"train": 5, "val": 2}
    SplitSizes().on_test_start(trainer(tmp_path / "test"), TASK)
    assert json.loads((tmp_path / "test" / SPLIT_SIZES).read_text()) == {"test": 3}
    data = Data()
    data.test_split = "val"
    SplitSizes().on_test_start(trainer(tmp_path / "val", datamodule=data), TASK)
    assert json.loads((tmp_path / "val" / SPLIT_SIZES).read_text()) == {"test": 2}


@pytest.mark.parametrize(
    "changes",
    [
        {"datamodule": object()},
        {"datamodule": None},
        {"is_global_zero": False},
        {"logger": None},
        {"log_dir": None},
    ],
)
def test_nothing_is_written_where_there_is_nothing_to_say(tmp_path, changes):
    SplitSizes().on_train_start(trainer(tmp_path / "run", **changes), TASK)
    assert not (tmp_path / "run").exists()


def test_a_run_without_validation_asks_for_no_such_split(tmp_path):
    SplitSizes().on_train_start(trainer(tmp_path / "run", enable_validation=False), TASK)
    assert json.loads((tmp_path / "run" / SPLIT_SIZES).read_text()) == {"train": 5}


def test_a_folder_that_cannot_be_written_does_not_stop_a_run(tmp_path, caplog):
    (tmp_path / "run").write_text("a file where the folder should be")
    SplitSizes().on_train_start(trainer(tmp_path / "run"), TASK)
    assert "will not know the sizes of the splits" in caplog.text


def test_cards_look_for_the_same_file():
    assert _SIZES == SPLIT_SIZES
