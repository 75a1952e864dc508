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
        inputs: Names of the input tensors.
        outputs: Names of the output tensors.

    Raises:
        FileNotFoundError: If there is no such file.
        ModuleNotFoundError: If the extra ``onnx`` is not installed.
        ValueError: If the file is not a graph.
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
        options.log_severity_level = 3  # errors only: its warnings are about its own internals
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the runtime's own classes share no other parent
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"{path} cannot be run as an ONNX graph ({reason}). Export the model again."
            ) from error
        self.inputs = [each.name for each in self._session.get_inputs()]
        self.outputs = [each.name for each in self._session.get_outputs()]

    def __call__(self, *inputs: Tensor) -> Tensors:
        """Compute the graph's outputs for its inputs, in the order of their names.

        Raises:
            ValueError: If there are too few or too many inputs, or one has another type or shape.
        """
        if len(inputs) != len(self.inputs):
            raise ValueError(
                f"The graph takes {len(self.inputs)} tensors ({', '.join(self.inputs)}), got "
                f"{len(inputs)}."
            )
        arrays = {name: each.numpy() for name, each in zip(self.inputs, inputs, strict=True)}
        try:
            outputs = self._session.run(None, arrays)
        except Exception as error:  # as above
            shapes = {name: tuple(array.shape) for name, array in arrays.items()}
            raise ValueError(
                f"The graph cannot compute this ({str(error).splitlines()[0]}). It got {shapes}."
            ) from error
        return tuple(torch.from_numpy(array) for array in outputs)


class OnnxCaptioner:
    """A captioner's graphs with the `begin` and `step` of a search; see `multimodal.decoding`.

    Args:
        folder: A captioner's folder from `write_onnx`.
        num_threads: See `OnnxGraph`, which also lists the errors.
    """

    def __init__(self, folder: str | Path, *, num_threads: int = 0) -> None:
        self.encoder = OnnxGraph(Path(folder) / "encoder.onnx", num_threads=num_threads)
        self.decoder = OnnxGraph(Path(folder) / "step.onnx", num_threads=num_threads)
        named = [name for name in self.decoder.inputs if re.fullmatch(r"state_\d+", name)]
        self.num_states = len(named)

    def begin(self, images: UInt8[Tensor, "batch 3 height width"]) -> tuple[Tensors, Tensors]:
        """Encode images, and return state and context, tensors ``(batch, ...)``."""
        _, *parts = self.encoder(images)
        return tuple(parts[: self.num_states]), tuple(parts[self.num_states :])

    def step(
        self, tokens: Int[Tensor, "batch beams"], state: Tensors, context: Tensors
    ) -> tuple[
        Float[Tensor, "batch beams vocab"], Tensors, Float[Tensor, "batch beams regions"] | None
    ]:
        """Predict the next word of each beam, as `multimodal.captioning.model.Captioner.step`."""
        logits, *after = self.decoder(tokens, *state, *context)
        weights = after.pop() if len(after) > self.num_states else None
        return logits, tuple(after), weights
