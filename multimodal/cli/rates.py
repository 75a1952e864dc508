"""multimodal find_rate: try learning rates on the first batches of a configuration, and draw them.

Nothing is validated and no checkpoint is written; the weights that the trial leaves are thrown
away. The rate that it suggests is for ``--model.learning_rate``.
"""

import argparse
import csv
import sys
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from typing_extensions import override

from multimodal.cli.arguments import Arguments, whole_number
from multimodal.cli.lightning import Command, command, told
from multimodal.files import atomic_write
from multimodal.training.guard import NonFiniteError
from multimodal.training.rate_finder import RateFinder, draw_rates, suggest

_EXAMPLES = """\
  multimodal find_rate --config classification_digits
  multimodal find_rate --config sentiment_reviews --steps 200 --largest 0.1
"""


def run(arguments: list[str]) -> int:
    """Try learning rates, print the best one, and write the plot and the numbers.

    Args:
        arguments: What follows ``find_rate`` on the command line.

    Returns:
        The exit code: 0, or that of a run that was stopped.

    Raises:
        FileNotFoundError: If the configuration or the data are not there.
        ValueError: If an option is wrong, or the loss falls at no rate.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    options, rest = _parser().parse_known_args(arguments)
    finder = RateFinder(options.smallest, options.largest, options.steps)
    folders: list[Path] = []

    def search() -> None:
        # Epochs without end: the trial stops after its steps, and goes through small data again.
        own = ["--trainer.max_epochs", "100000", "--trainer.max_steps", str(options.steps)]
        try:
            command(["fit", *rest, *own], _trial(finder, folders))
        except NonFiniteError:  # the run broke apart, which is what the trial looks for
            if not finder.losses:
                raise

    code = told(search)
    if code == 0:
        _report(finder, folders[0])
    return code


def _report(finder: RateFinder, folder: Path) -> None:
    rates = finder.rates[: len(finder.losses)]  # a step that broke apart has no loss
    with atomic_write(folder / "rates.csv") as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["learning_rate", "loss"])
        writer.writerows(zip(rates, finder.losses, strict=True))
    found = suggest(rates, finder.losses)
    draw_rates(rates, finder.losses, found, folder / "rates.png")
    sys.stdout.write(
        f"\nThe loss falls fastest at {found.steepest:.2g}, and is lowest at {found.lowest:.2g}.\n"
        f"  take it:  --model.learning_rate {found.steepest:.2g}\n"
        f"  see it:   {folder / 'rates.png'}\n"
    )


def _trial(finder: RateFinder, folders: list[Path]) -> type[Command]:
    """Make a command that trains with the finder alone: nothing is validated or kept.

    It leaves its run's folder in `folders`.
    """

    class Trial(Command):
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
            folders.append(Path(trainer.log_dir or trainer.default_root_dir))
            return trainer

        @override
        def after_fit(self) -> None:
            """Say nothing of checkpoints: there are none."""

    return Trial


def _parser() -> Arguments:
    parser = Arguments(
        "find_rate",
        about="Raise the learning rate from step to step until the run breaks apart, and tell "
        "where the loss fell fastest. All other options are those of `multimodal fit`.",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "--steps", type=whole_number(10), default=100, help="steps of the trial (100)"
    )
    for name, default in (("smallest", 1e-6), ("largest", 1.0)):
        parser.add_argument(
            f"--{name}", type=_rate, default=default, help=f"{name} rate ({default:g})"
        )
    return parser


def _rate(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, got {text!r}") from None
