"""A loader with a state, so that a resumed run continues with the next batch.

The state is an epoch and a position. A batch counts when it leaves the loader, not when a worker
starts on it: prefetched batches do not count. The state is part of every checkpoint, because
Lightning saves and restores every loader with ``state_dict`` and ``load_state_dict``.

The loader has a torch DataLoader instead of being one: Lightning rebuilds DataLoaders with samplers
of its own (for distributed runs and for prediction), which would change the order.

References:
    Lightning, "stateful data loaders": ``lightning.fabric.utilities.types._Stateful`` and
    ``lightning.pytorch.utilities.combined_loader.CombinedLoader._state_dicts``.
"""

import signal
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Any, Generic, Protocol, TypeVar, cast, runtime_checkable

import torch
from torch.utils.data import DataLoader, Dataset

from multimodal.data.buckets import BucketSampler, Request

Example = TypeVar("Example")
Batch = TypeVar("Batch")
Batch_co = TypeVar("Batch_co", covariant=True)


@runtime_checkable
class BatchDataset(Protocol[Batch_co]):
    """A data set that makes whole batches: it reads, augments and pads."""

    def __len__(self) -> int:
        """Return the number of examples."""

    def __getitems__(self, requests: list[Request]) -> Batch_co:
        """Make the batch of these (epoch, index) pairs."""


class ExampleDataset(Dataset[Batch], Generic[Example, Batch]):
    """Examples that become whole batches; an item is a batch of one."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = list(examples)

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, request: Request) -> Batch:
        """Return a batch of one."""
        return self.__getitems__([request])

    @abstractmethod
    def __getitems__(self, requests: Sequence[Request]) -> Batch:
        """Build the batch of these (epoch, index) pairs.

        Unreadable images are left out where these are skipped.

        Raises:
            ImageError: An image cannot be read and such are not skipped, or none of the batch can.
        """


class ResumableLoader(Generic[Batch]):
    """Batches of a data set in a sampler's order, one epoch per iteration.

    The epoch is the one that Lightning sets, or else the next one. The first iteration after
    ``load_state_dict`` starts at the saved position, if it is in the same epoch.

    Args:
        dataset: Makes a batch from a list of (epoch, index).
        sampler: The order.
        workers: Processes that make batches ahead; 0 makes them in this process.
        pin_memory: Whether to pin tensors, for faster copies to a GPU.
        prefetch: Batches that each worker makes ahead.

    Example:
        >>> class Squares:
        ...     def __len__(self) -> int:
        ...         return 4
        ...     def __getitems__(self, requests: list[tuple[int, int]]) -> list[int]:
        ...         return [index**2 for epoch, index in requests]
        >>> sampler = BucketSampler(4, batch_size=2, seed=0, shuffle=False)
        >>> loader = ResumableLoader(Squares(), sampler)
        >>> list(loader)
        [[0, 1], [4, 9]]
        >>> first = next(iter(loader))
        >>> state = loader.state_dict()
        >>> state["epoch"], state["position"]
        (1, 1)
        >>> loader.load_state_dict(state)
        >>> list(loader), list(loader)
        ([[4, 9]], [[0, 1], [4, 9]])
    """

    def __init__(
        self,
        dataset: BatchDataset[Batch],
        sampler: BucketSampler,
        *,
        workers: int = 0,
        pin_memory: bool = False,
        prefetch: int = 2,
    ) -> None:
        self.dataset = dataset
        self.batch_sampler = _EpochSetter(sampler)
        self._order = sampler
        self._position = 0
        self._resume: tuple[int, int] | None = None
        self._started = False
        self._loader = DataLoader(
            cast("Dataset[Any]", dataset),
            batch_sampler=sampler,
            collate_fn=_as_is,
            num_workers=workers,
            pin_memory=pin_memory,
            prefetch_factor=prefetch if workers else None,
            persistent_workers=workers > 0,
            worker_init_fn=_outlive_signals,
            # Its own generator: the loader would otherwise draw from the one that dropout uses.
            generator=torch.Generator().manual_seed(sampler.seed),
        )

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of the next epoch, or the rest of a loaded state's epoch."""
        # Nothing happens before the first batch is requested: Lightning calls iter() to test it,
        # and again before it sets the epoch.
        self._begin()
        for batch in self._loader:
            self._position += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Return the epoch, the number of its batches so far, and the order's fingerprint."""
        epoch, position = self._resume or (self._order.epoch, self._position)
        return {"epoch": epoch, "position": position, "order": self._order.fingerprint()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state at the next iteration.

        Raises:
            ValueError: If the state is in the middle of an epoch with another order.
        """
        epoch, position, order = state["epoch"], state["position"], state["order"]
        mine = self._order.fingerprint()
        if 0 < position < len(self) and order != mine:
            changed = ", ".join(key for key in mine if mine[key] != order.get(key))
            raise ValueError(
                f"The checkpoint was written after batch {position} of epoch {epoch}, in an order "
                f"of the data that this run does not have ({changed} changed). Resume it with the "
                "settings and the data it was started with, or start a new run from its weights."
            )
        self._resume = (epoch, position)

    @property
    def _iterator(self) -> Any:
        """The workers' iterator; Lightning uses this name to shut the workers down."""
        return self._loader._iterator

    @_iterator.setter
    def _iterator(self, iterator: Any) -> None:
        self._loader._iterator = iterator

    def _begin(self) -> None:
        epoch = self.batch_sampler.take()
        if epoch is None:
            following = self._order.epoch + 1 if self._started else 0
            epoch = following if self._resume is None else self._resume[0]
        self._position = 0
        if self._resume is not None and self._resume[0] == epoch:
            self._position = self._resume[1]
        self._order.epoch, self._order.position = epoch, self._position
        self._resume, self._started = None, True


class _EpochSetter:
    """Receives the epoch: Lightning sets it on ``loader.batch_sampler.sampler``."""

    def __init__(self, order: BucketSampler) -> None:
        self.order = order
        self.sampler = self
        self.epoch: int | None = None

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def take(self) -> int | None:
        epoch, self.epoch = self.epoch, None
        return epoch


def _as_is(batch: Batch) -> Batch:
    return batch


def _outlive_signals(worker: int) -> None:  # noqa: ARG001 (torch passes the worker's number)
    """Ignore signals in a worker, so that the main process handles them.

    Ctrl-C, a queue system or ``timeout`` signal every process of the group; a worker that dies of
    it would end the run before its checkpoint is written.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _ignore_once)


def _ignore_once(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (Python's signature)
    # Only once: the second signal comes from the main process, for a worker that hangs at its end.
    signal.signal(number, signal.SIG_DFL)
