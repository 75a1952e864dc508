"""Run ONNX graphs on the processor, with tensors in and out."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from multimodal.decoding.loop import Tensors


class OnnxGraph:
    """A graph as a function of tensors.

    Args:
        path: An ``.onnx`` file that `write_onnx` wrote.
        num_threads: Threads that it computes with; 0 leaves the choice to the runtime.

    Attributes:
        inputs: Names of the tensors that it takes.
        outputs: Names of the tensors that it gives.

    Raises:
        FileNotFoundError: If there is no such file.
        ModuleNotFoundError: If the extra ``onnx`` is not installed.
        ValueError: If the file is no graph.
    """

    def __init__(self, path: str | Path, *, num_threads: int = 0) -> None:
        if find_spec("onnxruntime") is None:
            raise ModuleNotFoundError(
                "Running ONNX graphs needs onnxruntime. Install the extra: pip install -e '.[onnx]'"
            )
        import onnxruntime

        if not Path(path).is_file():
            raise FileNotFoundError(
                f"No graph at {path}. `multimodal export MODEL FOLDER --onnx` writes it."
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.log_severity_level = 3  # errors; a warning about its own insides helps nobody
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the runtime's own classes, which share no other parent
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"{path} cannot be run as an ONNX graph ({reason}). Export the model again."
            ) from error
        self.inputs = [each.name for each in self._session.get_inputs()]
        self.outputs = [each.name for each in self._session.get_outputs()]

    def __call__(self, *given: Tensor) -> Tensors:
        """Compute the graph's outputs for its inputs, in their order.

        Raises:
            ValueError: If there are too few or too many of them, or one is not of the graph's type
                or shape.
        """
        if len(given) != len(self.inputs):
            raise ValueError(
                f"The graph takes {len(self.inputs)} tensors ({', '.join(self.inputs)}), got "
                f"{len(given)}."
            )
        arrays = {name: each.numpy() for name, each in zip(self.inputs, given, strict=True)}
        try:
            found = self._session.run(None, arrays)
        except Exception as error:  # as above
            shapes = {name: tuple(array.shape) for name, array in arrays.items()}
            raise ValueError(
                f"The graph cannot compute this ({str(error).splitlines()[0]}). It got {shapes}."
            ) from error
        return tuple(torch.from_numpy(array) for array in found)


class OnnxCaptioner:
    """A captioner's graphs with the `begin` and `step` of a search; see `multimodal.decoding`.

    Args:
        folder: What `write_onnx` wrote of a captioner.
        num_threads: As for `OnnxGraph`.

    Raises:
        FileNotFoundError: If the folder lacks a graph.
        ModuleNotFoundError: If the extra ``onnx`` is not installed.
        ValueError: If a file is no graph.
    """

    def __init__(self, folder: str | Path, *, num_threads: int = 0) -> None:
        self.encoder = OnnxGraph(Path(folder) / "encoder.onnx", num_threads=num_threads)
        self.decoder = OnnxGraph(Path(folder) / "step.onnx", num_threads=num_threads)
        named = [name for name in self.decoder.inputs if re.fullmatch(r"state_\d+", name)]
        self.num_states = len(named)

    def begin(self, images: UInt8[Tensor, "batch 3 height width"]) -> tuple[Tensors, Tensors]:
        """Encode images.

        Returns:
            State and context, tensors ``(batch, ...)``.
        """
        _, *parts = self.encoder(images)
        return tuple(parts[: self.num_states]), tuple(parts[self.num_states :])

    def step(
        self, tokens: Int[Tensor, "batch beams"], state: Tensors, context: Tensors
    ) -> tuple[
        Float[Tensor, "batch beams vocab"], Tensors, Float[Tensor, "batch beams regions"] | None
    ]:
        """Predict the next word of each beam, as `multimodal.captioning.model.Captioner.step`.

        Args:
            tokens: The last word of each beam.
            state: Tensors ``(batch, beams, ...)``.
            context: Tensors ``(batch, ...)``.

        Returns:
            Logits, the next state, and the attention weights, or None where the decoder does not
            attend.
        """
        logits, *after = self.decoder(tokens, *state, *context)
        weights = after.pop() if len(after) > self.num_states else None
        return logits, tuple(after), weights
