"""Windows of continuous text streams, for a language model that keeps its state between batches.

In each epoch the texts are shuffled, which depends on seed and epoch only, and concatenated, each
from ``<bos>`` to ``<eos>``. The result is cut into equally long streams, one for each row of a
batch, and the streams into windows: each row of a batch continues the same row of the previous
batch. Epoch and window number determine a batch, so a resumed run continues with the next one.

Shuffling the texts also moves the borders of the windows, so window lengths need not vary at random
(as in AWD-LSTM). Very few texts start at a random position in each epoch instead.

References:
    Merity, Keskar and Socher 2018, "Regularizing and optimizing LSTM language models", section 4.1
    (windows of random length); Mikolov et al. 2010, "Recurrent neural network based language
    model" (the state is kept).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from multimodal.data.batches import StreamBatch
from multimodal.data.buckets import BucketSampler, Request, seed_for
from multimodal.text import BOS_ID, EOS_ID, PAD_ID

_FEW_TEXTS = 20  # fewer texts than this also start at a random position in each epoch


class StreamDataset(Dataset[StreamBatch]):
    """Windows of text streams, indexed by epoch and window number.

    Args:
        texts: Token ids of each text, without ``<bos>`` and ``<eos>``.
        batch_size: Number of streams in each process.
        window: Number of tokens of each stream in a window.
        seed: Seed of the order of the texts.
        shuffle: Whether each epoch has a new order of the texts; False for evaluation.
        rank: Index of this process; each process reads other streams.
        world_size: Number of processes.

    Raises:
        ValueError: If there are no texts, or `batch_size` or `window` is less than 1.

    Example:
        >>> streams = StreamDataset([[4, 5], [6]], batch_size=1, window=3, seed=0, shuffle=False)
        >>> len(streams)
        2
        >>> first = streams[(0, 0)]
        >>> first.tokens.tolist(), first.targets.tolist()
        ([[1, 4, 5]], [[4, 5, 2]])
        >>> last = streams[(0, 1)]
        >>> last.tokens.tolist(), last.targets.tolist(), last.mask.tolist()
        ([[1, 6]], [[6, 2]], [[True, True]])
    """

    def __init__(
        self,
        texts: Sequence[Sequence[int]],
        *,
        batch_size: int,
        window: int,
        seed: int,
        shuffle: bool = True,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if not texts or batch_size < 1 or window < 1:
            raise ValueError(
                "The number of texts, `batch_size` and `window` must be at least 1, got "
                f"{len(texts)}, {batch_size} and {window}. Is the split empty?"
            )
        # Flat tensors: lists of lists would gradually be copied into the memory of every worker.
        lengths = torch.tensor([len(text) + 1 for text in texts])
        self._ends = lengths.cumsum(0)
        self._tokens = torch.tensor(
            [i for text in texts for i in (BOS_ID, *text)], dtype=torch.int32
        )
        self._targets = torch.tensor(
            [i for text in texts for i in (*text, EOS_ID)], dtype=torch.int32
        )
        self._lengths = lengths
        self.num_streams = batch_size * world_size
        self.window = window
        self.seed = seed
        self.shuffle = shuffle
        self.rank = rank
        self.world_size = world_size
        self._streams_of_epoch: tuple[int, Tensor, Tensor] | None = None

    def __len__(self) -> int:
        """Return the number of windows in an epoch."""
        return -(-self.stream_length // self.window)

    @property
    def stream_length(self) -> int:
        """Number of tokens in each stream."""
        return -(-len(self._tokens) // self.num_streams)

    @property
    def sampler(self) -> BucketSampler:
        """The windows in the order of the streams, which is never shuffled."""
        return BucketSampler(
            [self.stream_length] * len(self), batch_size=1, seed=self.seed, shuffle=False
        )

    def __getitem__(self, request: Request) -> StreamBatch:
        """Return one window."""
        return self.__getitems__([request])

    def __getitems__(self, requests: Sequence[Request]) -> StreamBatch:
        """Return the one requested window of this process's streams."""
        ((epoch, number),) = requests
        tokens, targets = self._streams(epoch)
        rows = slice(self.rank, None, self.world_size)
        columns = slice(number * self.window, (number + 1) * self.window)
        inputs = tokens[rows, columns].long()
        return StreamBatch(
            indices=torch.tensor([number]),
            tokens=inputs,
            targets=targets[rows, columns].long(),
            mask=inputs != PAD_ID,
        )

    def _streams(self, epoch: int) -> tuple[Tensor, Tensor]:
        """Return an epoch's tokens and targets ``(streams, length)``; one epoch is cached."""
        key = epoch if self.shuffle else 0
        if self._streams_of_epoch is None or self._streams_of_epoch[0] != key:
            order = self._order(key)
            shape = (self.num_streams, self.stream_length)
            missing = self.num_streams * self.stream_length - len(order)
            padded = [
                torch.cat([flat[order], flat.new_full((missing,), PAD_ID)]).view(shape)
                for flat in (self._tokens, self._targets)
            ]
            self._streams_of_epoch = (key, padded[0], padded[1])
        return self._streams_of_epoch[1], self._streams_of_epoch[2]

    def _order(self, epoch: int) -> Tensor:
        """Return the indices of all tokens in the order of an epoch."""
        if not self.shuffle:
            return torch.arange(len(self._tokens))
        generator = torch.Generator().manual_seed(seed_for(self.seed, epoch))
        texts = torch.randperm(len(self._lengths), generator=generator)
        lengths = self._lengths[texts]
        ends = lengths.cumsum(0)
        # The tokens of a text are consecutive: index = beginning of the text + steps.
        begin = self._ends[texts] - lengths
        steps = torch.arange(len(self._tokens)) - (ends - lengths).repeat_interleave(lengths)
        order = begin.repeat_interleave(lengths) + steps
        if len(texts) < _FEW_TEXTS:
            offset = torch.randint(len(order), (1,), generator=generator).item()
            order = order.roll(int(offset))
        return order
