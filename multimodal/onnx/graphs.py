"""What becomes a graph of each network, with names for what goes in and comes out.

A captioner is two graphs, because its search asks the second once a word; an answerer is two,
because a picture is encoded once for all its questions. The classifiers are one each.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from multimodal.captioning.model import Captioner
from multimodal.classification.model import Classifier
from multimodal.sentiment.model import SentimentClassifier
from multimodal.vqa.model import Answerer

Axes = dict[int, str]

# Examples of the axes that may vary. A 1 would be taken for a constant, and equal numbers for one.
_BATCH, _BEAMS, _TIME = 3, 4, 7


@dataclass(frozen=True)
class Graph:
    """A part of a network, and examples of what it takes.

    Attributes:
        name: What its file is called, without the suffix.
        module: Tensors, or tuples of them, in and out.
        inputs: Names of the tensors that go in, an example of each, and its axes that may vary.
        outputs: Names of the tensors that come out.
    """

    name: str
    module: nn.Module
    inputs: dict[str, tuple[Tensor, Axes]]
    outputs: list[str]


class CaptionStart(nn.Module):
    """All that a captioner computes before the first word.

    Args:
        captioner: A trained captioner.
    """

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
    """One word of every caption that is being written.

    Args:
        captioner: A trained captioner.
        num_states: Tensors of its state.
    """

    def __init__(self, captioner: Captioner, num_states: int) -> None:
        super().__init__()
        self.captioner = captioner
        self.num_states = num_states

    def forward(self, tokens: Tensor, *parts: Tensor) -> tuple[Tensor, ...]:
        """Predict the word after ``tokens`` ``(batch, beams)``.

        ``parts`` are the state's tensors ``(batch, beams, ...)``, then the context's ``(batch,
        ...)``.

        Returns:
            Logits ``(batch, beams, vocab)``, the next state's tensors and, where the decoder
            attends, its weights ``(batch, beams, regions)``.
        """
        state, context = parts[: self.num_states], parts[self.num_states :]
        logits, state, weights = self.captioner.step(tokens, state, context)
        return (logits, *state) if weights is None else (logits, *state, weights)


class QuestionAnswer(nn.Module):
    """An answerer's reading, fusion and answers, one question a picture.

    Args:
        answerer: A trained answerer.
    """

    def __init__(self, answerer: Answerer) -> None:
        super().__init__()
        self.answerer = answerer

    def forward(self, features: Tensor, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Answer the question ``(batch, time)`` about each picture ``(batch, regions, feature)``.

        Returns:
            Logits ``(batch, answers)``, and where it looked ``(batch, regions)``.
        """
        rows = torch.arange(tokens.shape[0], device=tokens.device)
        logits, weights = self.answerer(features, tokens, mask, rows, rows)
        return logits, weights


@torch.no_grad()
def graphs_of(model: nn.Module, size: int) -> list[Graph]:
    """Divide a network into graphs.

    Args:
        model: A trained captioner, answerer, or classifier of texts or of images, in evaluation.
        size: Height and width of the images that it takes.

    Returns:
        Its graphs.

    Raises:
        ValueError: If it is another network.
    """
    match model:
        case Captioner():
            return _captioner_graphs(model, size)
        case Answerer():
            images = _images(size, 3)
            features = model.encoder(images[0]), {0: "batch"}
            return [
                Graph("encoder", model.encoder, {"images": images}, ["features"]),
                Graph(
                    "answerer",
                    QuestionAnswer(model),
                    {"features": features, **_words()},
                    ["logits", "attention"],
                ),
            ]
        case SentimentClassifier():
            return [Graph("classifier", model, _words(), ["logits"])]
        case Classifier():
            pictures = {"images": _images(size, model.channels)}
            return [Graph("classifier", model, pictures, ["logits"])]
    raise ValueError(
        "Captioners, answerers and classifiers of texts and of images become ONNX graphs, got "
        f"{type(model).__name__}."
    )


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


def _images(size: int, channels: int) -> tuple[Tensor, Axes]:
    return torch.zeros(_BATCH, channels, size, size, dtype=torch.uint8), {0: "batch"}


def _words() -> dict[str, tuple[Tensor, Axes]]:
    axes = {0: "batch", 1: "time"}
    tokens = torch.ones(_BATCH, _TIME, dtype=torch.long)
    return {"tokens": (tokens, axes), "mask": (tokens.bool(), axes)}


def shapes(graph: Graph) -> tuple[Any, ...]:
    """Name the axes of a graph's inputs that may vary, as `torch.export` wants them.

    Args:
        graph: The graph.

    Returns:
        A dictionary of axes for each argument of its module, in order.
    """
    axes = [dict(axes) for _, axes in graph.inputs.values()]
    if isinstance(graph.module, CaptionStep):
        return axes[0], tuple(axes[1:])
    return tuple(axes)
