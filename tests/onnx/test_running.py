import pytest
import tiny_classifier
import torch

from multimodal.onnx import OnnxCaptioner, OnnxGraph


def test_wrong_tensors_are_refused(graphs):
    graph = OnnxGraph(graphs(tiny_classifier) / "classifier.onnx")
    assert graph.inputs == ["images"]
    with pytest.raises(ValueError, match=r"takes 1 tensors \(images\), got 2"):
        graph(torch.zeros(1), torch.zeros(1))
    with pytest.raises(ValueError, match=r"cannot compute this .* got \{'images': \(1, 2\)\}"):
        graph(torch.zeros(1, 2))


def test_a_missing_graph_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No graph at .*encoder.onnx"):
        OnnxCaptioner(tmp_path)
    (tmp_path / "encoder.onnx").write_bytes(b"no graph")
    with pytest.raises(ValueError, match="cannot be run as an ONNX graph"):
        OnnxCaptioner(tmp_path)


def test_a_missing_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("multimodal.onnx.running.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"needs onnxruntime.*\[onnx\]"):
        OnnxGraph(tmp_path / "classifier.onnx")
