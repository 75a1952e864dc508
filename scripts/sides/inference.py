"""Inference: the models that ship, called one by one and in batches, and as ONNX graphs.

The first answer is that of a fresh process that imports the package, loads the model and predicts.
`plain` is a program in plain torch with the parts of the same model: open, resize, network, the
same search, words; no maps of attention and no results that draw themselves. Both sides get the
same inputs; so do the graphs, as tensors that are ready, which need the extra `onnx`.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

import multimodal
from multimodal.classification.grey import to_grey
from multimodal.data.images import load_image
from multimodal.decoding import beam_search
from multimodal.text import detokenize, tokenize
from multimodal.worlds.reviews import sample_review
from multimodal.worlds.scenes import sample_scene
from sides.timing import Machine, Rates, Results, Way

PROMISES = dict.fromkeys(
    ("classification", "sentiment", "captioning", "vqa"), "at most 1.1 times plain torch's time"
)
BATCHES = (1, 8, 64)
QUESTION = "how many shapes are there"

Answer = Callable[[list[Any]], Any]
Pair = tuple[Callable[[], Tensor], Callable[[], Tensor]]


def measure(machine: Machine, *, quick: bool) -> Results:
    """Measure first answers and both sides, and unless it is quick also the graphs."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = make_inputs(Path(folder))
        first = {name: first_seconds(name, given[0]) for name, given in inputs.items()}
        figures = {"first answer, seconds (promised: 4, of scenes 5)": first}
        rates = {
            name: compare(name, given, machine, seconds=0.5 if quick else 4)
            for name, given in inputs.items()
        }
        for name, each in rates.items():
            for batch, pair in each.items():
                figures[f"{name}, batch of {batch}, inputs a second"] = pair
        if not quick:
            figures.update(graphs(inputs, Path(folder), machine, seconds=3))
    ratios = {
        name.partition("-")[0]: each[1]["plain"] / each[1]["ours"] for name, each in rates.items()
    }
    return Results(ratios, figures)


def compare(name: str, given: list[Any], machine: Machine, *, seconds: float) -> dict[int, Rates]:
    """Time both sides on batches of 1, 8 and 64."""
    our_side, plain_side = ours(name), plain(name)
    check_same(name, given, our_side, plain_side)
    return {
        batch: machine.rates(
            {
                "plain": Way(partial(plain_side, given[:batch]), batch),
                "ours": Way(partial(our_side, given[:batch]), batch),
            },
            seconds=seconds if batch > 1 else 4 * seconds,  # the ratio is that of single inputs
        )
        for batch in BATCHES
    }


def first_seconds(name: str, given: Any) -> float:
    """Time a fresh process from its start to its first answer.

    Args:
        name: The model.
        given: The file of an image, or a text.
    """
    question = f", {QUESTION!r}" if name.startswith("vqa") else ""
    program = f"import multimodal; print(multimodal.load({name!r})({str(given)!r}{question}))"
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    return time.perf_counter() - start


def make_inputs(folder: Path) -> dict[str, list[Any]]:
    """Make 64 inputs for each model: image files in a folder, and texts."""
    digits, scenes = [], []
    for number in range(max(BATCHES)):
        digits.append(folder / f"digit{number}.png")
        pixels = (load_digits().images[number] * 15.9).astype("uint8")
        Image.fromarray(pixels).save(digits[-1])
        scenes.append(folder / f"scene{number}.png")
        image = multimodal.load("captioning-scenes").seen(sample_scene(0, number, "test"))
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(scenes[-1])
    reviews = [sample_review(0, number, "test").text for number in range(max(BATCHES))]
    return {
        "classification-digits": digits,
        "sentiment-reviews": reviews,
        "captioning-scenes": scenes,
        "vqa-scenes": scenes,
    }


def ours(name: str) -> Answer:
    """Build the calls of a predictor; without explanations of texts, as plain torch has none."""
    model: Any = multimodal.load(name, device="cpu")
    many: dict[str, Any] = {"batch_size": max(BATCHES)}
    if name.startswith("sentiment"):
        many["explain"] = False
    if name.startswith("vqa"):
        return lambda given: model(given, [QUESTION] * len(given), **many)
    return lambda given: model(given, **many)


def plain(name: str) -> Answer:
    """Build the calls of the same network without a predictor."""
    predictor: Any = multimodal.load(name, device="cpu")
    network = predictor.model

    def images(given: list[Any]) -> Tensor:
        return torch.stack([predictor.transform(load_image(each)) for each in given])

    @torch.inference_mode()
    def caption(given: list[Any]) -> list[str]:
        features = network.encoder(images(given))
        hypotheses = beam_search(
            network.step, *network.begin(features), beam_size=5, n_best=3, min_length=1
        )
        words = predictor.vocabulary
        return [detokenize(words.decode(row[0].tolist())) for row in hypotheses.tokens]

    @torch.inference_mode()
    def ask(given: list[Any]) -> list[str]:
        ids = predictor.vocabulary.encode(tokenize(QUESTION))
        tokens = torch.tensor([ids])
        rows = torch.arange(len(given))
        features = network.encoder(images(given))
        logits, _ = network(features, tokens, tokens > 0, rows, torch.zeros_like(rows))
        return [predictor.answers[each] for each in logits.argmax(dim=1).tolist()]

    @torch.inference_mode()
    def sentiment(given: list[Any]) -> list[str]:
        rows = [torch.tensor(predictor.vocabulary.encode(tokenize(text))) for text in given]
        tokens = pad_sequence(rows, batch_first=True)
        probabilities = network(tokens, tokens > 0).softmax(dim=1)
        return [predictor.labels[each] for each in probabilities.argmax(dim=1).tolist()]

    @torch.inference_mode()
    def classify(given: list[Any]) -> list[str]:
        probabilities = network(to_grey(images(given))).softmax(dim=1)
        return [predictor.labels[each] for each in probabilities.argmax(dim=1).tolist()]

    ways = {"captioning": caption, "vqa": ask, "sentiment": sentiment, "classification": classify}
    return ways[name.partition("-")[0]]


def check_same(name: str, given: list[Any], one: Answer, other: Answer) -> None:
    """Check that both sides predict the same.

    Raises:
        SystemExit: If a prediction differs.
    """
    for mine, expected in zip(one(given), other(given), strict=True):
        if str(mine) != expected:
            raise SystemExit(f"{name}: ours predicts {mine}, plain torch {expected!r}.")


def graphs(
    inputs: dict[str, list[Any]], folder: Path, machine: Machine, *, seconds: float
) -> dict[str, Rates]:
    """Time networks and their ONNX graphs on the same tensors, and compare their numbers."""
    from multimodal.onnx import write_onnx
    from multimodal.saving import read_model

    figures: dict[str, Rates] = {}
    differences: Rates = {}
    for name, make in (("captioning-scenes", caption_pairs), ("sentiment-reviews", text_pairs)):
        write_onnx(read_model(name), folder / name)
        for batch in BATCHES:
            for what, (network, graph) in make(folder / name, inputs[name][:batch]).items():
                ways = {"torch": Way(network, batch), "onnx": Way(graph, batch)}
                with torch.inference_mode():
                    rates = machine.rates(ways, seconds=seconds)
                    difference = (network() - graph()).abs().max().item()
                figures[f"{what}, batch of {batch}, inputs a second"] = rates
                differences[f"{what}, batch of {batch}"] = difference
    return {**figures, "largest difference of the graphs": differences}


def caption_pairs(folder: Path, files: list[Path]) -> dict[str, Pair]:
    """Build encoding and captioning by a network and by its graphs."""
    from multimodal.onnx import OnnxCaptioner

    predictor: Any = multimodal.load("captioning-scenes", device="cpu")
    network = predictor.model
    images = torch.stack([predictor.transform(load_image(each)) for each in files])
    writer = OnnxCaptioner(folder, num_threads=torch.get_num_threads())
    search = partial(beam_search, beam_size=5, max_length=20)
    return {
        "encoder": (lambda: network.encoder(images), lambda: writer.encoder(images)[0]),
        "beam search of 5": (
            lambda: search(network.step, *network.begin(network.encoder(images))).scores,
            lambda: search(writer.step, *writer.begin(images)).scores,
        ),
    }


def text_pairs(folder: Path, texts: list[str]) -> dict[str, Pair]:
    """Build the classification of texts by a network and by its graph."""
    from multimodal.onnx import OnnxGraph

    predictor: Any = multimodal.load("sentiment-reviews", device="cpu")
    graph = OnnxGraph(folder / "classifier.onnx", num_threads=torch.get_num_threads())
    rows = [torch.tensor(predictor.vocabulary.encode(tokenize(text))) for text in texts]
    tokens = pad_sequence(rows, batch_first=True)
    mask = tokens > 0
    return {"sentiment": (lambda: predictor.model(tokens, mask), lambda: graph(tokens, mask)[0])}
