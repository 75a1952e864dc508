"""The base of all metrics: one entry per image or example, gathered over all processes.

Corpus metrics such as CIDEr-D are no averages of batches: they need every caption at the end.
torchmetrics gathers tensors, these metrics keep words: an ordinary dictionary from id to entry,
outside torchmetrics' state, which `kept` gathers with `torch.distributed.all_gather_object`. A
distributed sampler repeats some images so that every process has as many; an image counts once.
"""

from collections.abc import Sequence
from typing import Any

import torch.distributed
from torchmetrics import Metric


class PerImageMetric(Metric):
    """A metric over one entry per image: `update` calls `keep`, `compute` calls `kept`.

    Example:
        >>> class Longest(PerImageMetric):
        ...     def update(self, image_ids, captions):
        ...         self.keep(image_ids, captions)
        ...     def compute(self):
        ...         return max(len(caption) for caption in self.kept()[0])
        >>> longest = Longest()
        >>> longest.update([7, 8], [["a", "dog"], ["a", "red", "cat"]])
        >>> longest.compute()
        3
    """

    full_state_update = False

    def __init__(self) -> None:
        super().__init__(sync_on_compute=False)  # `kept` gathers
        self._entries: dict[int | str, tuple[Any, ...]] = {}

    def keep(self, image_ids: Sequence[int | str], *columns: Sequence[Any]) -> None:
        """Keep a row of the columns for each image; the first row of an image stays.

        Raises:
            ValueError: If a column is not as long as `image_ids`.
        """
        lengths = [len(column) for column in columns]
        if any(length != len(image_ids) for length in lengths):
            raise ValueError(
                f"Every image id needs one entry in each column, got {len(image_ids)} ids and "
                f"columns of {', '.join(map(str, lengths))}."
            )
        for image_id, *row in zip(image_ids, *columns, strict=True):
            self._entries.setdefault(image_id, tuple(row))

    def kept(self) -> tuple[list[Any], ...]:
        """Gather the columns over all processes, in the order of the image ids.

        Raises:
            ValueError: If no process has an entry.
        """
        entries = self._entries
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            parts: list[Any] = [None] * torch.distributed.get_world_size()
            torch.distributed.all_gather_object(parts, entries)
            entries = {image_id: row for part in reversed(parts) for image_id, row in part.items()}
        if not entries:
            raise ValueError(
                f"{type(self).__name__} has nothing to score: call `update` before `compute`."
            )
        rows = [entries[image_id] for image_id in sorted(entries, key=_order)]
        return tuple(list(column) for column in zip(*rows, strict=True))

    def forward(self, *args: Any, **kwargs: Any) -> None:
        """Update only: a batch alone has no corpus score."""
        self.update(*args, **kwargs)

    def reset(self) -> None:
        """Remove all entries."""
        super().reset()
        self._entries = {}


def _order(image_id: int | str) -> tuple[bool, int, str]:
    is_text = isinstance(image_id, str)
    return (is_text, 0, str(image_id)) if is_text else (is_text, int(image_id), "")
