import contextlib
import os
import pickle
import socket
import subprocess
import sys
import zipfile
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from torch import nn

from multimodal.saving.checkpoint import CHECKPOINT_KEY, attach, plain, read_checkpoint

WEIGHTS = {"model.weight": torch.arange(6.0).view(2, 3), "model.bias": torch.ones(2)}
PARTS = {
    "settings": {"encoder": {"name": "small", "channels": [8, 16]}, "dropout": 0.1},
    "vocabulary": ["<pad>", "<bos>", "<eos>", "<unk>", "café"],
    "transform": {"size": 64},
}


def checkpoint(**changes):
    made = {"state_dict": dict(WEIGHTS), "epoch": 3, "pytorch-lightning_version": "2.6.6"}
    attach(made, **({"task": "captioning"} | PARTS | changes))
    return made


def write(path, content):
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    return path


class Payload:
    """A program in a pickle: it would make a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def test_attached_parts_are_read_back(tmp_path):
    path = write(tmp_path / "best.ckpt", checkpoint(extra={"beam_size": 3}))
    saved = read_checkpoint(path, task="captioning")
    assert {name: getattr(saved, name) for name in PARTS} == PARTS
    assert saved.task == "captioning"
    assert saved.extra == {"beam_size": 3}
    assert list(saved.state_dict) == ["weight", "bias"]
    assert torch.equal(saved.state_dict["weight"], WEIGHTS["model.weight"])
    assert read_checkpoint(str(path)).task == "captioning"


def test_the_weights_stay_when_the_file_is_replaced(tmp_path):
    path = write(tmp_path / "best.ckpt", checkpoint())
    saved = read_checkpoint(path)
    path.write_bytes(b"")
    assert torch.equal(saved.state_dict["bias"], torch.ones(2))


def test_the_optimisers_state_and_the_tasks_own_tensors_are_left_out(tmp_path):
    made = checkpoint()
    made["optimizer_states"] = [{"state": {0: {"exp_avg": torch.zeros(100)}}}]
    made["state_dict"]["class_weights"] = torch.ones(3)
    saved = read_checkpoint(write(tmp_path / "best.ckpt", made))
    assert list(saved.state_dict) == ["weight", "bias"]


class Task(LightningModule):
    def __init__(self, hidden_dim=4):
        super().__init__()
        self.save_hyperparameters()
        self.model = nn.Linear(2, hidden_dim)

    def training_step(self, batch, batch_idx):
        loss = self.model(batch).square().mean()
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters())
        return [optimizer], [torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=10)]

    def on_save_checkpoint(self, checkpoint):
        attach(checkpoint, task="captioning", settings={"hidden_dim": 4})


@pytest.fixture
def lightning_checkpoint(tmp_path):
    callbacks = [ModelCheckpoint(tmp_path, monitor="loss"), EarlyStopping("loss")]
    trainer = Trainer(
        default_root_dir=tmp_path,
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        callbacks=callbacks,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Task(), torch.utils.data.DataLoader(torch.ones(4, 2)))
    return Path(callbacks[0].best_model_path)


def test_a_checkpoint_of_a_lightning_run_opens_without_hyper_parameters(lightning_checkpoint):
    whole = torch.load(lightning_checkpoint, weights_only=True)
    assert whole["optimizer_states"]
    assert whole["callbacks"]
    assert whole["lr_schedulers"]
    assert not any("hyper" in name or "hparams" in name for name in whole)
    saved = read_checkpoint(lightning_checkpoint, task="captioning")
    assert saved.settings == {"hidden_dim": 4}
    nn.Linear(2, 4).load_state_dict(saved.state_dict)


@pytest.mark.slow
def test_reading_does_not_import_lightning(tmp_path):
    path = write(tmp_path / "best.ckpt", checkpoint())
    code = (
        "import sys; from multimodal.saving.checkpoint import read_checkpoint; "
        "read_checkpoint(sys.argv[1]); "
        "sys.exit(any(name.split('.')[0] == 'lightning' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == 0


def test_missing_files_and_folders_have_their_own_messages(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No checkpoint at .*none\.ckpt\. Look in the run"):
        read_checkpoint(tmp_path / "none.ckpt")
    with pytest.raises(ValueError, match=r"is a folder\. Give the \.ckpt file in it"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("address", ["http://host/a.ckpt", "https://host/a.ckpt", "s3://host/a"])
def test_an_address_is_refused_without_a_connection(monkeypatch, address):
    monkeypatch.setattr(socket, "socket", None)
    for given_as in (address, Path(address)):
        with pytest.raises(ValueError, match=r"is not a file\. Download the checkpoint first"):
            read_checkpoint(given_as)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"some words\nand more\n", "is not a checkpoint. Give a .ckpt file"),
        (bytes(range(256)) * 40, "is not a checkpoint"),
        (dict(WEIGHTS), "holds weights alone, without the settings"),
        ({"pytorch-lightning_version": "2.6.6"}, "a Lightning checkpoint, but not of a task of"),
        ([1, 2], "is not a checkpoint of multimodal"),
        ({"epoch": 3}, "is not a checkpoint of multimodal"),
        (checkpoint() | {"state_dict": {}}, "holds no weights of a network"),
        (checkpoint() | {"state_dict": [1]}, "holds no weights of a network"),
        (checkpoint(task="vqa"), "is a checkpoint of the task 'vqa', expected one of 'captioning'"),
    ],
)
def test_each_file_that_is_not_a_captioner_has_its_sentence(tmp_path, content, message):
    path = write(tmp_path / "best.ckpt", content)
    with pytest.raises(ValueError, match=message) as refused:
        read_checkpoint(path, task="captioning")
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "has format 2, this version of multimodal reads format 1"),
        ({"vocabulary": ["<pad>", 2]}, "must be a list of words"),
        ({"settings": None}, "`settings` in .* must be a dict, got NoneType"),
        ({"settings": {"bias": torch.ones(1)}}, r"not written by .*`settings\.bias` must be plain"),
        ({"extra": {"rate": float("nan")}}, r"not written by .*`extra\.rate` must be a finite"),
    ],
)
def test_a_checkpoint_changed_by_hand_is_refused(tmp_path, changes, message):
    made = checkpoint()
    made[CHECKPOINT_KEY].update(changes)
    with pytest.raises(ValueError, match=message):
        read_checkpoint(write(tmp_path / "best.ckpt", made))


def evil_files(folder):
    payload = Payload(folder / "ran")
    yield write(folder / "pickle.ckpt", pickle.dumps(payload, protocol=2))
    yield write(folder / "renamed.ckpt", pickle.dumps({"state_dict": payload}))
    yield write(folder / "inside.ckpt", checkpoint() | {"callbacks": payload})
    # The archive of a good checkpoint, with the pickle in it exchanged.
    good = write(folder / "good.pt", checkpoint())
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(folder / "zip.ckpt", "w") as target:
        for name in source.namelist():
            evil = pickle.dumps(payload, protocol=2)
            target.writestr(name, evil if name.endswith("data.pkl") else source.read(name))
    yield folder / "zip.ckpt"


def test_a_pickle_posing_as_a_checkpoint_is_refused_and_never_run(tmp_path):
    paths = list(evil_files(tmp_path))
    assert len(paths) == 4
    for path in paths:
        with pytest.raises(ValueError, match="It was refused and nothing in it was run"):
            read_checkpoint(path)
        assert not (tmp_path / "ran").exists()
    # The payload is a real one: an unsafe loader runs it.
    torch.load(tmp_path / "inside.ckpt", weights_only=False)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"hyper_parameters": {"_class_path": "tests.evil"}},
        {"hyper_parameters": {"encoder": {"class_path": "antigravity.Encoder"}}},
        {"datamodule_hyper_parameters": {"_instantiator": "os.system"}},
        {"hparams_name": "kwargs"},
        {CHECKPOINT_KEY: checkpoint()[CHECKPOINT_KEY] | {"extra": {"a": [{"class_path": "os"}]}}},
        {CHECKPOINT_KEY: checkpoint()[CHECKPOINT_KEY] | {"_instantiator": "os.system"}},
    ],
)
def test_a_checkpoint_with_an_import_path_is_refused(tmp_path, change):
    path = write(tmp_path / "evil.ckpt", checkpoint() | change)
    with pytest.raises(
        ValueError, match=r"which can name any installed code to run\. It was refused"
    ):
        read_checkpoint(path)
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("tenths", range(1, 10))
def test_a_truncated_checkpoint_is_reported_as_cut_short(tmp_path, tenths):
    whole = write(tmp_path / "whole.ckpt", checkpoint()).read_bytes()
    path = write(tmp_path / "cut.ckpt", whole[: len(whole) * tenths // 10])
    with pytest.raises(ValueError, match=r"is cut short or damaged\. Copy or download it again"):
        read_checkpoint(path)


@settings(max_examples=60, deadline=None)
@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_gives_a_sentence_or_a_model(tmp_path_factory, position, bit):
    folder = tmp_path_factory.mktemp("flip")
    data = bytearray(write(folder / "whole.ckpt", checkpoint()).read_bytes())
    data[int(position * len(data))] ^= 1 << bit
    path = write(folder / "flipped.ckpt", bytes(data))
    with contextlib.suppress(ValueError):
        assert read_checkpoint(path).task


class Colour(Enum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Path("a"), r"`it\.list\[1\]` must be plain data \(JSON types\), got PosixPath"),
        (np.float64(1.0), "got float64"),
        (np.int64(1), "got int64"),
        (Colour.RED, "got Colour"),
        ({1, 2}, "got set"),
        (torch.ones(1), "got Tensor"),
        ({1: "one"}, r"Keys of `it\.list\[1\]` must be strings, got 1"),
    ],
)
def test_a_part_that_is_not_plain_data_is_named(value, message):
    with pytest.raises(TypeError, match=message):
        plain({"list": ["fine", value]}, "it")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_cannot_say_are_named(value):
    with pytest.raises(ValueError, match="`rate` must be a finite number"):
        plain(value, "rate")


json_types = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False,
                                                                      allow_infinity=False),
    lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=40)
@given(json_types)
def test_plain_data_is_returned_as_it_is(value):
    assert plain(value, "value") == value


def test_a_settings_dataclass_becomes_plain():
    @dataclass(frozen=True)
    class Settings:
        name: str = "small"
        channels: tuple[int, ...] = (8, 16)

    assert plain(asdict(Settings()), "settings") == {"name": "small", "channels": [8, 16]}


def test_attach_refuses_parts_that_are_not_plain_data():
    with pytest.raises(TypeError, match=r"`settings\.weights` must be plain data"):
        attach({}, task="captioning", settings={"weights": Path("a.pth")})
