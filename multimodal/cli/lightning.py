"""fit, validate, test, predict: LightningCLI with our defaults, links and messages.

A configuration names a task and its data by class; everything else is plain values. The data module
is built first. It adopts what an evaluated checkpoint holds (words, labels, transform), and what it
then returns as `linked` becomes the task's arguments. So a configuration of other data fits a
checkpoint, and no list of words ever passes through the parser, which copies a list once for each
of its entries. A user's own LightningModule may be named as well: ``--model mine.Module --data
mine.Data``.
"""

import argparse
import logging
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from pydoc import locate
from typing import TYPE_CHECKING, Any, Final

import yaml
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from typing_extensions import override

from multimodal.cli.configs import check_yaml, find_config
from multimodal.cli.mistakes import check_keys, explain, refusal
from multimodal.data.module import DataModule
from multimodal.hardware import choose_hardware, tune_cpu
from multimodal.saving.checkpoint import SavedModel, read_checkpoint
from multimodal.tasks import TASKS, Task
from multimodal.training.checkpoints import AtomicCheckpoints
from multimodal.training.connection import Connection
from multimodal.training.guard import NonFiniteError
from multimodal.training.signals import Interrupted, exit_code

if TYPE_CHECKING:
    from multimodal.classification.probe import ProbeResult

RUNS = Path("runs")
_LOGGER = logging.getLogger(__name__)


LINKED: Final = (
    "vocabulary",
    "answers",
    "labels",
    "excerpt",
    "level",
    "keep_lines",
    "transform",
    "target",
    "mean",
    "channels",
)
"""Arguments of tasks that come from `linked` of their data module."""

# What makes a classifier's recurrent layers the same network as a language model's.
_SHARED = ("cell", "directions", "num_layers", "embedding_dim", "hidden_dim", "last_dim")


class Command(LightningCLI):
    """LightningCLI with the links between data and model, and the defaults of this machine."""

    trainer_of_verbs: type[Trainer] = Trainer  # its methods are the verbs
    probed: "ProbeResult | None" = None  # of a classifier with `transfer` linear

    @override
    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Link the data's values into the task's arguments of the same names."""
        for name in LINKED:
            parser.link_arguments(
                "data",
                f"model.init_args.{name}",
                partial(self._linked, name),
                apply_on="instantiate",
            )

    def _linked(self, name: str, data: LightningDataModule) -> Any:
        # Not a link from an attribute of the data: where they have none, the parser's note of that
        # would print the data module, and Lightning makes all its loaders for this.
        given = self.config[self.config.subcommand].model.get("init_args", {}).get(name)
        linked = data.linked() if hasattr(data, "linked") else {}
        return linked.get(name, given)

    @override
    def before_instantiate_classes(self) -> None:
        """Tune the processor, and let data and task be built with the values of a checkpoint."""
        for change in tune_cpu():
            _LOGGER.info("%s", change)
        subcommand = self.config.subcommand
        config = self.config[subcommand]
        path, row = config.get("ckpt_path"), row_of(config.model.class_path)
        if row is None:
            return
        is_fit = subcommand == "fit"
        teacher_path = config.model.init_args.get("language_model")
        saved = teacher = None
        if path and path not in ("best", "last"):
            saved = read_checkpoint(path, task=row.name)  # refuses what must not be loaded
        if is_fit and teacher_path:
            teacher = read_checkpoint(teacher_path, task="language_model")

        self._build_from(row, saved, teacher, is_fit=is_fit)

    def _build_from(
        self, row: Task, saved: SavedModel | None, teacher: SavedModel | None, *, is_fit: bool
    ) -> None:
        """Let data and task be built with the values of checkpoints."""

        def build_data(kind: type[DataModule[Any, Any]], **arguments: Any) -> Any:
            data = kind(**arguments)
            if teacher is not None:
                data.adopt(teacher)
            if saved is not None:
                data.resume(saved) if is_fit else data.adopt(saved)
            return data

        def build_task(kind: type[LightningModule], **arguments: Any) -> Any:
            if teacher is not None:
                arguments["settings"] = _with_layers(arguments["settings"], teacher)
            elif saved is not None and not is_fit:
                arguments["settings"] = type(arguments["settings"]).for_loading(saved.settings)
            return kind(**arguments)

        self.parser.add_instantiator(build_data, DataModule, subclasses=True, prepend=True)
        self.parser.add_instantiator(build_task, row.load("module"), subclasses=True, prepend=True)

    @override
    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Give the trainer a run folder named after the configuration, unless one was chosen."""
        trainer_config = self.config[self.config.subcommand].trainer
        hardware = choose_hardware()
        chosen = (trainer_config.accelerator, trainer_config.precision)
        if chosen == (hardware.accelerator, hardware.precision):
            _LOGGER.info("%s", hardware)
        else:
            _LOGGER.info("Using %s in %s, as chosen.", *chosen)
        if trainer_config.get("logger") in (None, True):
            kwargs["logger"] = _loggers(_run_name(self.config[self.config.subcommand]))
        return super().instantiate_trainer(**kwargs)

    @override
    def _run_subcommand(self, subcommand: str) -> None:
        """Run a verb; a classifier with `transfer` linear is fitted without gradients."""
        if subcommand == "fit" and getattr(self.model, "transfer", None) == "linear":
            from multimodal.classification.probe import probe  # a slice that other tasks spare

            self.probed = probe(self.model, self.datamodule, self.trainer)
            self.after_fit()
        else:
            super()._run_subcommand(subcommand)

    def after_fit(self) -> None:
        """Print where the best weights are and the commands that use them."""
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


def row_of(class_path: str) -> Task | None:
    """Find the row of a task's class, or of the class it extends; None for others.

    Example:
        >>> row_of("multimodal.captioning.task.CaptioningTask").name
        'captioning'
        >>> row_of("lightning.pytorch.LightningModule") is None
        True
    """
    named = locate(class_path)
    bases = named.__mro__ if isinstance(named, type) else ()
    paths = {f"{base.__module__}.{base.__name__}" for base in bases}
    rows = (row for row in TASKS.values() if f"multimodal.{row.name}.task.{row.module}" in paths)
    return next(rows, None)


def _with_layers(settings: Any, teacher: SavedModel) -> Any:
    """Return a classifier's settings with the recurrent layers of a language model.

    Dropout stays as it is.
    """
    reader = teacher.settings.get("reader", {})
    shared = {name: reader[name] for name in _SHARED if name in reader}
    return replace(settings, reader=replace(settings.reader, **shared))


def run(arguments: list[str]) -> int:
    """Run one of Lightning's verbs and return the exit code.

    Raises:
        ValueError: Something is wrong in the options, the configuration or the data.
    """
    return run_with_messages(lambda: command(arguments))


def command(arguments: list[str], kind: type[Command] = Command) -> Command:
    """Build trainer, task and data of a verb, run it, and return the command that holds them."""
    _quieten()
    arguments = _without_other_options(_with_paths(arguments))
    check_keys(arguments)
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
            # Also for a user's own LightningModule; our tasks bring theirs, which replace these.
            "callbacks": [AtomicCheckpoints(), Connection()],
        },
        args=arguments,
    )


def run_with_messages(work: Callable[[], object]) -> int:
    """Run a function that calls `command`; turn errors into one message, or an exit code.

    Raises:
        ValueError: Something is wrong in the options, the configuration or the data.
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
        # `linked` reads the data. What is wrong with them is the cause; the parser puts the whole
        # data module before it.
        if str(error).startswith("Call to compute_fn of link") and error.__cause__ is not None:
            raise error.__cause__ from None
        raise ValueError(refusal(str(error))) from error
    except (SystemExit, SIGTERMException) as stop:
        if isinstance(stop, Interrupted):
            sys.stderr.write(f"multimodal: {stop}\n")
        return exit_code(stop)
    return 0


def _quieten() -> None:
    """Hide Lightning's tips and its own deprecations, on which a user cannot act."""
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


def _without_other_options(arguments: list[str]) -> list[str]:
    """Empty the configuration's ``data.options`` where an option names another format.

    The options belong to the reader of the configuration's own format.
    """
    formats, last = [""], 0
    for position, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        value = value if equals else (arguments[position + 1 : position + 2] or [""])[0]
        if option in ("--config", "-c"):
            content = yaml.safe_load(Path(value).read_text(encoding="utf-8"))
            init = ((content.get("data") or {}).get("init_args") or {}).get("format")
            formats, last = [str(init or "")], position + (1 if equals else 2)
        elif option in ("--data.format", "--data.init_args.format"):
            formats.append(value)
    if not last or formats[-1] == formats[0]:
        return arguments
    return [*arguments[:last], "--data.options={}", *arguments[last:]]


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
