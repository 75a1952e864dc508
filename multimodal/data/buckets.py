"""The order of the training examples: a function of the seed and the epoch alone.

A run that is resumed in the middle of an epoch needs two numbers, the epoch and the position, and
no state of a random generator. For the same reason a batch is a list of (epoch, index) pairs: the
data set draws an example's augmentation from ``seed_for(seed, epoch, index)``, and makes the same
picture in any worker at any time.

To save padding, sentences of similar length share a batch: examples are shuffled, cut into pools of
many batches, sorted by length within a pool, cut into batches, and the batches shuffled.

References:
    Khomenko et al. 2016, "Accelerating recurrent neural network training using sequence bucketing
    and multi-GPU data parallelization", section 3.
"""

import zlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import Sampler

from multimodal.worlds.draws import MASK, absorb

Request = tuple[int, int]
"""An epoch and an index in the data set: all that a random augmentation may depend on."""


def seed_for(*parts: int) -> int:
    """Mix whole numbers into one seed: equal parts give the same one, others an unrelated one.

    Args:
        *parts: Any whole numbers, in an order that matters: seed, epoch, index.

    Returns:
        A number from 0 to 2**63 - 1, fit for torch's, numpy's and Python's generators.

    Example:
        >>> seed_for(1, 2) == seed_for(1, 2), seed_for(1, 2) == seed_for(2, 1)
        (True, False)
        >>> generator = torch.Generator().manual_seed(seed_for(7, 0, 3))  # seed, epoch, index
    """
    state = len(parts)
    for part in parts:
        state = absorb(state, part & MASK)
    return state >> 1


def draw_some(number: int, most: int, seed: int, request: Request) -> list[int]:
    """Draw indices of an image's captions or questions, anew in each epoch.

    Args:
        number: Number of the captions or questions.
        most: Largest number of draws; 0 takes all, in order.
        seed: Seed of the draw.
        request: The epoch, and the index of the image.
    """
    if not 0 < most < number:
        return list(range(number))
    generator = torch.Generator().manual_seed(seed_for(seed, *request, 1))
    order: list[int] = torch.randperm(number, generator=generator).tolist()
    return order[:most]


class BucketSampler(Sampler[list[Request]]):
    """Batches of one epoch as lists of (epoch, index), in an order that is f(seed, epoch).

    The processes of a distributed run get equally many batches, and together the batches of one
    process with ``world_size`` times the batch size. Where the last batch cannot be shared evenly,
    examples from the epoch's beginning are repeated: metrics must drop duplicates.

    Args:
        lengths: Length of each example, for batches of similar ones; or the number of examples,
            for a plain shuffle.
        batch_size: Examples in a batch, in each process.
        seed: Seed of the order.
        shuffle: False keeps the data set's order in every epoch, for evaluation; with lengths,
            examples are still sorted within each pool.
        drop_last: Leave out the examples that do not fill a batch.
        pool: Number of batches that are sorted by length together.
        rank: Index of this process.
        world_size: Number of processes.

    Raises:
        ValueError: If there are no examples, or a number is out of its range.

    Example:
        >>> list(BucketSampler(5, batch_size=2, seed=0, shuffle=False))
        [[(0, 0), (0, 1)], [(0, 2), (0, 3)], [(0, 4)]]
        >>> shuffled = BucketSampler(5, batch_size=2, seed=0)
        >>> sorted(request for batch in shuffled.batches(epoch=3) for request in batch)
        [(3, 0), (3, 1), (3, 2), (3, 3), (3, 4)]
    """

    def __init__(
        self,
        lengths: Sequence[int] | Tensor | int,
        *,
        batch_size: int,
        seed: int,
        shuffle: bool = True,
        drop_last: bool = False,
        pool: int = 100,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        size = lengths if isinstance(lengths, int) else len(lengths)
        if size < 1 or batch_size < 1 or pool < 1:
            raise ValueError(
                f"The number of examples, `batch_size` and `pool` must be at least 1, got {size}, "
                f"{batch_size} and {pool}. Is the split empty?"
            )
        if not 0 <= rank < world_size:
            raise ValueError(
                f"`rank` must be from 0 to `world_size` - 1, got {rank} of {world_size}."
            )
        if drop_last and size < batch_size * world_size:
            raise ValueError(
                f"{size} examples do not fill one batch of {batch_size} x {world_size} processes, "
                "and `drop_last` drops them all. Lower `batch_size`."
            )
        self.size = size
        self.batch_size = batch_size
        self.seed = seed
        self.lengths = None if isinstance(lengths, int) else torch.as_tensor(lengths)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.pool = pool
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self.position = 0

    def __len__(self) -> int:
        together = self.batch_size * self.world_size
        return self.size // together if self.drop_last else -(-self.size // together)

    def __iter__(self) -> Iterator[list[Request]]:
        """Yield this process's batches of ``epoch`` from ``position`` on."""
        return self.batches(self.epoch, start=self.position)

    def batches(self, epoch: int, *, start: int = 0) -> Iterator[list[Request]]:
        """Yield the batches of an epoch from number `start` on, whichever epoch is set."""
        together = self.batch_size * self.world_size
        generator = torch.Generator().manual_seed(seed_for(self.seed, epoch))
        order = torch.arange(self.size)
        if self.shuffle:
            order = torch.randperm(self.size, generator=generator)
        order = self._sort_pools(order, together)
        batches = torch.split(order, together)[: len(self)]
        turns = torch.arange(len(batches))
        if self.shuffle:
            turns = torch.randperm(len(batches), generator=generator)
        for turn in turns[start:].tolist():
            yield [(epoch, index) for index in self._share(batches[turn], order)]

    def fingerprint(self) -> dict[str, int | bool]:
        """Return everything that the order depends on, as plain data."""
        lengths = b"" if self.lengths is None else self.lengths.numpy().tobytes()
        return {
            "size": self.size,
            "batch_size": self.batch_size * self.world_size,
            "seed": self.seed,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
            "pool": self.pool,
            "lengths": zlib.crc32(lengths),
        }

    def _sort_pools(self, order: Tensor, together: int) -> Tensor:
        """Sort by length within pools; equal lengths keep their order."""
        if self.lengths is None:
            return order
        pools = torch.arange(self.size) // (self.pool * together)
        lengths = self.lengths[order]
        by_length = lengths.argsort(stable=True)
        return order[by_length[pools[by_length].argsort(stable=True)]]

    def _share(self, batch: Tensor, order: Tensor) -> list[int]:
        """Return this process's part of a batch, repeating examples until all parts are equal."""
        missing = -len(batch) % self.world_size
        filled = torch.cat([batch, order.repeat(missing)[:missing]])
        shared: list[int] = filled[self.rank :: self.world_size].tolist()
        return shared
