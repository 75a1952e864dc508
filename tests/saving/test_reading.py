import json
import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from multimodal.saving import read_folder, write_folder
from multimodal.saving.checkpoint import SavedModel
from multimodal.saving.contents import checksum


@pytest.fixture
def folder(tmp_path):
    weights = {"weight": torch.arange(6.0).view(2, 3)}
    saved = SavedModel("sentiment", {"width": 2}, ["<pad>"], {}, weights, {"labels": ["good"]})
    write_folder(saved, tmp_path / "model", card="A card.")
    return tmp_path / "model"


def change(folder, **changes):
    """Change config.json with a right checksum, as an attacker would."""
    path = folder / "config.json"
    config = json.loads(path.read_text()) | changes
    config["sha256"] = checksum(config, folder / "model.safetensors")
    path.write_text(json.dumps(config))


def test_a_model_of_another_task_is_refused(folder):
    with pytest.raises(
        ValueError, match=r"model is a model of the task 'sentiment', expected one of 'vqa'\. Give"
    ):
        read_folder(folder, task="vqa")
    assert read_folder(folder, task="sentiment").task == "sentiment"


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file_is_refused(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"model has no {name}, so it is no complete mod"):
        read_folder(folder)


@pytest.mark.parametrize("name", ["README.md", "metrics.json"])
def test_card_and_metrics_are_not_needed(folder, name):
    (folder / name).unlink()
    assert read_folder(folder).task == "sentiment"


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_any_change_of_configuration_or_weights_is_detected(folder, name):
    path = folder / name
    content = bytearray(path.read_bytes())
    at = content.index(b"good") if name == "config.json" else len(content) - 1
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model is not as it was written: .* damaged or changed"):
        read_folder(folder)


def test_the_order_and_the_layout_of_the_json_do_not_matter(folder):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(config.items()))))
    assert read_folder(folder).settings == {"width": 2}


def test_a_format_of_another_version_is_named(folder):
    change(folder, format=2)
    with pytest.raises(ValueError, match=r"has format 2, this version .* reads format 1\. Install"):
        read_folder(folder)


def test_a_configuration_that_is_too_large_is_not_read(folder):
    with (folder / "config.json").open("r+b") as file:
        file.truncate(2**26 + 1)
    with pytest.raises(ValueError, match=r"config\.json has 67,108,865 bytes, and at most"):
        read_folder(folder)


def test_weights_that_are_too_large_are_not_read(folder):
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(2**32 + 1)  # a hole, which takes no room
    with pytest.raises(ValueError, match=r"safetensors has 4,294,967,297 bytes, and at most"):
        read_folder(folder)


def test_numbers_that_are_no_weights_are_refused(folder):
    save_file({"weight": torch.zeros(2, dtype=torch.complex64)}, folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"holds numbers of the type torch\.complex64, not those"):
        read_folder(folder)


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_link_may_stay_in_the_folder_and_not_lead_out_of_it(folder, tmp_path):
    (folder / "model.safetensors").rename(folder / "blob")
    (folder / "model.safetensors").symlink_to("blob")
    assert read_folder(folder).task == "sentiment"
    (folder / "model.safetensors").unlink()
    (folder / "blob").rename(tmp_path / "blob")
    (folder / "model.safetensors").symlink_to("../blob")
    with pytest.raises(ValueError, match=r"is a link that leads out of the folder, so it was not"):
        read_folder(folder)
    (tmp_path / "link").symlink_to("model", target_is_directory=True)
    (folder / "model.safetensors").unlink()
    (tmp_path / "blob").rename(folder / "model.safetensors")
    assert read_folder(tmp_path / "link").task == "sentiment"


@pytest.mark.slow
def test_reading_imports_neither_lightning_nor_pickled_code(folder):
    code = (
        "import sys; from multimodal.saving import read_model; read_model(sys.argv[1]); "
        "sys.exit(any(name.split('.')[0] == 'lightning' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code, folder], check=False).returncode == 0
