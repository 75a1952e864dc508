"""fit, validate, test, predict: LightningCLI with our defaults, links and sentences.

A configuration names a task and its data by class; everything else is plain values. What evaluates
a checkpoint takes network and vocabulary from it, so that a configuration of other data fits it.
A LightningModule of one's own may be named as well: `--model mine.Module --data mine.Data`.
"""

import argparse
import logging
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from typing_extensions import override

from multimodal.classification.probe import ProbeResult, probe
from multimodal.classification.task import ClassificationTask
from multimodal.cli.configs import check_yaml, find_config
from multimodal.cli.mistakes import explain, refusal
from multimodal.cli.tasks import adopt_language_model, row_of, take_lists
from multimodal.hardware import choose_hardware, tune_cpu
from multimodal.saving.checkpoint import read_checkpoint
from multimodal.training.checkpoints import AtomicCheckpoints
from multimodal.training.guard import NonFiniteError
from multimodal.training.signals import Interrupted, exit_code

RUNS = Path("runs")
_LOGGER = logging.getLogger(__name__)


class Command(LightningCLI):
    """LightningCLI with the links between data and model, and the defaults of this machine."""

    trainer_of_verbs: type[Trainer] = Trainer  # its methods are the verbs
    probed: ProbeResult | None = None  # of a classifier with `transfer` linear

    @override
    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Link what the data know into the task's arguments of that meaning, where it has them."""
        linked = (
            ("vocabulary", "vocabulary"),
            ("answers", "answers"),
            ("labels", "labels"),
            ("excerpt", "excerpt"),
            ("level", "level"),
            ("keep_lines", "keep_lines"),
            ("eval_transform", "transform"),
            ("target", "target"),
            ("mean", "mean"),
            ("channels", "channels"),
        )
        for source, target in linked:
            parser.link_arguments(
                "data",
                f"model.init_args.{target}",
                self._known_to_data(source, target),
                apply_on="instantiate",
            )

    def _known_to_data(self, source: str, target: str) -> Callable[[LightningDataModule], Any]:
        # Not a link from `data.vocabulary`: where data have none, the parser's note of that would
        # print the data module, and Lightning makes all its loaders for this.
        def value(data: LightningDataModule) -> Any:
            for name, values in self.lists.items():
                setattr(data, name, values)
            given = self.config[self.config.subcommand].model.get("init_args", {}).get(target)
            return getattr(data, source, given)

        return value

    @override
    def before_instantiate_classes(self) -> None:
        """Tune the processor, and take from a checkpoint that is evaluated what shaped it."""
        for change in tune_cpu():
            _LOGGER.info("%s", change)
        subcommand = self.config.subcommand
        config = self.config[subcommand]
        path, row = config.get("ckpt_path"), row_of(config.model.class_path)
        if row is not None and path and path not in ("best", "last"):
            saved = read_checkpoint(path, task=row.name)  # refuses what must not be loaded
            if subcommand != "fit":
                row.adopt(config, saved)
        teacher = config.model.get("init_args", {}).get("language_model")
        if subcommand == "fit" and teacher:
            adopt_language_model(config, read_checkpoint(teacher, task="language_model"))
        self.lists = take_lists(config)

    @override
    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Give the trainer a run folder named after the configuration, unless one was chosen."""
        trainer_config = self.config[self.config.subcommand].trainer
        hardware = choose_hardware()
        asked = (trainer_config.accelerator, trainer_config.precision)
        if asked == (hardware.accelerator, hardware.precision):
            _LOGGER.info("%s", hardware)
        else:
            _LOGGER.info("Using %s in %s, as asked.", *asked)
        if trainer_config.get("logger") in (None, True):
            kwargs["logger"] = _loggers(_run_name(self.config[self.config.subcommand]))
        return super().instantiate_trainer(**kwargs)

    @override
    def _run_subcommand(self, subcommand: str) -> None:
        """Run a verb; a classifier with `transfer` linear is fitted without gradients."""
        task = self.model
        if (
            subcommand == "fit"
            and isinstance(task, ClassificationTask)
            and task.transfer == "linear"
        ):
            self.probed = probe(task, self.datamodule, self.trainer)
            self.after_fit()
        else:
            super()._run_subcommand(subcommand)

    def after_fit(self) -> None:
        """Say where the best weights are and what to do with them."""
        keeper = self.trainer.checkpoint_callback
        if not isinstance(keeper, ModelCheckpoint) or keeper.best_model_score is None:
            return
        if not self.trainer.is_global_zero:
            return
        best, monitor, score = keeper.best_model_path, keeper.monitor, keeper.best_model_score
        name, row = _run_name(self.config.fit), row_of(self.config.fit.model.class_path)
        sys.stdout.write(
            f"\nBest {monitor}: {float(score):.3f} in {best}\n"
            f"  measure it:     multimodal test --config {name} --ckpt_path {best}\n"
            + (f"  {row.usage.format(path=best)}\n" if row else "")
        )

    @override
    def _parse_ckpt_path(self) -> None:
        """Lightning merges a checkpoint's hyper-parameters, import paths included; we never do."""
        return


def run(arguments: list[str]) -> int:
    """Run one of Lightning's verbs.

    Args:
        arguments: The verb and its options.

    Returns:
        The exit code.

    Raises:
        ValueError: With a sentence, for anything wrong in the options or the configuration.
    """
    return told(lambda: command(arguments))


def command(arguments: list[str], kind: type[Command] = Command) -> Command:
    """Build everything that a verb needs, and run it.

    Args:
        arguments: The verb and its options.
        kind: What runs it.

    Returns:
        The command, with the trainer, the task and the data that it made.
    """
    _quieten()
    hardware = choose_hardware()
    return kind(
        LightningModule,
        LightningDataModule,
        trainer_class=kind.trainer_of_verbs,
        subclass_mode_model=True,
        subclass_mode_data=True,
        auto_configure_optimizers=False,
        seed_everything_default=0,
        save_config_kwargs={"overwrite": True},
        parser_kwargs={"exit_on_error": False},
        trainer_defaults={
            "accelerator": hardware.accelerator,
            "devices": hardware.devices,
            "precision": hardware.precision,
            "use_distributed_sampler": False,  # our sampler knows rank and world size
            "callbacks": AtomicCheckpoints(),  # also for a LightningModule of one's own
        },
        args=_with_paths(arguments),
    )


def told(work: Callable[[], object]) -> int:
    """Do some work of `command`'s, and turn what goes wrong into a sentence or an exit code.

    Args:
        work: What to do.

    Returns:
        The exit code.

    Raises:
        ValueError: With a sentence, for anything wrong in the options or the configuration.
    """
    try:
        work()
    except (argparse.ArgumentError, TypeError) as error:
        if isinstance(error, TypeError) and "Parser key" not in str(error):
            raise  # not about an option: a mistake in code, which needs its traceback
        raise ValueError(explain(str(error))) from error
    except MisconfigurationException as error:
        raise ValueError(str(error)) from error
    except NonFiniteError as error:
        raise ValueError(str(error)) from error
    except ValueError as error:
        # The vocabulary is linked from the data to the model, and the parser puts the whole data
        # module before what is wrong with it.
        if str(error).startswith("Call to compute_fn of link") and error.__cause__ is not None:
            raise error.__cause__ from None
        raise ValueError(refusal(str(error))) from error
    except (SystemExit, SIGTERMException) as stop:
        if isinstance(stop, Interrupted):
            sys.stderr.write(f"multimodal: {stop}\n")
        return exit_code(stop)
    return 0


def _quieten() -> None:
    """Keep what a user can act on, and leave out Lightning's tips and its own deprecations."""
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.WARNING)
    for noise in (
        ".*treespec.*",
        ".*args parameter is intended to run from within Python.*",
        ".*smaller than the logging interval.*",
        ".*does not have many workers.*",
        ".*module.s. in eval mode at the start of training.*",
        ".*loading a checkpoint outside the 'fit' stage.*",
        ".*The dirpath has changed from.*",
        ".*Checkpoint directory .* exists and is not empty.*",
    ):
        warnings.filterwarnings("ignore", noise)


def _with_paths(arguments: list[str]) -> list[str]:
    """Turn the bare names after ``--config`` into paths of files that can be read."""
    resolved = list(arguments)
    for position, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if option not in ("--config", "-c"):
            continue
        if equals:
            resolved[position] = f"{option}={_readable(value)}"
        elif position + 1 < len(arguments):
            resolved[position + 1] = str(_readable(arguments[position + 1]))
    return resolved


def _readable(name: str) -> Path:
    path = find_config(name)
    check_yaml(path)
    return path


def _run_name(config: Any) -> str:
    """The name of the first configuration file, or of the task."""
    files = config.get("config") or []
    return Path(str(files[0])).stem if files else "run"


def _loggers(name: str) -> list[Logger]:
    """Log to a CSV file, and to TensorBoard where it is installed, in one folder a run."""
    table = CSVLogger(save_dir=RUNS, name=name)
    loggers: list[Logger] = [table]
    if find_spec("tensorboard"):
        loggers.append(TensorBoardLogger(save_dir=RUNS, name=name, version=table.version))
    return loggers
