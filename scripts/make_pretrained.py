"""Train, test and export the small models that ship with the package, from its built-in data.

python scripts/make_pretrained.py
python scripts/make_pretrained.py --only classification-digits
python scripts/make_pretrained.py --quick --output models      (a few steps each, to try the script)

Each model is trained by a shipped configuration with the options below, tested by `multimodal test`
and exported with matrices in half precision, if that takes no score down by more than a tenth of a
point. The scores in its card and its metrics.json are those of the exported weights themselves,
measured by the predictor; a test checks that each model keeps them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import multimodal
from multimodal.metrics.bleu import bleu
from multimodal.metrics.cider import cider_d
from multimodal.saving import halved, write_folder
from multimodal.saving.card import write_card
from multimodal.saving.checkpoint import SavedModel, read_checkpoint
from multimodal.saving.names import PRETRAINED
from multimodal.saving.runs import RunFacts, read_run
from multimodal.text import tokenize
from multimodal.worlds.reviews import sample_review
from multimodal.worlds.scenes import ask, check_caption, describe, sample_scene

SEED = 0
MOST_BYTES = 12_000_000  # of all models together
_LOSS = 0.001  # of a score, that half of the size may cost


@dataclass(frozen=True)
class Recipe:
    """How a model is made.

    Args:
        config: The shipped configuration.
        options: Options that are added to it.
        quick: The options of a run of seconds.
        measure: Computes scores by name from the predictor and the number of test examples.
        examples: Test examples.
        start: The model whose encoder it starts from.
        note: The card's description of the data.
    """

    config: str
    options: tuple[str, ...]
    quick: tuple[str, ...]
    measure: Callable[[Any, int], dict[str, float]]
    examples: int
    note: str
    start: str = ""


def measure_captions(model: Any, count: int) -> dict[str, float]:
    """Caption test scenes; measure the share of true captions and the scores by references."""
    scenes = [sample_scene(SEED, index, "test") for index in range(count)]
    captions = [each.text for each in model.stream(scenes, beam_size=3, n_best=1, batch_size=100)]
    checks = [check_caption(text, scene) for text, scene in zip(captions, scenes, strict=True)]
    statements = [each.true for check in checks for each in check.statements]
    words = [tokenize(text) for text in captions]
    references = [[tokenize(text) for text in describe(scene)] for scene in scenes]
    return {
        "truth/captions": _share([check.all_true for check in checks]),
        "truth/statements": _share(statements),
        "bleu4": bleu(words, references)[3],
        "cider": cider_d(words, references),
    }


def measure_answers(model: Any, count: int) -> dict[str, float]:
    """Ask ten questions about each of many test scenes."""
    scenes = [sample_scene(SEED, index, "test") for index in range(count)]
    pairs = [(scene, question) for scene in scenes for question in ask(scene, 10)]
    predictions = model.stream(((scene, each.text) for scene, each in pairs), top=1, batch_size=500)
    correct = [
        predicted.answer == question.answer
        for predicted, (_, question) in zip(predictions, pairs, strict=True)
    ]
    return {"accuracy": _share(correct)}


def measure_digits(model: Any, count: int) -> dict[str, float]:
    """Classify the digits of the test part."""
    # Only now: it takes seconds to import, with Lightning.
    from multimodal.classification.data import ClassificationData

    data = ClassificationData(format="digits", seed=SEED)
    examples = data.examples("test")[:count]
    (pixels,) = data.sets.values()
    images = [pixels.images[each.image_id, 0] for each in examples]  # of (height, width)
    return {"accuracy": _accuracy(model.stream(images, top=1, batch_size=100), examples)}


def measure_sentiments(model: Any, count: int) -> dict[str, float]:
    """Classify test reviews."""
    reviews = [sample_review(SEED, index, "test") for index in range(count)]
    predictions = model.stream((review.text for review in reviews), batch_size=100)
    return {"accuracy": _accuracy(predictions, reviews)}


def _words(options: str) -> tuple[str, ...]:
    return tuple(options.split())


_FEW_SCENES = "--data.options.train 24 --data.options.val 6 --data.options.test 6"
_ONE_EPOCH = "--trainer.max_epochs 1"

RECIPES = {
    "captioning-scenes": Recipe(
        "captioning_scenes",
        _words(
            "--data.options.train 20000 --trainer.max_epochs 2 --data.batch_size 32 "
            "--data.text.captions_per_image 5 --model.learning_rate 0.003"
        ),
        _words(f"{_FEW_SCENES} {_ONE_EPOCH} --data.batch_size 4"),
        measure_captions,
        1_000,
        "Pictures of one to several drawn shapes, and five captions of each from a small grammar; "
        "all of it is drawn by `multimodal.worlds.scenes`. Whether a caption is true is checked "
        "against the scene: `truth/captions` is the share of captions of which all is true.",
    ),
    "vqa-scenes": Recipe(
        "vqa_scenes",
        (),
        _words(f"{_FEW_SCENES} {_ONE_EPOCH} --data.batch_size 8"),
        measure_answers,
        1_000,
        "Pictures of drawn shapes with ten questions about each, whose answers follow from the "
        "scene; all of it is drawn by `multimodal.worlds.scenes`. The encoder starts from that of "
        "captioning-scenes.",
        start="captioning-scenes",
    ),
    "classification-digits": Recipe(
        "classification_digits",
        (),
        _words(
            f"{_ONE_EPOCH} --trainer.check_val_every_n_epoch 1 --trainer.limit_train_batches 3 "
            "--trainer.limit_test_batches 1"
        ),
        measure_digits,
        1_000,
        "The 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn (Alpaydin and "
        "Kaynak 1998), a quarter of them held out for the test. The same people wrote both parts, "
        "and photographs of digits are not like them.",
    ),
    "sentiment-reviews": Recipe(
        "sentiment_reviews",
        (),
        _words(f"--data.options.train 64 --data.options.val 8 --data.options.test 8 {_ONE_EPOCH}"),
        measure_sentiments,
        2_000,
        "Reviews of films, restaurants and hotels that `multimodal.worlds.reviews` writes from a "
        "small grammar; in the test, opinions are pairs of words that training never shows. People "
        "write differently: on their reviews it is a toy.",
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the script; return the exit code."""
    options = _parser().parse_args(arguments)
    if options.quick and options.output == PRETRAINED:
        print("make_pretrained: --quick needs another --output", file=sys.stderr)
        return 2
    names = list(options.only or RECIPES)
    try:
        for name in names:
            make(name, options.output, options.work, quick=options.quick)
    except (ValueError, OSError, subprocess.CalledProcessError) as error:
        print(f"make_pretrained: {error}", file=sys.stderr)
        return 1
    size = sum(file.stat().st_size for file in options.output.rglob("*") if file.is_file())
    print(f"{options.output}: {size / 1e6:.2f} MB")
    return int(size > MOST_BYTES)


def make(name: str, output: Path, work: Path | None, *, quick: bool) -> None:
    """Train, test, export and measure one model."""
    recipe = RECIPES[name]
    with tempfile.TemporaryDirectory() as temporary:
        folder = (work or Path(temporary)) / name
        folder.mkdir(parents=True, exist_ok=True)
        options = [*recipe.options, *(recipe.quick if quick else ())]
        start: list[str] = []
        if recipe.start:
            weights = (output / recipe.start / "model.safetensors").absolute()
            start = ["--model.settings.encoder.weights", str(weights)]
        checkpoint = _train(folder, recipe.config, [*options, *start])
        _run(folder, "test", recipe.config, [*options, "--ckpt_path", str(checkpoint)])
        saved, facts = read_checkpoint(checkpoint), read_run(checkpoint)
        command = ["multimodal", "fit", "--config", recipe.config, *options]
        command += [*start[:1], f"{recipe.start}/model.safetensors"] if start else []
        examples = 6 if quick else recipe.examples
        export(saved, facts, output / name, command=" ".join(command), examples=examples)


def export(
    saved: SavedModel, facts: RunFacts, folder: Path, *, command: str, examples: int
) -> None:
    """Write a model's folder with the scores of its own weights, in half precision if they stay."""
    name, measured = folder.name, []
    recipe = RECIPES[name]
    for model in (saved, halved(saved)):
        write_folder(model, folder, overwrite=True)
        measured.append(recipe.measure(multimodal.load(folder, device="cpu"), examples))
    whole, half = measured
    worst = max((whole[key] - half[key] for key in whole), default=0.0)
    kept, scores = (halved(saved), half) if worst <= _LOSS else (saved, whole)
    card = write_card(kept, facts, name, command=command, scores=scores, notes=[recipe.note])
    metrics = {"exported": scores, "examples": examples, "test": facts.test, "val": facts.val}
    write_folder(kept, folder, card=card, metrics=metrics, overwrite=True)
    print(f"{name}: {json.dumps({key: round(value, 4) for key, value in scores.items()})}")


def _train(folder: Path, config: str, options: list[str]) -> Path:
    _run(folder, "fit", config, options)
    runs = (folder / "runs" / config).glob("version_*/checkpoints/best.ckpt")
    return max(runs, key=lambda path: path.stat().st_mtime).absolute()


def _run(folder: Path, verb: str, config: str, options: list[str]) -> None:
    program = "import sys; from multimodal.cli.main import main; sys.exit(main())"
    quiet = ["--trainer.enable_progress_bar", "false"]
    call = [sys.executable, "-c", program, verb, "--config", config, *options, *quiet]
    subprocess.run(call, cwd=folder, check=True)


def _accuracy(predictions: Iterable[Any], examples: Sequence[Any]) -> float:
    pairs = zip(predictions, examples, strict=True)
    return _share([predicted.label == example.label for predicted, example in pairs])


def _share(correct: list[bool]) -> float:
    return sum(correct) / max(1, len(correct))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "--only", metavar="NAME", choices=RECIPES, action="append",
        help=f"make one of them: {', '.join(RECIPES)}; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="FOLDER", type=Path, default=PRETRAINED,
        help="where the models go (default: into the package)",
    )  # fmt: skip
    parser.add_argument(
        "--work", metavar="FOLDER", type=Path, help="keep the runs there (default: nowhere)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few steps each, to try the script: no good models"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
