"""Export trained networks as ONNX graphs, and run the graphs from Python.

A graph holds a network's arithmetic only; search, words and resizing are described as plain data
beside it. The beam search of :mod:`multimodal.decoding` runs over a graph's step as it runs over a
network's.

References:
    https://onnx.ai; Bai et al. 2019, "ONNX: Open neural network exchange".
"""

from multimodal.onnx.running import OnnxCaptioner, OnnxGraph
from multimodal.onnx.writing import write_onnx

__all__ = ["OnnxCaptioner", "OnnxGraph", "write_onnx"]
