"""multimodal transfer: train a classifier by every strategy of transfer learning, and compare.

The same data, the same encoder, the same number of epochs: from nothing, a linear classifier on
what the encoder sees, the head alone, the last stages, all stages gradually, everything at once.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from math import nan
from pathlib import Path
from typing import NamedTuple, get_args

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from typing_extensions import override

from multimodal.classification.probe import LinearProbe
from multimodal.cli.arguments import Arguments, whole_number
from multimodal.cli.lightning import Command, command, told
from multimodal.files import atomic_write
from multimodal.tables import markdown_table
from multimodal.training.strategies import Strategy

_NAME = "transfer.md"
_SCRATCH = "scratch"
_LADDER = (_SCRATCH, *(name for name in get_args(Strategy) if name != "none"))
_EXAMPLES = """\
  multimodal transfer --config classification_folder --data.root photos.zip
  multimodal transfer --config classification_folder --strategies linear,head,full
"""


class Rung(NamedTuple):
    """What a strategy reached.

    Attributes:
        strategy: Its name.
        parameters: How many numbers it trained.
        seconds: How long the run took.
        accuracy: The best accuracy on the validation images, a share.
    """

    strategy: str
    parameters: int
    seconds: float
    accuracy: float


def run(arguments: list[str]) -> int:
    """Train by each strategy, and print a table of what each costs and reaches.

    Each is a run of its own, with its own folder; the table is also written into the first.

    Args:
        arguments: What follows ``transfer`` on the command line.

    Returns:
        The exit code: 0, or that of a run that was stopped.

    Raises:
        FileNotFoundError: If the configuration, the data or the weights are not there.
        ValueError: If anything in them is wrong.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    options, rest = _parser().parse_known_args(arguments)
    rungs: list[Rung] = []
    folders: list[Path] = []

    def climb() -> None:
        for number, strategy in enumerate(options.strategies, 1):
            sys.stdout.write(f"\n{strategy} ({number} of {len(options.strategies)})\n")
            found, folder = _train(rest, strategy, options.stages)
            rungs.extend(found)
            folders.append(folder)

    code = told(climb)
    if code == 0:
        table = ladder_table(rungs)
        sys.stdout.write(f"\n{table}\n")
        with atomic_write(folders[0] / _NAME) as temporary:
            temporary.write_text(table, encoding="utf-8")
        sys.stdout.write(f"written to {folders[0] / _NAME}\n")
    return code


def ladder_table(rungs: Sequence[Rung]) -> str:
    """Write what strategies reached as a table.

    Args:
        rungs: In the order of the rows.

    Returns:
        Markdown.

    Example:
        >>> print(ladder_table([Rung("head", 6405, 90.0, 0.8512)]))
        | strategy | trained parameters | minutes | validation accuracy |
        | -------- | -----------------: | ------: | ------------------: |
        | head     |              6,405 |     1.5 |              85.1 % |
        <BLANKLINE>
    """
    head = ["strategy", "trained parameters", "minutes", "validation accuracy"]
    return markdown_table(
        [
            head,
            *(
                [name, f"{parameters:,}", f"{seconds / 60:.1f}", f"{100 * accuracy:.1f} %"]
                for name, parameters, seconds, accuracy in rungs
            ),
        ]
    )


class _Strategy(Command):
    """A training without the advice that follows one."""

    @override
    def after_fit(self) -> None:
        """Say nothing: the table does."""


def _train(rest: Sequence[str], strategy: str, stages: int | None) -> tuple[list[Rung], Path]:
    """Train by one strategy, and return its rows and the run's folder."""
    own = ["--model.transfer", strategy]
    if strategy == _SCRATCH:
        own = ["--model.transfer", "none", "--model.settings.encoder.weights", "none"]
        own += ["--model.settings.encoder.trainable_stages", "-1", "--model.encoder_rate", "1.0"]
    if stages is not None:
        own += ["--model.stages", str(stages)]
    begun = time.perf_counter()
    try:
        trainer = command(["fit", *rest, *own], _Strategy).trainer
    except (argparse.ArgumentError, TypeError) as error:
        if "'transfer' is not accepted" not in str(error):
            raise
        raise ValueError(
            "The task of this configuration has no setting `transfer`: the ladder is for "
            "classification. Name one, such as --config classification_folder."
        ) from error
    seconds = time.perf_counter() - begun
    folder = Path(trainer.log_dir or trainer.default_root_dir)
    parameters = list(trainer.lightning_module.parameters())
    trained = sum(each.numel() for each in parameters if each.requires_grad)
    rungs = [Rung(strategy, trained, seconds, _best(trainer))]
    probes = [each for each in trainer.callbacks if isinstance(each, LinearProbe)]  # type: ignore[attr-defined]
    if probes and probes[0].result is not None:
        machine = probes[0].result.machine
        rungs = [rungs[0]._replace(strategy="linear: logistic regression")]
        rungs.append(Rung("linear: support vectors", trained, seconds, machine))
    return rungs, folder


def _best(trainer: Trainer) -> float:
    keeper = trainer.checkpoint_callback
    if isinstance(keeper, ModelCheckpoint) and keeper.monitor == "val/accuracy":
        score = keeper.best_model_score
        if score is not None:
            return float(score)
    return float(trainer.callback_metrics.get("val/accuracy", nan))


def _parser() -> Arguments:
    parser = Arguments(
        "transfer",
        about="Train a classifier by every strategy of transfer learning and print one table. All "
        "other options are those of `multimodal fit`.",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "--strategies",
        type=_strategies,
        default=list(_LADDER),
        help=f"which, with commas between them ({','.join(_LADDER)})",
    )
    parser.add_argument(
        "--stages",
        type=whole_number(1),
        default=None,
        help="stages for last_stages and gradual (the configuration's)",
    )
    return parser


def _strategies(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    wrong = [name for name in names if name not in _LADDER]
    if wrong:
        raise argparse.ArgumentTypeError(f"must be of {', '.join(_LADDER)}, got {wrong[0]!r}")
    return names
