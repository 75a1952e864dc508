"""Trained models for other runtimes: their networks as ONNX graphs, written, and run from Python.

A graph holds a network's arithmetic and nothing else: no search, no words, no resizing. What these
need stands as plain data beside the graphs. The beam search of :mod:`multimodal.decoding` runs over
a graph's step as it runs over a network's.

References:
    https://onnx.ai; Bai et al. 2019, "ONNX: Open neural network exchange".
"""

from multimodal.onnx.running import OnnxCaptioner, OnnxGraph
from multimodal.onnx.writing import write_onnx

__all__ = ["OnnxCaptioner", "OnnxGraph", "write_onnx"]
