import json

import pytest
import tiny_classifier
import tiny_writer

from multimodal.cli.main import main
from multimodal.onnx import OnnxGraph, write_onnx
from multimodal.saving import read_model


def test_plain_data_are_written_beside_the_graphs(graphs):
    folder = graphs(tiny_classifier)
    config = json.loads((folder / "config.json").read_text())
    (graph,) = config["graphs"].values()
    size = tiny_classifier.transform().size
    assert graph["inputs"] == {"images": {"type": "uint8", "shape": ["batch", 3, size, size]}}
    assert config["transform"]["size"] == size
    assert config["extra"]["labels"]
    assert "`images` uint8 (batch, 3, " in (folder / "README.md").read_text()


@pytest.mark.slow
def test_the_command_writes_them(tmp_path, capsys):
    path, folder = tiny_classifier.save(tmp_path / "best.ckpt"), tmp_path / "graphs"
    assert main(["export", str(path), str(folder), "--onnx"]) == 0
    assert capsys.readouterr().out == f"{folder}: classifier.onnx\n"
    assert OnnxGraph(folder / "classifier.onnx").outputs == ["logits"]
    assert main(["export", str(path), str(folder), "--onnx"]) == 1
    assert "holds a model already" in capsys.readouterr().err
    assert main(["export", str(path), str(tmp_path / "new"), "--onnx", "--half"]) == 1
    assert "Leave out --half and --test." in capsys.readouterr().err


def test_a_language_model_has_no_graphs(tmp_path):
    saved = read_model(tiny_writer.save(tmp_path / "best.ckpt"))
    with pytest.raises(ValueError, match="become ONNX graphs, got LanguageModel"):
        write_onnx(saved, tmp_path / "graphs")
    assert not (tmp_path / "graphs").exists()


def test_a_missing_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("multimodal.onnx.writing.find_spec", lambda name: None)
    saved = read_model(tiny_classifier.save(tmp_path / "best.ckpt"))
    with pytest.raises(ModuleNotFoundError, match=r"needs onnx and onnxscript.*\[onnx\]"):
        write_onnx(saved, tmp_path / "graphs")
