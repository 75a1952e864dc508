"""Write a trained model as ONNX graphs, with its words and transform as plain data."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from multimodal.loading import from_saved
from multimodal.onnx.graphs import Graph, dynamic_shapes, graphs_of
from multimodal.saving import new_folder
from multimodal.saving.checkpoint import SavedModel
from multimodal.saving.contents import CARD, CONFIG
from multimodal.saving.writing import as_json, made_with

FORMAT = "multimodal-onnx 1"

_NAMES = {CONFIG, CARD, "encoder.onnx", "step.onnx", "answerer.onnx", "classifier.onnx"}
_NEEDED = ("onnx", "onnxscript")


def write_onnx(
    saved: SavedModel, folder: Path, *, source: str = "the model", overwrite: bool = False
) -> list[Graph]:
    """Write the graphs of a model, ``config.json`` and ``README.md`` into a folder.

    The folder is written completely or not at all. Batch, beams and the number of words of the
    graphs' inputs may vary. Images are bytes, which the graphs normalise.

    Args:
        saved: From `multimodal.saving.read_model`.
        folder: A new folder, or one that `write_onnx` may `overwrite`.
        source: Name of the model in messages.
        overwrite: Whether existing graphs are replaced.

    Raises:
        FileExistsError: If the folder exists.
        ModuleNotFoundError: If the extra ``onnx`` is not installed.
        OSError: If the folder cannot be written.
        ValueError: If the model has no graphs, as a language model, or `write_graph` fails.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f"Writing ONNX graphs needs {' and '.join(missing)}. Install the extra: "
            "pip install -e '.[onnx]'"
        )
    model = from_saved(saved, source, device="cpu").model
    graphs = graphs_of(model, saved.transform.get("size", 0))
    with new_folder(folder, _NAMES, overwrite=overwrite) as temporary:
        for graph in graphs:
            write_graph(graph, temporary / f"{graph.name}.onnx")
        for name, text in ((CONFIG, as_json(_config(saved, graphs))), (CARD, _card(saved, graphs))):
            (temporary / name).write_text(text, encoding="utf-8", newline="\n")
    return graphs


def write_graph(graph: Graph, path: Path) -> None:
    """Write one graph into a file.

    Raises:
        ValueError: If torch's exporter fails, as on a plain recurrence (``rnn``) over a text, for
            which it makes a graph of one length only.
    """
    try:
        with _quiet():
            torch.onnx.export(
                graph.module,
                tuple(example for example, _ in graph.inputs.values()),
                path,
                dynamo=True,
                input_names=list(graph.inputs),
                output_names=graph.outputs,
                dynamic_shapes=dynamic_shapes(graph),
                external_data=False,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise ValueError(
            f"This model's {graph.name} cannot become an ONNX graph: torch's exporter fails on a "
            "part of it, as on a plain `rnn` over words. An lstm or a gru in its place can."
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the exporter's internal messages, which no user can act on."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _config(saved: SavedModel, graphs: list[Graph]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "made_with": made_with(),
        "task": saved.task,
        "graphs": {graph.name: _described(graph) for graph in graphs},
        "vocabulary": saved.vocabulary,
        "transform": saved.transform,
        "extra": saved.extra,
    }


def _described(graph: Graph) -> dict[str, Any]:
    inputs = {
        name: {
            "type": str(example.dtype).removeprefix("torch."),
            "shape": [axes.get(axis, size) for axis, size in enumerate(example.shape)],
        }
        for name, (example, axes) in graph.inputs.items()
    }
    return {"inputs": inputs, "outputs": graph.outputs}


def _card(saved: SavedModel, graphs: list[Graph]) -> str:
    lines = [
        f"# A model of the task `{saved.task}` as ONNX graphs",
        "",
        "`config.json` holds the words in the order of their ids, the labels or answers in the "
        "order of the logits, and how a picture becomes square (`transform`). Pictures go in as "
        "bytes, RGB, channels first; the graphs normalise them. Logits become probabilities by "
        "a softmax. In a mask, True is a real word; real words come first.",
        "",
        "| graph | takes | gives |",
        "| --- | --- | --- |",
    ]
    for graph in graphs:
        described = _described(graph)
        takes = ", ".join(
            f"`{name}` {each['type']} ({', '.join(map(str, each['shape']))})"
            for name, each in described["inputs"].items()
        )
        gives = ", ".join(f"`{name}`" for name in graph.outputs)
        lines.append(f"| `{graph.name}.onnx` | {takes} | {gives} |")
    return "\n".join(lines) + "\n"
