"""Time the shipped models as people use them: the first answer, the next, many, and as ONNX graphs.

The first answer is that of a fresh process that imports the package, loads the model and answers.
"Plain torch" is what somebody who has the model's parts would write around it: open, resize,
network, the same search, words; no maps of attention and no results that draw themselves. Both
sides answer the same inputs, take turns, and each counts with its fastest round; so do the graphs,
over tensors that are ready.

Run `python scripts/benchmark_inference.py` for everything, with `--quick` for the ratios and the
first answers alone, with `--json` for one line of JSON. The graphs need the extra `onnx`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from machine import Machine, Way
from PIL import Image
from sklearn.datasets import load_digits

import multimodal
from multimodal.classification.grey import to_grey
from multimodal.data.images import load_image
from multimodal.decoding import beam_search
from multimodal.text import detokenize, tokenize
from multimodal.worlds.reviews import sample_review
from multimodal.worlds.scenes import sample_scene

BATCHES = (1, 8, 64)
COLD_SECONDS = {
    "classification-digits": 4.0,
    "sentiment-reviews": 4.0,
    "captioning-scenes": 5.0,
    "vqa-scenes": 5.0,
}
MOST_OVER_PLAIN = 1.1  # of plain torch's time, at batch 1
QUESTION = "how many shapes are there"

Answer = Callable[[list[Any]], Any]
Pair = tuple[Callable[[], torch.Tensor], Callable[[], torch.Tensor]]


def make_inputs(folder: Path) -> dict[str, list[Any]]:
    """Make 64 inputs for each model: files of pictures, and texts.

    Args:
        folder: Where the pictures go.
    """
    digits, scenes = [], []
    for number in range(max(BATCHES)):
        digits.append(folder / f"digit{number}.png")
        pixels = (load_digits().images[number] * 15.9).astype("uint8")
        Image.fromarray(pixels).save(digits[-1])
        scenes.append(folder / f"scene{number}.png")
        picture = multimodal.load("captioning-scenes").seen(sample_scene(0, number, "test"))
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(scenes[-1])
    reviews = [sample_review(0, number, "test").text for number in range(max(BATCHES))]
    return {
        "classification-digits": digits,
        "sentiment-reviews": reviews,
        "captioning-scenes": scenes,
        "vqa-scenes": scenes,
    }


def cold_seconds(name: str, given: Any) -> float:
    """Time a fresh process from its start to its first answer.

    Args:
        name: The model.
        given: A picture's file or a text.
    """
    asked = f", {QUESTION!r}" if name.startswith("vqa") else ""
    program = f"import multimodal; print(multimodal.load({name!r})({str(given)!r}{asked}))"
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    return time.perf_counter() - start


def ours(name: str) -> Answer:
    """Ask a predictor, for what plain torch gives: explanations of texts are left out."""
    model: Any = multimodal.load(name, device="cpu")
    many: dict[str, Any] = {"batch_size": max(BATCHES)}
    if name.startswith("sentiment"):
        many["explain"] = False
    if name.startswith("vqa"):
        return lambda given: model(given, [QUESTION] * len(given), **many)
    return lambda given: model(given, **many)


def plain(name: str) -> Answer:
    """Ask the same network without a predictor."""
    predictor: Any = multimodal.load(name, device="cpu")
    network = predictor.model

    def pictures(given: list[Any]) -> torch.Tensor:
        return torch.stack([predictor.transform(load_image(each)) for each in given])

    @torch.inference_mode()
    def caption(given: list[Any]) -> list[str]:
        features = network.encoder(pictures(given))
        found = beam_search(
            network.step, *network.begin(features), beam_size=5, n_best=3, min_length=1
        )
        words = predictor.vocabulary
        return [detokenize(words.decode(row[0].tolist())) for row in found.tokens]

    @torch.inference_mode()
    def ask(given: list[Any]) -> list[str]:
        ids = predictor.vocabulary.encode(tokenize(QUESTION))
        tokens = torch.tensor([ids])
        rows = torch.arange(len(given))
        features = network.encoder(pictures(given))
        logits, _ = network(features, tokens, tokens > 0, rows, torch.zeros_like(rows))
        return [predictor.answers[each] for each in logits.argmax(dim=1).tolist()]

    @torch.inference_mode()
    def judge(given: list[Any]) -> list[str]:
        rows = [torch.tensor(predictor.vocabulary.encode(tokenize(text))) for text in given]
        tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        shares = network(tokens, tokens > 0).softmax(dim=1)
        return [predictor.labels[each] for each in shares.argmax(dim=1).tolist()]

    @torch.inference_mode()
    def classify(given: list[Any]) -> list[str]:
        shares = network(to_grey(pictures(given))).softmax(dim=1)
        return [predictor.labels[each] for each in shares.argmax(dim=1).tolist()]

    ways = {"captioning": caption, "vqa": ask, "sentiment": judge, "classification": classify}
    return ways[name.partition("-")[0]]


def check_same(name: str, given: list[Any], one: Answer, other: Answer) -> None:
    """Stop where both sides do not say the same.

    Raises:
        SystemExit: If an answer differs.
    """
    for mine, theirs in zip(one(given), other(given), strict=True):
        if str(mine) != theirs:
            raise SystemExit(f"{name}: ours says {mine}, plain torch {theirs!r}.")


def warm(inputs: dict[str, list[Any]], machine: Machine, *, seconds: float) -> dict[str, Any]:
    """Time both sides on batches of 1, 8 and 64.

    Returns:
        By model and batch, inputs a second of ``ours`` and ``plain``.
    """
    found: dict[str, Any] = {}
    for name, given in inputs.items():
        one, other = ours(name), plain(name)
        check_same(name, given, one, other)
        found[name] = {
            batch: machine.rates(
                {
                    "plain": Way(partial(other, given[:batch]), batch),
                    "ours": Way(partial(one, given[:batch]), batch),
                },
                seconds=seconds if batch > 1 else 4 * seconds,  # the ratio's, which must be sure
            )
            for batch in BATCHES
        }
    return found


def graphs(inputs: dict[str, list[Any]], folder: Path, machine: Machine, *, seconds: float) -> Any:
    """Time networks and their ONNX graphs on the same tensors.

    Returns:
        By what is computed, how often a second with ``torch`` and with ``onnx``, and as
        ``largest difference`` that of their numbers.
    """
    from multimodal.onnx import write_onnx
    from multimodal.saving import read_model

    found: dict[str, Any] = {}
    for name, make in (("captioning-scenes", caption_pairs), ("sentiment-reviews", text_pairs)):
        write_onnx(read_model(name), folder / name)
        for batch in BATCHES:
            for what, (network, graph) in make(folder / name, inputs[name][:batch]).items():
                ways = {"torch": Way(network, batch), "onnx": Way(graph, batch)}
                with torch.inference_mode():
                    rates = machine.rates(ways, seconds=seconds)
                    difference = (network() - graph()).abs().max().item()
                found[f"{what}, batch of {batch}"] = {**rates, "largest difference": difference}
    return found


def caption_pairs(folder: Path, files: list[Path]) -> dict[str, Pair]:
    """Encode and caption pictures with a network and with its graphs."""
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
    """Judge texts with a network and with its graph."""
    from multimodal.onnx import OnnxGraph

    predictor: Any = multimodal.load("sentiment-reviews", device="cpu")
    judge = OnnxGraph(folder / "classifier.onnx", num_threads=torch.get_num_threads())
    rows = [torch.tensor(predictor.vocabulary.encode(tokenize(text))) for text in texts]
    tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    mask = tokens > 0
    return {"sentiment": (lambda: predictor.model(tokens, mask), lambda: judge(tokens, mask)[0])}


def measure(machine: Machine, *, quick: bool) -> dict[str, Any]:
    """Measure all, or what the ratios need.

    Returns:
        ``ratios`` and ``figures``.
    """
    with tempfile.TemporaryDirectory() as temporary:
        inputs = make_inputs(Path(temporary))
        cold = {name: cold_seconds(name, given[0]) for name, given in inputs.items()}
        rates = warm(inputs, machine, seconds=0.5 if quick else 4)
        figures: dict[str, Any] = {"cold_seconds": cold, "rates": rates}
        if not quick:
            figures["graphs"] = graphs(inputs, Path(temporary), machine, seconds=3)
    ratios = {
        name.partition("-")[0]: each[1]["plain"] / each[1]["ours"] for name, each in rates.items()
    }
    return {"ratios": ratios, "figures": figures}


def show(results: dict[str, Any]) -> None:
    """Print tables for people."""
    figures = results["figures"]
    print(f"{'':<24}{'first answer':>14}{'at most':>9}{'over plain':>12}{'at most':>9}", end="")
    print("".join(f"{f'{batch} a call':>14}" for batch in BATCHES) + "   (a second)")
    for name, rates in figures["rates"].items():
        ratio = results["ratios"][name.partition("-")[0]]
        print(
            f"{name:<24}{figures['cold_seconds'][name]:>12.1f} s{COLD_SECONDS[name]:>7.1f} s"
            f"{ratio:>12.2f}{MOST_OVER_PLAIN:>9.1f}"
            + "".join(f"{rates[batch]['ours']:>14,.0f}" for batch in BATCHES)
        )
    for what, rates in figures.get("graphs", {}).items():
        print(
            f"{what:<32}torch {rates['torch']:>9,.0f}/s   onnx {rates['onnx']:>9,.0f}/s   "
            f"{rates['onnx'] / rates['torch']:.2f} x   differ by {rates['largest difference']:.0e}"
        )


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without the graphs")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--threads", type=int, default=2, help="of the CPU")
    options = parser.parse_args()
    results = measure(Machine.tuned("cpu", options.threads), quick=options.quick)
    print(json.dumps(results)) if options.json else show(results)


if __name__ == "__main__":
    main()
