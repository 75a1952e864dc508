import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from multimodal.saving import halved, read_folder, write_folder, writing
from multimodal.saving.checkpoint import SavedModel

FILES = ["README.md", "config.json", "metrics.json", "model.safetensors"]


def model(**changes):
    encoder = {"name": "small", "weights": "somewhere/else.pth", "channels": [8, 16]}
    weights = {"weight": torch.arange(6.0).view(2, 3), "steps": torch.tensor(3)}
    parts = {
        "task": "vqa",
        "settings": {"encoder": encoder, "dropout": 0.1},
        "vocabulary": ["<pad>", "<bos>", "<eos>", "<unk>", "café"],
        "transform": {"size": 64},
        "state_dict": weights,
        "extra": {"answers": ["yes", "no"]},
    }
    return SavedModel(**{**parts, **changes})


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_a_folder_has_four_files_and_the_model_to_the_bit(tmp_path):
    write_folder(model(), tmp_path / "new" / "model", card="# A card\n", metrics={"test": {"a": 1}})
    assert names(tmp_path / "new" / "model") == FILES
    assert names(tmp_path / "new") == ["model"]
    read = read_folder(tmp_path / "new" / "model")
    assert (read.task, read.vocabulary, read.transform, read.extra) == (
        "vqa", model().vocabulary, {"size": 64}, {"answers": ["yes", "no"]}
    )  # fmt: skip
    for name, value in model().state_dict.items():
        assert torch.equal(read.state_dict[name], value)
        assert read.state_dict[name].dtype == value.dtype
    assert (tmp_path / "new/model/README.md").read_text() == "# A card\n"
    assert json.loads((tmp_path / "new/model/metrics.json").read_text()) == {"test": {"a": 1}}


def test_weights_that_lie_in_memory_in_another_order_are_the_same_weights(tmp_path):
    weight = torch.arange(24.0).view(1, 2, 3, 4).to(memory_format=torch.channels_last)
    shared = torch.ones(3)
    write_folder(
        model(state_dict={"conv": weight, "one": shared.clone(), "turned": shared.view(3, 1).T}),
        tmp_path / "model",
    )
    read = read_folder(tmp_path / "model").state_dict
    assert torch.equal(read["conv"], weight)
    assert torch.equal(read["turned"], torch.ones(1, 3))


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_folder(model(), tmp_path / name)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_source_of_an_encoders_first_weights_is_left_out(tmp_path):
    saved = model()
    write_folder(saved, tmp_path / "model")
    assert read_folder(tmp_path / "model").settings["encoder"]["weights"] == "none"
    assert saved.settings["encoder"]["weights"] == "somewhere/else.pth"


def test_an_existing_file_or_folder_is_not_overwritten(tmp_path):
    write_folder(model(), tmp_path / "model", card="old")
    with pytest.raises(FileExistsError, match=r"model holds a model already\. Choose another"):
        write_folder(model(), tmp_path / "model")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match=r"file is there already, and no folder"):
        write_folder(model(), tmp_path / "file", overwrite=True)
    (tmp_path / "model" / "thesis.tex").write_text("mine")
    with pytest.raises(FileExistsError, match=r"holds other things than a model, such as thesis"):
        write_folder(model(), tmp_path / "model", overwrite=True)
    assert (tmp_path / "model" / "README.md").read_text() == "old"
    assert names(tmp_path) == ["file", "model"]


def test_an_existing_model_is_replaced_on_request(tmp_path):
    write_folder(model(), tmp_path / "model", card="old")
    write_folder(model(task="sentiment"), tmp_path / "model", card="new", overwrite=True)
    assert read_folder(tmp_path / "model").task == "sentiment"
    assert names(tmp_path) == ["model"]
    (tmp_path / "empty").mkdir()
    write_folder(model(), tmp_path / "empty")
    assert names(tmp_path / "empty") == FILES


def test_a_write_that_fails_leaves_nothing_and_the_old_model(tmp_path, monkeypatch):
    write_folder(model(), tmp_path / "model", card="old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing, "sync", full)
    with pytest.raises(OSError, match=r"Could not write .*model: No space left on device\. Free"):
        write_folder(model(), tmp_path / "model", overwrite=True)
    with pytest.raises(OSError, match="Could not write"):
        write_folder(model(), tmp_path / "other")
    assert names(tmp_path) == ["model"]
    assert (tmp_path / "model" / "README.md").read_text() == "old"


def test_parts_that_are_not_plain_or_finite_are_not_written(tmp_path):
    with pytest.raises(TypeError, match=r"`extra\.root` must be plain data"):
        write_folder(model(extra={"root": Path("a")}), tmp_path / "model")
    nan = {"weight": torch.tensor([1.0, torch.nan])}
    with pytest.raises(ValueError, match=r"weights that are no numbers .* first weight"):
        write_folder(model(state_dict=nan), tmp_path / "model")
    assert names(tmp_path) == []


def test_half_precision_rounds_matrices_alone(tmp_path):
    weights = {"weight": torch.randn(4, 5), "bias": torch.randn(4), "steps": torch.tensor(3)}
    half = halved(replace(model(), state_dict=weights)).state_dict
    assert [value.dtype for value in half.values()] == [
        torch.float16, torch.float32, torch.int64
    ]  # fmt: skip
    torch.testing.assert_close(half["weight"].float(), weights["weight"], rtol=1e-3, atol=1e-4)
    too_large = halved(replace(model(), state_dict={"weight": torch.full((1, 1), 1e5)}))
    with pytest.raises(ValueError, match="no numbers"):
        write_folder(too_large, tmp_path / "model")
