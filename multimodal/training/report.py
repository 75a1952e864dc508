"""Write files about a run into its folder: a report of a test, predictions, sizes of the splits.

Whatever is collected from batches is keyed by the examples' positions, so that the processes that
shared the work can be united and an example counts once: a sampler may repeat some so that every
process gets as many.

References:
    https://cocodataset.org/#format-results, "Image Captioning";
    https://visualqa.org/evaluation.html, "Results format".
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch.distributed
from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from multimodal.files import atomic_write

SPLIT_SIZES = "splits.json"

Row = TypeVar("Row")
_LOGGER = logging.getLogger(__name__)
_IDS = ("question_id", "image_id", "text_id")


class Report(Callback, Generic[Row]):
    """Collect what a task's ``test_step`` returns, and write a report when the test ends.

    A task's report says how to `collect` a batch and what to `write`. A report that cannot be
    written is a warning: the metrics are logged all the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[Any, Row] = {}

    def collect(self, batch: Any, outputs: Any) -> Mapping[Any, Row]:
        """Return what the report keeps of a batch.

        Args:
            batch: From the data module.
            outputs: What ``test_step`` returned for it.

        Returns:
            A row for each example, by a key that is the same in every process.
        """
        raise NotImplementedError

    def write(self, rows: Mapping[Any, Row], folder: Path, task: LightningModule) -> None:
        """Write the report; called on the first process only.

        Args:
            rows: What was collected, by key.
            folder: The run's folder.
            task: The task, for metrics to log.
        """
        raise NotImplementedError

    @override
    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._rows = {}

    @override
    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._rows.update(self.collect(batch, outputs))

    @override
    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        folder = run_folder(trainer)
        rows = gather(self._rows)
        self._rows = {}
        if not trainer.is_global_zero or not rows:
            return
        try:
            self.write(rows, folder, pl_module)
        except (OSError, ValueError) as error:
            _LOGGER.warning("The report in %s is not complete: %s", folder, error)


class ResultsFile(Callback):
    """Write the predictions of ``multimodal predict`` as one JSON file.

    ``predict_step`` returns for each image an entry ``{"image_id": ..., "caption": ...}`` (COCO's
    results format) or a list of entries ``{"question_id": ..., "answer": ...}`` (VQA's); for each
    text one with a ``text_id``. The file is in the order of the data set, however many processes
    shared the work.

    It is no ``BasePredictionWriter``, because those ask Lightning's own sampler which examples a
    batch has, and ours says so in the batch.

    Args:
        path: The file to write; empty for ``results.json`` in the run's folder.
    """

    def __init__(self, path: str = "") -> None:
        super().__init__()
        self.path = path
        self._entries: dict[int, Any] = {}

    @override
    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._entries = {}

    @override
    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._entries.update(zip(batch.indices.tolist(), outputs, strict=True))

    @override
    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file, on the first process."""
        folder = run_folder(trainer)
        collected = gather(self._entries)
        self._entries = {}
        if not trainer.is_global_zero:
            return
        entries: dict[Any, Any] = {}
        for _, found in sorted(collected.items()):
            for entry in found if isinstance(found, list) else [found]:
                entries.setdefault(next(entry[name] for name in _IDS if name in entry), entry)
        path = Path(self.path) if self.path else folder / "results.json"
        with atomic_write(path) as temporary:
            lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries.values())
            temporary.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
        _LOGGER.info("%d results: %s", len(entries), path)


class SplitSizes(Callback):
    """Write the number of examples of each split as ``splits.json``, for the model's card.

    Only runs that log and whose data have examples write it.
    """

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count the training and validation examples."""
        write_sizes(trainer, ("train", "val") if trainer.enable_validation else ("train",))

    @override
    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        write_sizes(trainer, ("test",))


def run_folder(trainer: Trainer) -> Path:
    """Return the folder of a run; every process must call it, because they agree on it."""
    return Path(trainer.log_dir or trainer.default_root_dir)


def gather(rows: Mapping[Any, Row]) -> dict[Any, Row]:
    """Unite the dictionaries of all processes; of equal keys the first process's value stays.

    Args:
        rows: This process's own, with values that can be pickled.

    Returns:
        The same on every process.

    Example:
        >>> gather({3: "a dog"})
        {3: 'a dog'}
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return dict(rows)
    parts: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(parts, rows)
    return {key: value for part in reversed(parts) for key, value in part.items()}


def write_sizes(trainer: Trainer, splits: Sequence[str]) -> None:
    """Write the sizes of splits, if the run logs and its data have examples.

    Args:
        trainer: Has the data module and the run's folder.
        splits: ``train``, ``val`` or ``test``.
    """
    data: Any = getattr(trainer, "datamodule", None)
    folder = trainer.log_dir  # all processes must ask
    if not trainer.is_global_zero or trainer.logger is None or not folder:
        return
    if not hasattr(data, "examples"):
        return
    # A test may be of another split, such as when the real one is kept for the end of a project.
    names = {
        split: getattr(data, "test_split", split) if split == "test" else split for split in splits
    }
    sizes = {split: len(data.examples(name)) for split, name in names.items()}
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with atomic_write(Path(folder) / SPLIT_SIZES) as path:
            path.write_text(json.dumps(sizes) + "\n", encoding="utf-8")
    except OSError as error:  # a card without sizes is no reason to stop a run
        _LOGGER.warning("The model's card will lack the sizes of the splits: %s", error)
