"""Write a test report, predictions and split sizes into the folder of a run.

Rows are collected by example index, so that the rows of several processes can be merged and each
example counts once: a sampler may repeat some to give every process the same number.

References:
    https://cocodataset.org/#format-results, "Image Captioning";
    https://visualqa.org/evaluation.html, "Results format".
"""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch.distributed
from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from multimodal.files import atomic_write
from multimodal.training.connection import HasExamples, data_of

SPLIT_SIZES = "splits.json"

Row = TypeVar("Row")
_LOGGER = logging.getLogger(__name__)
_ID_KEYS = ("question_id", "image_id", "text_id")


class Report(Callback, ABC, Generic[Row]):
    """Collect the outputs of a task's ``test_step``, and write a report when the test ends.

    A subclass implements `collect` and `write`. If the report cannot be written, a warning is
    logged; the metrics are logged in any case.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[Any, Row] = {}

    @abstractmethod
    def collect(self, batch: Any, outputs: Any) -> Mapping[Any, Row]:
        """Return a row for each example of a batch; its key is the same in every process."""

    @abstractmethod
    def write(self, rows: Mapping[Any, Row], folder: Path, task: LightningModule) -> None:
        """Write the report into the run's folder, on the first process; `task` may log metrics."""

    @override
    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._rows = {}

    @override
    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *_: Any
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

    ``predict_step`` returns, for each image, an entry ``{"image_id": ..., "caption": ...}`` (COCO's
    results format) or a list of entries ``{"question_id": ..., "answer": ...}`` (VQA's); for each
    text, an entry with a ``text_id``. The file is in the order of the data set.

    Lightning's ``BasePredictionWriter`` does not fit: it takes the indices of a batch from
    Lightning's own sampler, and ours are in the batch.

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
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        self._entries.update(zip(batch.indices.tolist(), outputs, strict=True))

    @override
    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        folder = run_folder(trainer)
        collected = gather(self._entries)
        self._entries = {}
        if not trainer.is_global_zero:
            return
        entries: dict[Any, Any] = {}
        for _, output in sorted(collected.items()):
            for entry in output if isinstance(output, list) else [output]:
                entries.setdefault(next(entry[name] for name in _ID_KEYS if name in entry), entry)
        path = Path(self.path) if self.path else folder / "results.json"
        with atomic_write(path) as temporary:
            lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries.values())
            temporary.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
        _LOGGER.info("%d results: %s", len(entries), path)


class SplitSizes(Callback):
    """Write the number of examples of each split as ``splits.json``, for the model card."""

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        splits = ("train", "val") if trainer.enable_validation else ("train",)
        write_sizes(trainer, data_of(trainer), splits)

    @override
    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        write_sizes(trainer, data_of(trainer), ("test",))


def run_folder(trainer: Trainer) -> Path:
    """Return the folder of a run; every process must call it, because Lightning broadcasts it."""
    return Path(trainer.log_dir or trainer.default_root_dir)


def gather(rows: Mapping[Any, Row]) -> dict[Any, Row]:
    """Merge the rows of all processes; for equal keys the first process wins.

    Args:
        rows: The rows of this process; they must be picklable.
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return dict(rows)
    parts: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(parts, rows)
    return {key: value for part in reversed(parts) for key, value in part.items()}


def write_sizes(trainer: Trainer, data: object, splits: Sequence[str]) -> None:
    """Write the sizes of the splits, if the run has a logger and its data have examples."""
    folder = trainer.log_dir  # read by all processes, because Lightning broadcasts it
    if not trainer.is_global_zero or trainer.logger is None or not folder:
        return
    if not isinstance(data, HasExamples):
        return
    # A test may use another split, for example to keep the real one for the end of a project.
    split_names = {
        split: getattr(data, "test_split", split) if split == "test" else split for split in splits
    }
    sizes = {split: len(data.examples(name)) for split, name in split_names.items()}
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with atomic_write(Path(folder) / SPLIT_SIZES) as path:
            path.write_text(json.dumps(sizes) + "\n", encoding="utf-8")
    except OSError as error:  # a card without sizes is no reason to stop a run
        _LOGGER.warning("The model's card will lack the sizes of the splits: %s", error)
