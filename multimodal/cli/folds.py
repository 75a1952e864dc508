"""multimodal cross_validate: train and test a configuration once for each fold of its data.

A small test set says little: by chance alone, the accuracy on 500 examples is often two points off.
Where every example is tested once, by a model that was not trained on it, the mean is surer, and
the deviation tells how much one such test is worth.

References:
    Kohavi 1995, "A study of cross-validation and bootstrap for accuracy estimation and model
    selection" (ten stratified folds).
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev

from lightning.pytorch.callbacks import ModelCheckpoint
from typing_extensions import override

from multimodal.cli.arguments import Arguments, whole_number
from multimodal.cli.lightning import Command, command, told
from multimodal.files import atomic_write
from multimodal.tables import markdown_table

_NAME = "folds.md"
_EXAMPLES = """\
  multimodal cross_validate --config sentiment_polarity --folds 10
  multimodal cross_validate --config classification_digits --folds 5 --trainer.max_epochs 10
"""


def run(arguments: list[str]) -> int:
    """Train and test each fold, and print a table of the test's metrics.

    Each fold is a run of its own, with its own folder; the table is also written into the first.

    Args:
        arguments: What follows ``cross_validate`` on the command line.

    Returns:
        The exit code: 0, or that of a run that was stopped.

    Raises:
        FileNotFoundError: If the configuration or the data are not there.
        ValueError: If the data cannot be dealt to folds, or anything else in it is wrong.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    options, rest = _parser().parse_known_args(arguments)
    rows: list[dict[str, float]] = []
    folders: list[Path] = []

    def train_all() -> None:
        for fold in range(options.folds):
            sys.stdout.write(f"\nFold {fold + 1} of {options.folds}\n")
            found, folder = _train(rest, options.folds, fold)
            rows.append(found)
            folders.append(folder)

    code = told(train_all)
    if code == 0:
        table = fold_table(rows)
        sys.stdout.write(f"\n{table}\n")
        with atomic_write(folders[0] / _NAME) as temporary:
            temporary.write_text(table, encoding="utf-8")
        sys.stdout.write(f"written to {folders[0] / _NAME}\n")
    return code


def fold_table(rows: Sequence[Mapping[str, float]]) -> str:
    """Write metrics of folds as a table, with their means and deviations.

    Args:
        rows: The metrics of each fold, of two folds or more; what not all have is left out.

    Returns:
        Markdown. The deviation is the sample's, with one less than the number of folds below.

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


class _Fold(Command):
    """A training without the advice that follows one."""

    @override
    def after_fit(self) -> None:
        """Say nothing: the best weights are tested at once."""


def _train(rest: Sequence[str], folds: int, fold: int) -> tuple[dict[str, float], Path]:
    """Train one fold, test its best weights, and return the metrics and the run's folder."""
    own = ["--data.folds", str(folds), "--data.fold", str(fold)]
    try:
        fitted = command(["fit", *rest, *own], _Fold)
    except (argparse.ArgumentError, TypeError) as error:
        if "'folds' is not accepted" not in str(error):
            raise
        raise ValueError(
            "The data of this configuration cannot be dealt to folds: they have no settings "
            "`folds` and `fold`. Those of sentiment and classification have them."
        ) from error
    trainer = fitted.trainer
    keeper = trainer.checkpoint_callback
    best = keeper.best_model_path if isinstance(keeper, ModelCheckpoint) else ""
    (found,) = trainer.test(
        fitted.model, datamodule=fitted.datamodule, ckpt_path=best or None, verbose=False
    )
    folder = Path(trainer.log_dir or trainer.default_root_dir)
    return {name.removeprefix("test/"): value for name, value in found.items()}, folder


def _parser() -> Arguments:
    parser = Arguments(
        "cross_validate",
        about="Train and test once for each fold of the data, and tell mean and deviation. All "
        "other options are those of `multimodal fit`.",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "--folds",
        type=whole_number(2),
        default=5,
        help="parts of the data, each of which is tested once (5)",
    )
    return parser
