"""Write what `predict` found as one file: in COCO's results format, in VQA's, or like them.

References:
    https://cocodataset.org/#format-results, "Image Captioning";
    https://visualqa.org/evaluation.html, "Results format".
"""

import json
import logging
from pathlib import Path
from typing import Any

import torch.distributed
from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from multimodal.files import atomic_write

_LOGGER = logging.getLogger(__name__)
_IDS = ("question_id", "image_id", "text_id")


class ResultsFile(Callback):
    """Gather what ``predict_step`` said of every image, and write it at the end.

    It returns for each image of the batch an entry ``{"image_id": ..., "caption": ...}``, or a list
    of entries ``{"question_id": ..., "answer": ...}``; for each text one with a ``text_id``.

    The file is in the order of the data set, however many processes shared the work, and has an
    image once: a sampler may repeat some so that every process gets as many.

    It is no ``BasePredictionWriter``, because those ask Lightning's own sampler which examples a
    batch holds, and ours says so in the batch.

    Args:
        path: The file to write; empty for ``results.json`` in the run's folder.
    """

    def __init__(self, path: str = "") -> None:
        super().__init__()
        self.path = path
        self._found: dict[int, Any] = {}

    @override
    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with nothing."""
        self._found = {}

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
        """Keep the entries that ``predict_step`` returned, by the examples' positions."""
        self._found.update(zip(batch.indices.tolist(), outputs, strict=True))

    @override
    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file, on the first process."""
        folder = Path(trainer.log_dir or trainer.default_root_dir)  # all processes must ask
        found = gather(self._found)
        self._found = {}
        if not trainer.is_global_zero:
            return
        entries: dict[Any, Any] = {}
        for _, said in sorted(found.items()):
            for entry in said if isinstance(said, list) else [said]:
                entries.setdefault(next(entry[name] for name in _IDS if name in entry), entry)
        path = Path(self.path) if self.path else folder / "results.json"
        with atomic_write(path) as temporary:
            lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries.values())
            temporary.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
        _LOGGER.info("%d results: %s", len(entries), path)


def gather(found: dict[Any, Any]) -> dict[Any, Any]:
    """Unite the dictionaries of all processes; of equal keys the first process's value stays.

    Args:
        found: This process's own, with values that can be pickled.

    Returns:
        The same on every process.

    Example:
        >>> gather({3: "a dog"})
        {3: 'a dog'}
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return dict(found)
    parts: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(parts, found)
    return {key: value for part in reversed(parts) for key, value in part.items()}
