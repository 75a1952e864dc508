"""Write before/: what the package did before its files were moved, so that a move changes nothing.

    python tests/golden/make_before.py            record everything anew
    python tests/golden/make_before.py --check    compare to the bit, print every difference
    python tests/golden/make_before.py --check vqa-scenes captioning.ckpt runs

    python tests/golden/make_before.py vqa        record only these models and their outputs

Record anew only on the tree of before the move: tests/test_golden.py compares with these files.
Only what outlives a move is used here: the command line, ``multimodal.load``,
``multimodal.explain`` and ``to_dict()`` of the results. The recorded files are

    models/NAME.ckpt       checkpoints as a run writes them, stopped in the middle of an epoch
    models/NAME/           the same models as exported folders
    outputs/MODEL.json     what each command and call answered, by the command or call itself
    resumed.json           metrics of one more step, and of `test`, for each checkpoint
    runs.json              metrics of each smoke configuration: fit, test and predict
    help/VERB.txt          the help texts; options.json has the options' names
    config_keys.json       every key of every shipped configuration, with its value

`--check` leaves out what is there to be read by people (help/ and config_keys.json).
"""

import argparse
import contextlib
import csv
import hashlib
import io
import json
import logging
import os
import re
import shlex
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image

import multimodal
from multimodal.cli.main import main

BEFORE = Path(__file__).parent / "before"
MODELS = BEFORE / "models"
SHIPPED = ("captioning-scenes", "vqa-scenes", "sentiment-reviews", "classification-digits")
TASKS = ("captioning", "vqa", "sentiment", "classification", "language_model")

# One device and one precision, since the best of a machine is chosen otherwise.
_MACHINE = "--trainer.accelerator cpu --trainer.precision 32-true --trainer.logger.class_path \
lightning.pytorch.loggers.CSVLogger --trainer.logger.save_dir runs --trainer.logger.name run \
--trainer.enable_progress_bar false"

_SETTINGS = "--model.init_args.settings"
_SMALL_EYES = f"{_SETTINGS}.encoder.channels [4,8]"
_SMALL_CAPTIONER = (
    f"{_SMALL_EYES} {_SETTINGS}.embedding_dim 8 {_SETTINGS}.hidden_dim 12 "
    f"{_SETTINGS}.attention_dim 8 --model.init_args.learning_rate 0.05"
)
# A checkpoint with Adam's two averages of each weight would be too large for some.
_SGD = "--model.init_args.optimizer torch.optim.SGD --model.init_args.optimizer.init_args.lr 1.0"
_RMSPROP = (
    "--model.init_args.optimizer torch.optim.RMSprop --model.init_args.optimizer.init_args.lr 0.01"
)
_SMALL_ANSWERER = (
    f"{_SMALL_EYES} {_SETTINGS}.embedding_dim 6 {_SETTINGS}.question_dim 6 "
    f"{_SETTINGS}.fusion_dim 6 {_SETTINGS}.answer_dim 6 {_SETTINGS}.num_slots 2 "
    "--model.init_args.learning_rate 0.02"
)
_SMALL_READER = f"{_SETTINGS}.reader.embedding_dim 6 {_SETTINGS}.reader.hidden_dim 8"
_SMALL_SENTIMENT = f"{_SMALL_READER} --model.init_args.learning_rate 0.03"

# Each checkpoint: the smoke configuration, what is changed in it, and after how many steps it
# stops, which is never the end of an epoch. Only the models of `TASKS` are exported as well.
RUNS = {
    "captioning": ("captioning", _SMALL_CAPTIONER, 40),
    "captioning-show_tell": ("captioning", f"{_SMALL_CAPTIONER} {_SETTINGS}.decoder show_tell", 40),
    "captioning-show_attend_tell": (
        "captioning",
        f"{_SMALL_CAPTIONER} {_RMSPROP} {_SETTINGS}.decoder show_attend_tell",
        40,
    ),
    "captioning-up_down": (
        "captioning",
        f"{_SMALL_CAPTIONER} {_SGD} {_SETTINGS}.decoder up_down",
        112,
    ),
    "captioning-gru": (
        "captioning",
        f"{_SMALL_CAPTIONER} {_RMSPROP} {_SETTINGS}.cell gru {_SETTINGS}.num_layers 2 "
        f"{_SETTINGS}.num_heads 2 {_SETTINGS}.region_dim 8 {_SETTINGS}.tie_embeddings false",
        40,
    ),
    "vqa": ("vqa", _SMALL_ANSWERER, 32),
    "vqa-multiply": ("vqa", f"{_SMALL_ANSWERER} {_SETTINGS}.fusion multiply", 32),
    "vqa-concatenate": ("vqa", f"{_SMALL_ANSWERER} {_SETTINGS}.fusion concatenate", 32),
    "vqa-stacked": ("vqa", f"{_SMALL_ANSWERER} {_SETTINGS}.fusion stacked", 32),
    "vqa-top_down": (
        "vqa",
        f"{_SMALL_ANSWERER} {_SGD} {_SETTINGS}.fusion top_down {_SETTINGS}.bidirectional true",
        32,
    ),
    "vqa-film": (
        "vqa",
        f"{_SMALL_ANSWERER} {_SGD} {_SETTINGS}.fusion film {_SETTINGS}.region_dim 8",
        32,
    ),
    "sentiment": (
        "sentiment",
        f"{_SMALL_SENTIMENT} --data.init_args.text.max_words 12 --data.init_args.text.keep ends",
        31,
    ),
    "sentiment-pooled": (
        "sentiment",
        f"{_SMALL_SENTIMENT} {_SETTINGS}.reader.cell gru {_SETTINGS}.reader.directions apart "
        f"{_SETTINGS}.pooling [last,mean,max,attention] {_SETTINGS}.head_dim 6",
        31,
    ),
    "classification": ("classification", "", 32),
    "classification-count": (
        "classification",
        "--data.init_args.options.label count --model.init_args.settings.hidden [6]",
        32,
    ),
    "classification-labels": (
        "classification",
        "--data.init_args.options.label colours --data.init_args.target labels "
        # Stops before a validation, which would look for the accuracy of one label.
        "--data.init_args.options.train 150 --model.init_args.mixup 0",
        32,
    ),
    "classification-lenet": (
        "classification",
        f"{_SETTINGS}.encoder.name lenet {_SETTINGS}.encoder.strides [1,1] "
        f"{_SETTINGS}.encoder.channels [4,6]",
        32,
    ),
    "classification-residual": (
        "classification",
        f"{_SETTINGS}.encoder.name residual {_SETTINGS}.encoder.normalisation group "
        f"{_SETTINGS}.pooling max",
        32,
    ),
    "language_model": ("language_model", f"{_SMALL_READER} {_SETTINGS}.reader.last_dim 6", 13),
    "language_model-characters": (
        "language_model",
        f"{_SMALL_READER} {_SETTINGS}.reader.directions ahead {_SETTINGS}.reader.num_layers 2 "
        "--data.init_args.level characters --model.init_args.candidates all",
        13,
    ),
}

METHODS = ("saliency", "grad_cam", "integrated_gradients", "occlusion")
TEXTS = (
    "A warm and truly wonderful film with brilliant music.",
    "The plot was dismal, and the acting was not good at all.",
    "At first the hotel seemed lousy, but the breakfast, the garden and the view were far from "
    "disappointing, and in the end I would come back to it.",
    "Zyx qwv?",
)

# --- What is asked of each model ------------------------------------------------------------------


def commands(model: str) -> list[str]:
    """Return the command lines that are recorded for a model."""
    text = shlex.quote(TEXTS[1])
    asked = {
        "captioning": [
            "caption {} scene.png bars.png --json",
            "caption {} scene.png bars.png blank.png --json --beam-size 1",
            "caption {} scene.png --json --beam-size 3 --alternatives 2 --max-length 6",
        ],
        "vqa": [
            "ask {} scene.png 'What colour is the circle?' 'How many shapes are there?' --json",
            "ask {} bars.png 'Is there a red square?' --json --top 5",
        ],
        "classification": [
            "classify {} scene.png bars.png digit.png --json",
            "classify {} digit.png --json --top 10",
        ],
        "sentiment": [
            "sentiment {} --file texts.txt --json",
            f"sentiment {{}} {text} --json --explain",
        ],
        "language_model": [
            "write {} 'the film' --json --seed 3 --count 2 --max-length 12",
            "write {} 'we' --json --seed 4 --temperature 0.5 --top-k 5 --max-length 8",
            "write {} 'it was' --json --seed 5 --top-p 0.7 --max-length 8",
            "write {} 'it was' --json --temperature 0 --seed 6 --max-length 8",
        ],
    }[_task_of(model)]
    return [each.format(model) for each in asked]


def calls(model: str) -> list[str]:
    """Return the calls in Python that are recorded for a model: expressions to evaluate."""
    opened = f"load({model!r})"
    task = _task_of(model)
    asked = {
        "captioning": ["('scene.png', beam_size=2, n_best=2, no_repeat_ngram=2)"],
        "vqa": ["('bars.png', 'Is the circle left of the square?', top=4)"],
        "classification": ["('scene.png', top=3)"],
        "sentiment": [f"({TEXTS[2]!r})"],
        "language_model": ["('we', seed=7, max_length=6)"],
    }[task]
    given = {
        "captioning": "'scene.png'",
        "vqa": "'scene.png', 'What colour is the circle?'",
        "classification": "'digit.png'",
        "sentiment": repr(TEXTS[1]),
    }
    # The variants differ in their networks only, which occlusion explains as well as any.
    methods = METHODS if model in (*SHIPPED, f"{task}.ckpt") else ("saliency",)
    explained = [
        f"explain({opened}, {given[task]}, method={method!r})"
        for method in methods
        if task in given and not (task == "sentiment" and method == "grad_cam")
    ]
    return [*(f"{opened}{each}" for each in asked), *explained]


def _task_of(model: str) -> str:
    return next(task for task in TASKS if model.startswith(task))


# --- Running commands and calls -------------------------------------------------------------------


def all_models() -> list[str]:
    """Return the names of all models: shipped ones, checkpoints and folders."""
    return [*SHIPPED, *(f"{name}.ckpt" for name in RUNS), *(f"{name}/" for name in TASKS)]


def draw_inputs(folder: Path) -> None:
    """Write the pictures and texts that models are asked about; the same pixels everywhere."""
    rows, columns = np.mgrid[:64, :64]
    scene = np.full((64, 64, 3), 30, np.uint8)
    scene[(rows - 20) ** 2 + (columns - 18) ** 2 < 100] = (220, 40, 40)
    scene[36:54, 38:56] = (40, 80, 220)
    bars = np.zeros((48, 80, 3), np.uint8)
    bars[:, 10:20] = (240, 220, 60)
    bars[14:34, 40:60] = (60, 200, 80)
    digit = np.zeros((28, 28), np.uint8)
    digit[5:23, 13:16] = 230
    digit[5:8, 8:16] = 200
    blank = np.full((32, 32, 3), 128, np.uint8)
    pictures = {"scene": scene, "bars": bars, "digit": digit, "blank": blank}
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")
    (folder / "texts.txt").write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")


def run_command(line: str) -> tuple[int, str]:
    """Run a command line in this process; return its exit code and what it wrote or complained."""
    _settle()
    arguments = [_located(each) for each in shlex.split(line)]
    written, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(complained):
        try:
            code = main(arguments)
        except SystemExit as stop:
            code = int(stop.code or 0)
    return code, complained.getvalue() if code else written.getvalue()


def answer_of_command(line: str) -> Any:
    """Return what a command with ``--json`` answers; large arrays are shortened."""
    code, text = run_command(line)
    if code:
        raise RuntimeError(f"{line}: {text}")
    try:
        return shortened(json.loads(text))
    except json.JSONDecodeError:
        return shortened([json.loads(each) for each in text.splitlines()])


def answer_of_call(call: str) -> Any:
    """Return what a call answers as JSON types; large arrays are shortened."""
    _settle()
    names = {"load": lambda name: multimodal.load(_located(name), device="cpu"),
             "explain": multimodal.explain}  # fmt: skip
    return shortened(json.loads(json.dumps(eval(call, names).to_dict())))


def answers_of(model: str) -> dict[str, Any]:
    """Return what a model answers to all that is asked of it."""
    return {
        "commands": {line: answer_of_command(line) for line in commands(model)},
        "calls": {call: answer_of_call(call) for call in calls(model)},
    }


def _settle() -> None:
    """Undo what an earlier command did to the process, so that the order does not matter."""
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("highest")


def _located(name: str) -> str:
    """Return the path of a recorded model, or else the argument as it is."""
    named = name.removesuffix("/") in TASKS and name.endswith("/")
    recorded = named or (name.removesuffix(".ckpt") in RUNS and name.endswith(".ckpt"))
    return str(MODELS / name) if recorded else name


def shortened(value: Any) -> Any:
    """Replace large arrays by their shape, a few numbers and a hash of all of them."""
    if isinstance(value, dict):
        return {key: shortened(part) for key, part in value.items()}
    if not isinstance(value, list):
        return value
    try:
        numbers = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        return [shortened(part) for part in value]
    if numbers.size <= 24:
        return value
    flat = numbers.ravel()
    return {
        "shape": list(numbers.shape),
        "smallest": float(flat.min()),
        "largest": float(flat.max()),
        "mean size": float(np.abs(flat).mean()),
        "some": flat[:: max(1, flat.size // 11)].tolist(),
        "sha256": hashlib.sha256(numbers.tobytes()).hexdigest(),
    }


# --- Runs -----------------------------------------------------------------------------------------


def lightning(verb: str, config: str, options: str = "") -> list[dict[str, float]]:
    """Run a verb of training on a smoke configuration in an empty run folder.

    Returns:
        The rows of the run's metrics.csv, without empty cells; none of ``predict``.
    """
    run = Path("runs", "run")
    shutil.rmtree(run, ignore_errors=True)
    code, text = run_command(f"{verb} --config smoke_{config} {options} {_MACHINE}")
    if code:
        raise RuntimeError(f"{verb} of smoke_{config} ended with {code}: {text}")
    table = run / "version_0" / "metrics.csv"
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return [
            {name: float(value) for name, value in row.items() if value}
            for row in csv.DictReader(file)
        ]


def metrics_of_run(config: str) -> dict[str, Any]:
    """Return the metrics of a smoke configuration's fit and test, and what predict wrote."""
    metrics: dict[str, Any] = {"fit": lightning("fit", config)}
    kept = Path(f"{config}.ckpt.kept")
    shutil.copy(Path("runs", "run", "version_0", "checkpoints", "best.ckpt"), kept)
    best = f"--ckpt_path {kept}"
    metrics["test"] = lightning("test", config, best)
    if config != "language_model":
        lightning("predict", config, best)
        results = Path("runs", "run", "version_0", "results.json")
        metrics["predict"] = json.loads(results.read_text(encoding="utf-8"))
    return metrics


def metrics_of_resumed(name: str) -> dict[str, Any]:
    """Return the metrics of one more step from a checkpoint, and those of ``test``."""
    config, options, steps = RUNS[name]
    path = f"--ckpt_path {name}.ckpt"
    return {
        "fit": lightning("fit", config, f"{options} {path} {_stop_at(steps + 1)}"),
        "test": lightning("test", config, f"{options} {path}"),
    }


def _stop_at(steps: int) -> str:
    # Early stopping would end a run before its last step.
    return f"--trainer.max_epochs 100 --trainer.max_steps {steps}"


# --- Help and keys --------------------------------------------------------------------------------


def verbs() -> list[str]:
    """Return all verbs, with those of two words, as the help lists them."""
    listed = re.findall(r"^  (\w+) {2,}\S", run_command("--help")[1], flags=re.MULTILINE)
    return [*listed, "data check", "data preview", "score captions", "score vqa"]


def help_of(verb: str) -> str:
    return run_command(f"{verb} --help")[1]


def option_names(text: str) -> list[str]:
    """Return the options that a help text defines; those of the Trainer are Lightning's own."""
    names = set()
    for line in text.splitlines():
        if re.match(r" {2,4}-", line):
            defined = re.split(r"(?<=\S) {2,}", line.strip())[0]
            names.update(re.findall(r"--[a-z][\w.-]*", defined))
    return sorted(name for name in names if not name.startswith("--trainer."))


def all_options() -> dict[str, list[str]]:
    return {verb: option_names(help_of(verb)) for verb in verbs()}


def config_keys() -> dict[str, Any]:
    """Return the value of every key of every shipped configuration.

    Of callbacks only the arguments that are neither null, false nor zero, which are many.
    """
    listed = json.loads(run_command("configs --json")[1])
    found = {}
    for name in (each["name"] for each in listed):
        content = yaml.safe_load(run_command(f"fit --config {name} --print_config")[1])
        for callback in content["trainer"]["callbacks"] or []:
            arguments = callback.get("init_args", {}).items()
            callback["init_args"] = {key: value for key, value in arguments if value}
        found[name] = dict(_flat(content))
    first, *others = found.values()
    common = {
        key: value
        for key, value in first.items()
        if all(key in other and other[key] == value for other in others)
    }
    own = {
        name: {key: value for key, value in keys.items() if key not in common}
        for name, keys in found.items()
    }
    return {"in all": common, **own}


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _flat(part, f"{name}.{key}" if name else key)
    else:
        yield name, value


# --- Recording and checking -----------------------------------------------------------------------


def record_models(names: Iterable[str]) -> None:
    MODELS.mkdir(parents=True, exist_ok=True)
    for name in names:
        config, options, steps = RUNS[name]
        lightning("fit", config, f"{options} {_stop_at(steps)}")
        last = Path("runs", "run", "version_0", "checkpoints", "last.ckpt")
        shutil.copy(last, MODELS / f"{name}.ckpt")
        if name in TASKS:
            shutil.rmtree(MODELS / name, ignore_errors=True)
            run_command(f"export {name}.ckpt {name}/")


def record_help() -> None:
    folder = BEFORE / "help"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    texts = {"multimodal": run_command("--help")[1], **{verb: help_of(verb) for verb in verbs()}}
    for task in TASKS:
        config = yaml.safe_load(run_command(f"fit --config smoke_{task} --print_config")[1])
        for part in ("model", "data"):
            path = config[part]["class_path"]
            texts[f"fit {part} {task}"] = run_command(f"fit --{part}.help {path}")[1]
    for verb, text in texts.items():
        lines = "\n".join(line.rstrip() for line in text.splitlines())
        (folder / f"{verb.replace(' ', '_')}.txt").write_text(f"{lines}\n", encoding="utf-8")


def sections() -> dict[str, Any]:
    """Return, by name, how each recorded JSON file is made."""
    made: dict[str, Any] = {
        f"outputs/{file_name(model)}": lambda model=model: answers_of(model)
        for model in all_models()
    }
    made["resumed"] = lambda: {name: metrics_of_resumed(name) for name in TASKS}
    made["runs"] = lambda: {task: metrics_of_run(task) for task in TASKS}
    made["options"] = all_options
    return made


def file_name(model: str) -> str:
    return model.replace("/", "-folder")


def read(section: str) -> Any:
    return json.loads((BEFORE / f"{section}.json").read_text(encoding="utf-8"))


def write(section: str, value: Any) -> None:
    path = BEFORE / f"{section}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, ensure_ascii=False, indent=1)
    # A list of numbers in one line.
    text = re.sub(r"\[\s+([^\[\]{}\"]*?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    path.write_text(f"{text}\n", encoding="utf-8")


def differences(expected: Any, found: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield place, expected and found value of every difference, however small."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in [*expected, *(key for key in found if key not in expected)]:
            missing = "(nothing)"
            yield from differences(
                expected.get(key, missing), found.get(key, missing), f"{where} > {key}"
            )
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{where}[{index}]")
    elif type(expected) is not type(found) or expected != found:
        yield where, expected, found


def check(names: list[str]) -> int:
    """Print a table of what differs, to the bit; return how many values do."""
    count, largest = 0, 0.0
    for section, make in sections().items():
        if names and section.removeprefix("outputs/") not in [file_name(name) for name in names]:
            continue
        rows = list(differences(read(section), make()))
        sys.stdout.write(f"{section}: {len(rows) or 'no'} differences\n")
        for where, expected, found in rows:
            relative = ""
            if isinstance(expected, float) and isinstance(found, float):
                share = abs(found - expected) / max(abs(expected), 1e-12)
                largest, relative = max(largest, share), f" (relative {share:.1e})"
            sys.stdout.write(f"  {where} | {expected} | {found}{relative}\n")
        count += len(rows)
    sys.stdout.write(f"{count} differences in all; the largest relative one is {largest:.1e}\n")
    return count


def record(names: list[str]) -> None:
    """Record everything, or only some models with their outputs."""
    record_models(names or RUNS)
    made = [f"outputs/{file_name(each)}" for name in names for each in (f"{name}.ckpt", f"{name}/")]
    for section, make in sections().items():
        if not names or section in made:
            write(section, make())
    if not names:
        write("config_keys", config_keys())
        record_help()


@contextlib.contextmanager
def workplace() -> Iterator[None]:
    """Work in a folder of its own with the inputs in it."""
    os.environ.update(COLUMNS="100", MPLBACKEND="Agg")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        draw_inputs(Path(folder))
        yield


def _run() -> int:
    parser = argparse.ArgumentParser(
        description="Record what the package does, or compare with it."
    )
    parser.add_argument("--check", action="store_true", help="compare to the bit; write nothing")
    parser.add_argument(
        "names",
        nargs="*",
        help="models to record; or models, resumed, runs, options to check (default: all)",
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    with workplace():
        if options.check:
            return min(1, check(options.names))
        record(options.names)
    return 0


if __name__ == "__main__":
    sys.exit(_run())
