"""Damaged and hostile files: each is refused in one sentence, and soon."""

import json
import os
import pickle
import shutil
import struct
import sys
import time
import zipfile
from pathlib import Path

import pytest
import tiny_captioner
import tiny_classifier
import tiny_critic
import torch
from safetensors.torch import load_file, save_file

from multimodal.loading import load
from multimodal.saving import write_folder
from multimodal.saving.checkpoint import CHECKPOINT_KEY, read_checkpoint
from multimodal.saving.contents import checksum

SECONDS = 2
RAN = "this-file-says-that-code-was-run"


class Payload:
    """A program in a pickle: it would make a folder when it is loaded."""

    def __reduce__(self):
        return (os.mkdir, (RAN,))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A good folder of each kind, and its checkpoint."""
    folder = tmp_path_factory.mktemp("models")
    for name, tiny in (
        ("captioner", tiny_captioner), ("critic", tiny_critic), ("classifier", tiny_classifier)
    ):  # fmt: skip
        write_folder(read_checkpoint(tiny.save(folder / f"{name}.ckpt")), folder / name)
    return folder


@pytest.fixture
def workdir(models, tmp_path, monkeypatch):
    """A folder with copies of these models, as the current one."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(models, tmp_path / "models")
    return tmp_path / "models"


def assert_refused(source):
    """Assert a typed error of one sentence, soon, with nothing run or imported."""
    before, start = set(sys.modules), time.process_time()  # other processes may be busy
    with pytest.raises((ValueError, FileNotFoundError)) as refused:
        load(source, device="cpu")
    assert time.process_time() - start < SECONDS
    message = str(refused.value)
    assert "\n" not in message
    assert 20 < len(message) < 700
    assert message.rstrip().endswith((".", "?", ")"))
    assert not Path(RAN).exists()
    new = {name.partition(".")[0] for name in set(sys.modules) - before}
    assert not new & {"antigravity", "lightning", "this", "turtle"}


def seal(folder):
    """Make the checksum right, as an attacker would."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["sha256"] = checksum(config, folder / "model.safetensors")
    path.write_text(json.dumps(config))


def set_value(*keys_and_value):
    """Change a part of config.json, and make the checksum right."""
    *keys, last, value = keys_and_value

    def change(folder):
        path = folder / "config.json"
        config = json.loads(path.read_text())
        part = config
        for key in keys:
            part = part[key]
        if value is DELETED:
            del part[last]
        else:
            part[last] = value
        path.write_text(json.dumps(config))
        seal(folder)

    return change


def set_text(change):
    """Change the text of config.json, of which the checksum may then be any."""

    def write(folder):
        path = folder / "config.json"
        changed = change(path.read_text())
        path.write_bytes(changed if isinstance(changed, bytes) else changed.encode())

    return write


def set_bytes(change):
    """Change the bytes of the weights, and make the checksum right."""

    def write(folder):
        path = folder / "model.safetensors"
        path.write_bytes(change(bytearray(path.read_bytes())))
        seal(folder)

    return write


def set_weights(change):
    """Change the tensors, and make the checksum right."""

    def write(folder):
        path = folder / "model.safetensors"
        weights = {name: value.clone() for name, value in load_file(path).items()}
        change(weights)
        save_file(weights, path)
        seal(folder)

    return write


def header(content):
    """Give the weights another header, as JSON or as bytes."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return set_bytes(lambda _: struct.pack("<Q", len(text)) + text + bytes(64))


def linked(name, target):
    def link(folder):
        (folder / name).unlink()
        (folder / name).symlink_to(target)

    return link


def folder_in_place_of(name):
    def change(folder):
        (folder / name).unlink()
        (folder / name).mkdir()

    return change


def pipe(folder):
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")


def as_pickle(folder):
    (folder / "model.safetensors").write_bytes(pickle.dumps(Payload(), protocol=2))
    seal(folder)


def as_torch_save(folder):
    torch.save({"weight": Payload()}, folder / "model.safetensors")
    seal(folder)


def pickled_config(folder):
    (folder / "config.json").write_bytes(pickle.dumps(Payload(), protocol=0))


def hole(size):
    def change(folder):
        with (folder / "model.safetensors").open("r+b") as file:
            file.truncate(size)

    return change


def flip(name, share):
    def change(folder):
        content = bytearray((folder / name).read_bytes())
        content[int(share * (len(content) - 1))] ^= 1
        (folder / name).write_bytes(content)

    return change


def first(weights):
    return min(name for name, value in weights.items() if value.is_floating_point())


def broken(value):
    return lambda weights: weights[first(weights)].view(-1)[0].fill_(value)


DELETED = object()
DEEP = 100_000
HUGE = {"big": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
OUTSIDE = {"w": {"dtype": "F32", "shape": [99], "data_offsets": [0, 396]}}
TWICE = {name: {"dtype": "F32", "shape": [16], "data_offsets": [0, 64]} for name in ("one", "two")}
UNKNOWN = {"w": {"dtype": "Q7", "shape": [16], "data_offsets": [0, 64]}}

FOLDERS = {
    "config.json is empty": set_text(lambda text: ""),
    "config.json is cut": set_text(lambda text: text[: len(text) // 2]),
    "config.json is no JSON": set_text(lambda text: "settings: {}"),
    "config.json is Latin-1": set_text(lambda text: text.replace("red", "ré").encode("latin-1")),
    "config.json is UTF-16": set_text(lambda text: text.encode("utf-16")),
    "config.json has a mark": set_text(lambda text: "\ufeff" + text),
    "config.json has zeros": set_text(lambda text: text + "\0" * 99),
    "config.json is a pickle": pickled_config,
    "config.json is a list": set_text(lambda text: f"[{text}]"),
    "config.json is a string": set_text(lambda text: '"captioning"'),
    "config.json is a number": set_text(lambda text: "1"),
    "config.json is null": set_text(lambda text: "null"),
    "config.json has deep lists": set_text(lambda text: "[" * DEEP + "]" * DEEP),
    "config.json has deep objects": set_text(lambda text: '{"a":' * DEEP + "1" + "}" * DEEP),
    "settings are deep": set_text(
        lambda text: text.replace('"dropout": 0.0', '"dropout": ' + "[" * 990 + "]" * 990)
    ),
    "a key comes twice": set_text(lambda text: '{"task": "vqa",' + text.lstrip()[1:]),
    "a setting comes twice": set_text(
        lambda text: text.replace('"cell"', '"hidden_dim": 24, "cell"')
    ),
    "a number is NaN": set_text(lambda text: text.replace('"dropout": 0.0', '"dropout": NaN')),
    "a number is infinite": set_text(
        lambda text: text.replace('"dropout": 0.0', '"dropout": 1e999')
    ),
    "a number is endless": set_text(lambda text: text.replace(": 24", ": 2" + "4" * 10_000)),
    "config.json is a folder": folder_in_place_of("config.json"),
    "config.json leads out": linked("config.json", "../critic/config.json"),
    "config.json leads to itself": linked("config.json", "config.json"),
    "config.json is missing": lambda folder: (folder / "config.json").unlink(),
    "the checksum is another": set_text(lambda text: text.replace('"sha256": "', '"sha256": "0')),
    "the checksum is missing": set_text(lambda text: text.replace("sha256", "md5")),
    "a letter of a word is another": set_text(lambda text: text.replace("green", "grean")),
    "a bit of config.json is another": flip("config.json", 0.5),
    "the task is missing": set_value("task", DELETED),
    "the task is unheard of": set_value("task", "poetry"),
    "the task is a program": set_value("task", "os.system"),
    "the task is a book": set_value("task", "a" * 100_000),
    "the task is no string": set_value("task", ["captioning"]),
    "the task is another": set_value("task", "sentiment"),
    "the format is another": set_value("format", 99),
    "the format is a string": set_value("format", "1"),
    "the format is a truth": set_value("format", True),
    "the weights lie elsewhere": set_value("weights", "../../../etc/passwd"),
    "a key names a class": set_value("_class_path", "antigravity.Encoder"),
    "a setting names a class": set_value("settings", "class_path", "antigravity.Encoder"),
    "a deep setting names a maker": set_value(
        "settings", "encoder", "strides", [{"_instantiator": "os.system"}]
    ),
    "the decoder is a program": set_value("settings", "decoder", "os.system"),
    "the cell is a program": set_value("settings", "cell", "this.s"),
    "the encoder is a program": set_value("settings", "encoder", "name", "antigravity.Encoder"),
    "the encoder is a path": set_value("settings", "encoder", "name", "../../etc/passwd"),
    "the encoder is missing": set_value("settings", "encoder", DELETED),
    "the encoder is a string": set_value("settings", "encoder", "small"),
    "the encoder has no layers": set_value("settings", "encoder", "channels", []),
    "the encoder has a hundred thousand layers": set_value(
        "settings", "encoder", "channels", [1] * 10**5
    ),
    "the settings are a list": set_value("settings", []),
    "a setting is unknown": set_value("settings", "colour", "red"),
    "a width is huge": set_value("settings", "hidden_dim", 10**12),
    "a width is large": set_value("settings", "hidden_dim", 4000),
    "a width is negative": set_value("settings", "hidden_dim", -24),
    "a width is zero": set_value("settings", "hidden_dim", 0),
    "a width is a string": set_value("settings", "hidden_dim", "24"),
    "a width is a fraction": set_value("settings", "hidden_dim", 24.5),
    "a width is null": set_value("settings", "hidden_dim", None),
    "there are a billion layers": set_value("settings", "num_layers", 10**9),
    "there are no layers": set_value("settings", "num_layers", 0),
    "dropout is a list": set_value("settings", "dropout", [0.1]),
    "dropout is above one": set_value("settings", "dropout", 1.5),
    "pictures are huge": set_value("transform", "size", 10**9),
    "pictures have a string's size": set_value("transform", "size", "32"),
    "pictures have a fraction's size": set_value("transform", "size", 32.5),
    "pictures become round": set_value("transform", "resize", "round"),
    "the transform is unknown": set_value("transform", "code", "import os"),
    "the words are no list": set_value("vocabulary", {"a": 4}),
    "the words are numbers": set_value("vocabulary", [1, 2, 3, 4, 5]),
    "the words lack the special ones": set_value("vocabulary", ["a", "red", "picture"]),
    "the words come twice": set_value("vocabulary", ["<pad>", "<bos>", "<eos>", "<unk>", "a", "a"]),
    "the words are too few": set_value("vocabulary", ["<pad>", "<bos>", "<eos>", "<unk>", "a"]),
    "the weights are missing": lambda folder: (folder / "model.safetensors").unlink(),
    "the weights are a folder": folder_in_place_of("model.safetensors"),
    "the weights lead out": linked("model.safetensors", "../critic/model.safetensors"),
    "the weights lead to the system": linked("model.safetensors", "/etc/passwd"),
    "the weights are empty": set_bytes(lambda data: b""),
    "the weights are cut": set_bytes(lambda data: data[: len(data) // 2]),
    "the weights are cut by a byte": set_bytes(lambda data: data[:-1]),
    "the weights have more": set_bytes(lambda data: data + b"more"),
    "the header is endless": set_bytes(lambda data: b"\xff" * 8 + data[8:]),
    "the header is empty": set_bytes(lambda data: bytes(8) + data[8:]),
    "the header is no JSON": header(b"{" * 99),
    "the header is deep": header(b'{"a":' * 5000 + b"1" + b"}" * 5000),
    "the header declares a terabyte": header(HUGE),
    "the header leads out of the file": header(OUTSIDE),
    "two weights share their place": header(TWICE),
    "the type of a weight is unknown": header(UNKNOWN),
    "the weights are a pickle": as_pickle,
    "the weights are a checkpoint": as_torch_save,
    "the weights are a hole": hole(2**40),
    "a bit of the weights is another": flip("model.safetensors", 0.9),
    "a bit of the header is another": flip("model.safetensors", 0.01),
    "a weight is missing": set_weights(lambda weights: weights.pop(first(weights))),
    "a weight is superfluous": set_weights(lambda weights: weights.update(more=torch.ones(2))),
    "a weight has another shape": set_weights(
        lambda weights: weights.update({first(weights): torch.ones(7, 7, 7)})
    ),
    "a weight is complex": set_weights(
        lambda weights: weights.update({first(weights): weights[first(weights)] * 1j})
    ),
    "a weight is whole": set_weights(
        lambda weights: weights.update({first(weights): weights[first(weights)].long()})
    ),
    "a weight is NaN": set_weights(broken(float("nan"))),
    "a weight is infinite": set_weights(broken(float("inf"))),
}
if hasattr(os, "mkfifo"):
    FOLDERS["the weights are a pipe"] = pipe


@pytest.mark.parametrize("change", FOLDERS.values(), ids=FOLDERS.keys())
def test_a_folder_that_is_broken_is_refused(change, workdir):
    change(workdir / "captioner")
    assert_refused(workdir / "captioner")


OTHERS = {
    "labels are no list": ("classifier", set_value("extra", "labels", "red")),
    "labels are numbers": ("classifier", set_value("extra", "labels", [1, 2, 3])),
    "labels are too many": ("classifier", set_value("extra", "labels", ["a"] * 1000)),
    "labels are a hundred thousand": ("classifier", set_value("extra", "labels", ["a"] * 10**5)),
    "labels are missing": ("classifier", set_value("extra", "labels", DELETED)),
    "the target is unknown": ("classifier", set_value("extra", "target", "eval")),
    "there are many channels": ("classifier", set_value("extra", "channels", 10**9)),
    "channels are a string": ("classifier", set_value("extra", "channels", "3")),
    "the mean is a string": ("classifier", set_value("extra", "mean", "0.5")),
    "the scale is a string": ("classifier", set_value("extra", "scale", "1")),
    "the excerpt is unknown": ("critic", set_value("extra", "excerpt", {"code": "x"})),
    "the excerpt is endless": ("critic", set_value("extra", "excerpt", {"max_words": 10**12})),
    "the excerpt is no object": ("critic", set_value("extra", "excerpt", [1])),
    "the pooling is a program": ("critic", set_value("settings", "pooling", ["os.system"])),
    "the reader is missing": ("critic", set_value("settings", "reader", DELETED)),
    "there are many layers": ("critic", set_value("settings", "reader", "num_layers", 10**6)),
}


@pytest.mark.parametrize(("model", "change"), OTHERS.values(), ids=OTHERS.keys())
def test_a_classifier_that_is_broken_is_refused(model, change, workdir):
    change(workdir / model)
    assert_refused(workdir / model)


def change_checkpoint(change):
    def write(path):
        content = torch.load(path, weights_only=True)
        change(content)
        torch.save(content, path)

    return write


def exchange_pickle(path):
    """Exchange the pickle in a checkpoint's archive."""
    good = path.rename(path.with_suffix(".zip"))
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            evil = pickle.dumps(Payload(), protocol=2)
            target.writestr(name, evil if name.endswith("data.pkl") else source.read(name))


CHECKPOINTS = {
    "is empty": lambda path: path.write_bytes(b""),
    "is a pickle": lambda path: path.write_bytes(pickle.dumps(Payload(), protocol=2)),
    "is a text": lambda path: path.write_text("import os"),
    "is cut": lambda path: path.write_bytes(path.read_bytes()[:2000]),
    "holds another pickle": exchange_pickle,
    "holds a program": lambda path: torch.save({CHECKPOINT_KEY: Payload()}, path),
    "names a class": change_checkpoint(
        lambda content: content.update(hyper_parameters={"_class_path": "antigravity.Encoder"})
    ),
    "names a class inside": change_checkpoint(
        lambda content: content[CHECKPOINT_KEY]["settings"].update(class_path="antigravity.Encoder")
    ),
    "has a huge width": change_checkpoint(
        lambda content: content[CHECKPOINT_KEY]["settings"].update(hidden_dim=10**9)
    ),
    "has NaN": change_checkpoint(
        lambda content: content["state_dict"]["model.bias"].fill_(float("nan"))
    ),
    "has no weights": change_checkpoint(lambda content: content.update(state_dict={})),
    "has other weights": change_checkpoint(
        lambda content: content.update(state_dict={"model.bias": torch.ones(3)})
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHECKPOINTS.values(), ids=CHECKPOINTS.keys())
def test_a_checkpoint_that_is_broken_is_refused(change, workdir):
    change(workdir / "captioner.ckpt")
    assert_refused(workdir / "captioner.ckpt")


SOURCES = {
    "a path out of everything": "../" * 40 + "etc/passwd",
    "a name that climbs": "captioning-scenes/../../saving.py",
    "a name with a zero": "captioning\0scenes",
    "a long name": "a" * 300,
    "an empty name": "",
    "two dots": "..",
    "an address": "https://example.org/best.ckpt",
    "another address": "s3://models/best.ckpt",
    "a device": "/dev/zero",
    "the root": "/",
    "a name with a line break": "captioning\nscenes",
    "a program": "os.system",
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_a_source_that_is_no_model_is_refused(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_refused(source)


def test_the_payload_is_a_real_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Payload()))
    assert Path(RAN).is_dir()


def test_there_are_at_least_fifty():
    assert len(FOLDERS) + len(OTHERS) + len(CHECKPOINTS) + len(SOURCES) > 100
