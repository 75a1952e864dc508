"""The ONNX graphs of each network, with names for their inputs and outputs.

A captioner has two graphs, because the search runs the second once per word; an answerer has two,
because an image is encoded once for all its questions. A classifier has one. `GRAPHS` has a row for
each network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from multimodal.captioning.model import Captioner
from multimodal.classification.model import Classifier
from multimodal.sentiment.model import SentimentClassifier
from multimodal.vqa.model import Answerer

Axes = dict[int, str]

# Example sizes of the dynamic axes: the exporter would take size 1 for a constant, and equal sizes
# for the same axis.
_BATCH, _BEAMS, _TIME = 3, 4, 7


@dataclass(frozen=True)
class Graph:
    """A part of a network that becomes one ONNX graph, and examples of its inputs.

    Attributes:
        name: Name of the ONNX file, without the suffix.
        module: The part; it takes tensors and returns a tensor or a tuple of tensors.
        inputs: An example of each input tensor with its dynamic axes, by name.
        outputs: Names of the output tensors.
    """

    name: str
    module: nn.Module
    inputs: dict[str, tuple[Tensor, Axes]]
    outputs: list[str]


class CaptionStart(nn.Module):
    """The first part of a captioner: image encoder and initial state."""

    def __init__(self, captioner: Captioner) -> None:
        super().__init__()
        self.captioner = captioner

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Encode images ``(batch, 3, height, width)``.

        Returns:
            Features ``(batch, regions, feature)``, then the tensors ``(batch, ...)`` of the state
            and of the context.
        """
        features = self.captioner.encoder(images)
        state, context = self.captioner.begin(features)
        return (features, *state, *context)


class CaptionStep(nn.Module):
    """One step of a captioner whose state has ``num_states`` tensors."""

    def __init__(self, captioner: Captioner, num_states: int) -> None:
        super().__init__()
        self.captioner = captioner
        self.num_states = num_states

    def forward(self, tokens: Tensor, *parts: Tensor) -> tuple[Tensor, ...]:
        """Predict the word after ``tokens`` ``(batch, beams)`` from state and context.

        Returns:
            Logits ``(batch, beams, vocab)``, the tensors of the next state and, if the decoder
            attends, the attention weights ``(batch, beams, regions)``.
        """
        state, context = parts[: self.num_states], parts[self.num_states :]
        logits, state, weights = self.captioner.step(tokens, state, context)
        return (logits, *state) if weights is None else (logits, *state, weights)


class QuestionAnswer(nn.Module):
    """An answerer after its image encoder, with one question per image."""

    def __init__(self, answerer: Answerer) -> None:
        super().__init__()
        self.answerer = answerer

    def forward(self, features: Tensor, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Answer the question ``(batch, time)`` about each image ``(batch, regions, feature)``.

        Returns:
            Logits ``(batch, answers)``, and attention weights ``(batch, regions)``.
        """
        rows = torch.arange(tokens.shape[0], device=tokens.device)
        logits, weights = self.answerer(features, tokens, mask, rows, rows)
        return logits, weights


@torch.no_grad()
def graphs_of(model: nn.Module, size: int) -> list[Graph]:
    """Split a network in evaluation mode into graphs, for square images of side ``size``.

    Raises:
        ValueError: If this kind of network cannot be exported.
    """
    if type(model) not in GRAPHS:
        raise ValueError(
            "Captioners, answerers and classifiers of texts and of images become ONNX graphs, got "
            f"{type(model).__name__}."
        )
    return GRAPHS[type(model)](model, size)


def _captioner_graphs(model: Captioner, size: int) -> list[Graph]:
    images = _images(size, 3)
    state, context = model.begin(model.encoder(images[0]))
    states = [f"state_{number}" for number in range(len(state))]
    contexts = [f"context_{number}" for number in range(len(context))]
    first = torch.ones(_BATCH, 1, dtype=torch.long)
    weights = model.step(first, tuple(part.unsqueeze(1) for part in state), context)[2]
    attention = [] if weights is None else ["attention"]
    inputs: dict[str, tuple[Tensor, Axes]] = {
        "tokens": (torch.ones(_BATCH, _BEAMS, dtype=torch.long), {0: "batch", 1: "beams"})
    }
    for name, tensor in zip(states, state, strict=True):
        beams = tensor.unsqueeze(1).repeat_interleave(_BEAMS, dim=1)
        inputs[name] = beams, {0: "batch", 1: "beams"}
    for name, tensor in zip(contexts, context, strict=True):
        inputs[name] = tensor, {0: "batch"}
    return [
        Graph(
            "encoder",
            CaptionStart(model),
            {"images": images},
            ["features", *states, *contexts],
        ),
        Graph(
            "step",
            CaptionStep(model, len(state)),
            inputs,
            ["logits", *(f"next_{name}" for name in states), *attention],
        ),
    ]


def _answerer_graphs(model: Answerer, size: int) -> list[Graph]:
    images = _images(size, 3)
    inputs = {"features": (model.encoder(images[0]), {0: "batch"}), **_words()}
    return [
        Graph("encoder", model.encoder, {"images": images}, ["features"]),
        Graph("answerer", QuestionAnswer(model), inputs, ["logits", "attention"]),
    ]


def _text_classifier_graphs(model: SentimentClassifier, _: int) -> list[Graph]:
    return [Graph("classifier", model, _words(), ["logits"])]


def _image_classifier_graphs(model: Classifier, size: int) -> list[Graph]:
    return [Graph("classifier", model, {"images": _images(size, model.channels)}, ["logits"])]


GRAPHS: dict[type[nn.Module], Callable[[Any, int], list[Graph]]] = {
    Captioner: _captioner_graphs,
    Answerer: _answerer_graphs,
    SentimentClassifier: _text_classifier_graphs,
    Classifier: _image_classifier_graphs,
}


def _images(size: int, channels: int) -> tuple[Tensor, Axes]:
    return torch.zeros(_BATCH, channels, size, size, dtype=torch.uint8), {0: "batch"}


def _words() -> dict[str, tuple[Tensor, Axes]]:
    axes = {0: "batch", 1: "time"}
    tokens = torch.ones(_BATCH, _TIME, dtype=torch.long)
    return {"tokens": (tokens, axes), "mask": (tokens.bool(), axes)}


def dynamic_shapes(graph: Graph) -> tuple[Any, ...]:
    """Return the dynamic axes of each argument of a graph's module, for `torch.export`."""
    axes = [dict(axes) for _, axes in graph.inputs.values()]
    if isinstance(graph.module, CaptionStep):
        return axes[0], tuple(axes[1:])
    return tuple(axes)
