"""Keep how many examples each split of a run had: a model's card tells it."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from multimodal.files import atomic_write

SPLIT_SIZES = "splits.json"

_LOGGER = logging.getLogger(__name__)


class SplitSizes(Callback):
    """Write ``splits.json`` into the run's folder, if the run logs and its data have examples."""

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count what is trained and validated on."""
        _write(trainer, ("train", "val") if trainer.enable_validation else ("train",))

    @override
    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count what is tested on."""
        _write(trainer, ("test",))


def _write(trainer: Trainer, splits: Sequence[str]) -> None:
    data: Any = getattr(trainer, "datamodule", None)
    folder = trainer.log_dir  # all processes must ask
    if not trainer.is_global_zero or trainer.logger is None or not folder:
        return
    if not hasattr(data, "examples"):
        return
    # A test may be of another split, as where the real one is kept for the last day.
    names = {
        split: getattr(data, "test_split", split) if split == "test" else split for split in splits
    }
    sizes = {split: len(data.examples(name)) for split, name in names.items()}
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with atomic_write(Path(folder) / SPLIT_SIZES) as path:
            path.write_text(json.dumps(sizes) + "\n", encoding="utf-8")
    except OSError as error:  # a card without sizes is no reason to stop a run
        _LOGGER.warning("The card will not know the sizes of the splits: %s", error)
