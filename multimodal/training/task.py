"""The base of every task: optimiser, logging, checkpoints of plain data, callbacks.

A task gives its loss (`model_step`), its evaluation (`evaluate`) and its plain data (`saved`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Protocol, runtime_checkable

from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from typing_extensions import override

from multimodal.nn.encoders import EncoderSettings
from multimodal.saving.checkpoint import CHECKPOINT_KEY, attach
from multimodal.training.callbacks import trusted_callbacks
from multimodal.training.optimisers.adamw import Rates, adamw
from multimodal.training.optimisers.muon import muon

_FREE: dict[str, Any] = {"weights": "", "trainable_stages": 0}  # settings a resumed run may change
_ROWS = ("vocabulary", "answers", "labels")  # lists that number rows of a network


@runtime_checkable
class Scores(Protocol):
    """A metric with several values."""

    def compute(self) -> Mapping[str, float]:
        """Return the values by name."""

    def reset(self) -> None:
        """Clear the collected values."""


@runtime_checkable
class Settings(Protocol):
    """The settings of a network."""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types only."""


class Task(LightningModule, ABC):
    """Train, evaluate and save a network.

    A subclass sets `name`, `model` and `scores` and gives `model_step`, `evaluate` and `saved`.

    Args:
        settings: The network's settings.
        rates: Learning rates of the default optimiser.
        optimizer: Another optimiser in its place.
        muon: Whether the default optimiser is Muon instead of AdamW.

    Attributes:
        name: The task's name in checkpoints.
        headline: Metrics shown in the progress bar.
        model: The network.
        scores: Metrics of the stages ``val`` and ``test``.
    """

    name: ClassVar[str]
    headline: ClassVar[tuple[str, ...]] = ("accuracy", "mean_error")
    model: nn.Module
    scores: nn.ModuleDict

    def __init__(
        self,
        settings: Settings,
        rates: Rates,
        optimizer: OptimizerCallable | None,
        *,
        muon: bool = False,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.rates = rates
        self.optimizer = optimizer
        self.muon = muon
        self._training_examples: Callable[[], Sequence[Any]] = list
        self._training_batches: Callable[[], Iterable[Any]] = list

    @abstractmethod
    def model_step(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Compute the loss of a batch, and what logging or evaluation needs beside it."""

    @abstractmethod
    def evaluate(self, batch: Any, stage: str) -> Any:
        """Log the loss of a batch, update `scores`, and return the predictions for the report."""

    @abstractmethod
    def saved(self) -> dict[str, Any]:
        """Return what inference needs beside the weights, as plain data.

        Returns:
            ``settings`` and, where the task has them, ``vocabulary``, ``transform`` and ``extra``,
            as `multimodal.saving.checkpoint.attach` takes them.
        """

    def output_layers(self) -> Sequence[nn.Module]:
        """Return the layers that compute the output, which Muon leaves to AdamW."""
        return []

    def own_callbacks(self) -> list[Callback]:
        """Return the callbacks of this task beside the trusted ones, such as its report."""
        return []

    def use_training_data(
        self, examples: Callable[[], Sequence[Any]], batches: Callable[[], Iterable[Any]]
    ) -> None:
        """Take functions that read the training data; see `multimodal.training.connection`."""
        self._training_examples = examples
        self._training_batches = batches

    def training_examples(self) -> Sequence[Any]:
        """Return the training examples; none if no data module lists them."""
        return self._training_examples()

    def training_batches(self) -> Iterable[Any]:
        """Return the training batches, in the same way."""
        return self._training_batches()

    @override
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss, _ = self.model_step(batch)
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.indices))
        return loss

    @override
    def validation_step(self, batch: Any, batch_idx: int) -> Any:
        return self.evaluate(batch, "val")

    @override
    def test_step(self, batch: Any, batch_idx: int) -> Any:
        return self.evaluate(batch, "test")

    @override
    def on_validation_epoch_end(self) -> None:
        self.log_scores("val")

    @override
    def on_test_epoch_end(self) -> None:
        self.log_scores("test")

    def log_scores(self, stage: str) -> None:
        """Log the metrics of a stage and reset them."""
        scores = self.scores[stage]
        assert isinstance(scores, Scores)
        for name, value in scores.compute().items():
            self.log(f"{stage}/{name}", value, prog_bar=name in self.headline)
        scores.reset()

    @override
    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build the default optimiser with warm-up and cosine, or the one that was named."""
        if self.optimizer is not None:
            return self.optimizer(self.parameters())
        return self.default_optimizer(self.trainer.estimated_stepping_batches)

    def default_optimizer(self, steps: int | float) -> OptimizerLRScheduler:
        """Build AdamW or Muon for a run of so many steps, infinite where it has no end."""
        encoder = dict(self.model.named_children()).get("encoder")
        if self.muon:
            assert encoder is not None
            return muon(self.model, encoder, self.output_layers(), self.rates, steps)
        return adamw(self.model, encoder, self.rates, steps)

    @override
    def configure_callbacks(self) -> list[Callback]:
        return [*trusted_callbacks(), *self.own_callbacks()]

    @override
    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another network, or with other words, answers or labels."""
        refuse_other_network(checkpoint.get(CHECKPOINT_KEY, {}), self.saved())

    @override
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        attach(checkpoint, task=self.name, **self.saved())


def refuse_other_network(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Raise ValueError if a checkpoint has other settings, words, answers, labels or target.

    Args:
        theirs: The plain data of the checkpoint; see `Task.saved`.
        ours: That of this run.
    """
    settings = _without_start(theirs.get("settings") or {})
    changed = [
        name
        for name, value in _without_start(ours["settings"]).items()
        if value != settings.get(name)
    ]
    if changed:
        raise ValueError(
            f"The checkpoint's network differs from this run's in {', '.join(changed)}. Resume "
            "with the configuration it was trained with (config.yaml in its run's folder)."
        )
    theirs, ours = ({**part, **part.get("extra", {})} for part in (theirs, ours))
    for name in _ROWS:
        known, own = theirs.get(name) or [], ours.get(name) or []
        if known != own:
            raise ValueError(
                f"The checkpoint's {name} has {len(known)} entries, this run's {len(own)}, and "
                "they are not the same. Resume on the data it was trained on, or start a new run "
                "from its weights with --model.warm_start."
            )
    if "target" in ours and theirs.get("target", ours["target"]) != ours["target"]:
        raise ValueError(
            f"The checkpoint was trained with target {theirs['target']!r}, this run has target "
            f"{ours['target']!r}. Set `data.target` (and `model.is_count`) as in the configuration "
            "it was trained with."
        )


def _without_start(settings: Mapping[str, Any]) -> dict[str, Any]:
    if "encoder" not in settings:
        return dict(settings)
    # A setting that an older checkpoint does not know is the default, as when it is rebuilt.
    encoder = {**asdict(EncoderSettings()), **settings["encoder"], **_FREE}
    return {**settings, "encoder": encoder}
