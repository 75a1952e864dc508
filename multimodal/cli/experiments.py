"""multimodal cross_validate, transfer and find_rate: a configuration trained several times.

``cross_validate`` trains and tests once for each fold of the data. By chance alone, the accuracy on
500 test examples is often two points off. The mean over folds, in which every example is tested
once by a model that was not trained on it, is more reliable, and the deviation shows how reliable
one test is. ``transfer`` trains by every strategy of transfer learning, with the same data, encoder
and number of epochs. ``find_rate`` raises the learning rate over a few batches; nothing is
validated and no checkpoint is written.

References:
    Kohavi 1995, "A study of cross-validation and bootstrap for accuracy estimation and model
    selection" (ten stratified folds); see `multimodal.training.unfreezing` and
    `multimodal.training.rate_finder` for the other two.
"""

import argparse
import csv
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from math import nan
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple, TypeVar, get_args

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from typing_extensions import override

from multimodal.cli.arguments import Arguments, whole_number
from multimodal.cli.lightning import Command, command, run_with_messages
from multimodal.files import atomic_write
from multimodal.tables import markdown_table
from multimodal.training.guard import NonFiniteError
from multimodal.training.rate_finder import RateFinder, draw_rates, suggest
from multimodal.training.report import run_folder
from multimodal.training.unfreezing import Strategy

_SCRATCH = "scratch"
_STRATEGIES = (_SCRATCH, *(name for name in get_args(Strategy) if name != "none"))
_REST = "All other options are those of `multimodal fit`."

Result = TypeVar("Result")


class StrategyResult(NamedTuple):
    """The number of trained parameters, the time and the best validation accuracy, from 0 to 1."""

    strategy: str
    parameters: int
    seconds: float
    accuracy: float


def run(arguments: list[str]) -> int:
    """Run ``cross_validate``, ``transfer`` or ``find_rate``.

    Every training has its run folder; the table of all is printed and written into the first one.

    Raises:
        FileNotFoundError: If the configuration, the data or the weights are not there.
        ValueError: If anything in them is wrong, or the loss falls at no rate.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    verb, *options = arguments
    verbs = {"cross_validate": _cross_validate, "transfer": _transfer, "find_rate": _find_rate}
    return verbs[verb](options)


def fold_table(rows: Sequence[Mapping[str, float]]) -> str:
    """Format the metrics that all folds have as Markdown, with means and sample deviations.

    Example:
        >>> print(fold_table([{"accuracy": 0.5, "loss": 1.0}, {"accuracy": 0.7, "loss": 0.8}]))
        | fold      | accuracy |   loss |
        | --------- | -------: | -----: |
        | 1         |   0.5000 | 1.0000 |
        | 2         |   0.7000 | 0.8000 |
        | mean      |   0.6000 | 0.9000 |
        | deviation |   0.1414 | 0.1414 |
        <BLANKLINE>
    """
    names = [name for name in rows[0] if all(name in row for row in rows)]
    columns = [[row[name] for row in rows] for name in names]
    named = [(str(number), [row[name] for name in names]) for number, row in enumerate(rows, 1)]
    named += [("mean", [mean(column) for column in columns])]
    named += [("deviation", [stdev(column) for column in columns])]
    cells = [["fold", *names]]
    cells += [[label, *(f"{value:.4f}" for value in values)] for label, values in named]
    return markdown_table(cells)


def strategy_table(results: Sequence[StrategyResult]) -> str:
    """Format the results of strategies as a Markdown table.

    Example:
        >>> print(strategy_table([StrategyResult("head", 6405, 90.0, 0.8512)]))
        | strategy | trained parameters | minutes | validation accuracy |
        | -------- | -----------------: | ------: | ------------------: |
        | head     |              6,405 |     1.5 |              85.1 % |
        <BLANKLINE>
    """
    rows = [["strategy", "trained parameters", "minutes", "validation accuracy"]]
    for name, parameters, seconds, accuracy in results:
        rows.append([name, f"{parameters:,}", f"{seconds / 60:.1f}", f"{100 * accuracy:.1f} %"])
    return markdown_table(rows)


def _cross_validate(arguments: list[str]) -> int:
    options, rest = _folds_parser().parse_known_args(arguments)
    names = [f"Fold {fold + 1} of {options.folds}" for fold in range(options.folds)]
    return _train_each(
        names, lambda fold: _train_fold(rest, options.folds, fold), fold_table, "folds.md"
    )


def _transfer(arguments: list[str]) -> int:
    options, rest = _transfer_parser().parse_known_args(arguments)
    chosen, number = options.strategies, len(options.strategies)
    names = [f"{strategy} ({index} of {number})" for index, strategy in enumerate(chosen, 1)]
    return _train_each(
        names,
        lambda index: _train_strategy(rest, chosen[index], options.stages),
        lambda results: strategy_table([row for rows in results for row in rows]),
        "transfer.md",
    )


def _find_rate(arguments: list[str]) -> int:
    options, rest = _rate_parser().parse_known_args(arguments)
    finder = RateFinder(options.smallest, options.largest, options.steps)
    folders: list[Path] = []

    def search() -> None:
        # Epochs without end: the trial stops after its steps, and goes through small data again.
        own = ["--trainer.max_epochs", "100000", "--trainer.max_steps", str(options.steps)]
        try:
            command(["fit", *rest, *own], _trial(finder, folders))
        except NonFiniteError:  # the loss diverged, which is the end of the trial
            if not finder.losses:
                raise

    code = run_with_messages(search)
    if code == 0:
        _report_rates(finder, folders[0])
    return code


class _Training(Command):
    """A training without the advice that follows one."""

    @override
    def after_fit(self) -> None:
        """Print nothing: the table follows."""


def _train_each(
    names: Sequence[str],
    train: Callable[[int], tuple[Result, Path]],
    table: Callable[[Sequence[Result]], str],
    file: str,
) -> int:
    """Train a run for each name, print the table of results and write it to the first folder."""
    results: list[Result] = []
    folders: list[Path] = []

    def train_all() -> None:
        for index, name in enumerate(names):
            sys.stdout.write(f"\n{name}\n")
            result, folder = train(index)
            results.append(result)
            folders.append(folder)

    code = run_with_messages(train_all)
    if code == 0:
        text = table(results)
        sys.stdout.write(f"\n{text}\n")
        with atomic_write(folders[0] / file) as temporary:
            temporary.write_text(text, encoding="utf-8")
        sys.stdout.write(f"written to {folders[0] / file}\n")
    return code


def _fit(options: Sequence[str], setting: str, otherwise: str) -> Command:
    """Train a run; `otherwise` is the message for a configuration that lacks the setting."""
    try:
        return command(["fit", *options], _Training)
    except (argparse.ArgumentError, TypeError, ValueError) as error:
        # Of our own classes, and of those of users.
        refusals = f"unknown setting '{setting}'", f"'{setting}' is not accepted"
        if not any(refusal in str(error) for refusal in refusals):
            raise
        raise ValueError(otherwise) from error


def _train_fold(rest: Sequence[str], folds: int, fold: int) -> tuple[dict[str, float], Path]:
    """Train one fold, test its best weights, and return the metrics and the run's folder."""
    fitted = _fit(
        [*rest, "--data.folds", str(folds), "--data.fold", str(fold)],
        "folds",
        "The data of this configuration cannot be divided into folds: they have no settings "
        "`folds` and `fold`. Those of sentiment and classification have them.",
    )
    trainer = fitted.trainer
    keeper = trainer.checkpoint_callback
    best = keeper.best_model_path if isinstance(keeper, ModelCheckpoint) else ""
    (metrics,) = trainer.test(
        fitted.model, datamodule=fitted.datamodule, ckpt_path=best or None, verbose=False
    )
    named = {name.removeprefix("test/"): value for name, value in metrics.items()}
    return named, run_folder(trainer)


def _train_strategy(
    rest: Sequence[str], strategy: str, stages: int | None
) -> tuple[list[StrategyResult], Path]:
    """Train by one strategy, and return its rows and the run's folder."""
    own = ["--model.transfer", strategy]
    if strategy == _SCRATCH:
        own = ["--model.transfer", "none", "--model.settings.encoder.weights", "none"]
        own += ["--model.settings.encoder.trainable_stages", "-1", "--model.encoder_rate", "1.0"]
    if stages is not None:
        own += ["--model.stages", str(stages)]
    started = time.perf_counter()
    fitted = _fit(
        [*rest, *own],
        "transfer",
        "The task of this configuration has no setting `transfer`, which classification has. Name "
        "a configuration of it, such as --config classification_folder.",
    )
    trainer, seconds = fitted.trainer, time.perf_counter() - started
    parameters = list(trainer.lightning_module.parameters())
    trained = sum(each.numel() for each in parameters if each.requires_grad)
    results = [StrategyResult(strategy, trained, seconds, _best_accuracy(trainer))]
    if fitted.probed is not None:
        support_vectors = fitted.probed.support_vectors
        results = [
            results[0]._replace(strategy="linear: logistic regression"),
            StrategyResult("linear: support vectors", trained, seconds, support_vectors),
        ]
    return results, run_folder(trainer)


def _best_accuracy(trainer: Trainer) -> float:
    keeper = trainer.checkpoint_callback
    if isinstance(keeper, ModelCheckpoint) and keeper.monitor == "val/accuracy":
        score = keeper.best_model_score
        if score is not None:
            return float(score)
    return float(trainer.callback_metrics.get("val/accuracy", nan))


def _trial(finder: RateFinder, folders: list[Path]) -> type[Command]:
    """Make a command that trains with the finder alone and adds its run's folder to `folders`."""

    class Trial(_Training):
        @override
        def instantiate_trainer(self, **kwargs: Any) -> Trainer:
            """Replace the configuration's callbacks, which wait for metrics."""
            trainer = super().instantiate_trainer(
                **kwargs,
                callbacks=[finder],
                limit_val_batches=0,
                num_sanity_val_steps=0,
                enable_checkpointing=False,
            )
            folders.append(run_folder(trainer))
            return trainer

    return Trial


def _report_rates(finder: RateFinder, folder: Path) -> None:
    rates = finder.rates[: len(finder.losses)]  # a step that diverged has no loss
    with atomic_write(folder / "rates.csv") as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["learning_rate", "loss"])
        writer.writerows(zip(rates, finder.losses, strict=True))
    suggestion = suggest(rates, finder.losses)
    draw_rates(rates, finder.losses, suggestion, folder / "rates.png")
    sys.stdout.write(
        f"\nThe loss falls fastest at {suggestion.steepest:.2g}, and is lowest at "
        f"{suggestion.lowest:.2g}.\n"
        f"  take it:  --model.learning_rate {suggestion.steepest:.2g}\n"
        f"  see it:   {folder / 'rates.png'}\n"
    )


def _folds_parser() -> Arguments:
    parser = Arguments(
        "cross_validate",
        about="Train and test once for each fold of the data, and print the mean and the standard "
        f"deviation. {_REST}",
        examples="""\
  multimodal cross_validate --config sentiment_polarity --folds 10
  multimodal cross_validate --config classification_digits --folds 5 --trainer.max_epochs 10
""",
    )
    parser.add_argument(
        "--folds",
        type=whole_number(2),
        default=5,
        help="parts of the data, each of which is tested once (5)",
    )
    return parser


def _transfer_parser() -> Arguments:
    parser = Arguments(
        "transfer",
        about="Train a classifier by every strategy of transfer learning and print one table. "
        f"{_REST}",
        examples="""\
  multimodal transfer --config classification_folder --data.root photos.zip
  multimodal transfer --config classification_folder --strategies linear,head,full
""",
    )
    parser.add_argument(
        "--strategies",
        type=_strategies,
        default=list(_STRATEGIES),
        help=f"which, with commas between them ({','.join(_STRATEGIES)})",
    )
    parser.add_argument(
        "--stages",
        type=whole_number(1),
        default=None,
        help="stages for last_stages and gradual (the configuration's)",
    )
    return parser


def _rate_parser() -> Arguments:
    parser = Arguments(
        "find_rate",
        about="Raise the learning rate from step to step until the loss diverges, and print where "
        f"the loss fell fastest. {_REST}",
        examples="""\
  multimodal find_rate --config classification_digits
  multimodal find_rate --config sentiment_reviews --steps 200 --largest 0.1
""",
    )
    parser.add_argument(
        "--steps", type=whole_number(10), default=100, help="steps of the trial (100)"
    )
    for name, default in (("smallest", 1e-6), ("largest", 1.0)):
        parser.add_argument(
            f"--{name}", type=_rate, default=default, help=f"{name} rate ({default:g})"
        )
    return parser


def _strategies(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    wrong = [name for name in names if name not in _STRATEGIES]
    if wrong:
        raise argparse.ArgumentTypeError(f"must be of {', '.join(_STRATEGIES)}, got {wrong[0]!r}")
    return names


def _rate(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, got {text!r}") from None
