"""The graphs of each network, with names for their inputs and outputs.

A captioner has two graphs, because its search runs the second once a word; an answerer has two,
because an image is encoded once for all its questions. The classifiers have one each. `GRAPHS` has
a row for each network.
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

# Example sizes of the axes that may vary: the exporter would take a 1 for a constant, and equal
# numbers for the same axis.
_BATCH, _BEAMS, _TIME = 3, 4, 7


@dataclass(frozen=True)
class Graph:
    """A part of a network, and examples of its inputs.

    Attributes:
        name: Name of its file, without the suffix.
        module: Tensors, or tuples of them, in and out.
        inputs: An example of each input tensor and its axes that may vary, by name.
        outputs: Names of the output tensors.
    """

    name: str
    module: nn.Module
    inputs: dict[str, tuple[Tensor, Axes]]
    outputs: list[str]


class CaptionStart(nn.Module):
    """A captioner before the first word."""

    def __init__(self, captioner: Captioner) -> None:
        super().__init__()
        self.captioner = captioner

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Encode images ``(batch, 3, height, width)``.

        Returns:
            Features ``(batch, regions, feature)``, then the state's and the context's tensors
            ``(batch, ...)``.
        """
        features = self.captioner.encoder(images)
        state, context = self.captioner.begin(features)
        return (features, *state, *context)


class CaptionStep(nn.Module):
    """One step of a captioner with this number of state tensors."""

    def __init__(self, captioner: Captioner, num_states: int) -> None:
        super().__init__()
        self.captioner = captioner
        self.num_states = num_states

    def forward(self, tokens: Tensor, *parts: Tensor) -> tuple[Tensor, ...]:
        """Predict the word after ``tokens`` ``(batch, beams)`` from state and context.

        Returns:
            Logits ``(batch, beams, vocab)``, the next state's tensors and, if the decoder attends,
            its weights ``(batch, beams, regions)``.
        """
        state, context = parts[: self.num_states], parts[self.num_states :]
        logits, state, weights = self.captioner.step(tokens, state, context)
        return (logits, *state) if weights is None else (logits, *state, weights)


class QuestionAnswer(nn.Module):
    """An answerer's question encoder, fusion and answers, one question an image."""

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
    """Divide a network for square images of this size, in evaluation mode, into graphs.

    Raises:
        ValueError: If there are no graphs for this network.
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


def shapes(graph: Graph) -> tuple[Any, ...]:
    """Return the axes that may vary for each argument of a graph's module, for `torch.export`."""
    axes = [dict(axes) for _, axes in graph.inputs.values()]
    if isinstance(graph.module, CaptionStep):
        return axes[0], tuple(axes[1:])
    return tuple(axes)
