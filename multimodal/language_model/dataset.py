"""Texts as endless streams in windows, for a language model that carries its state over.

All texts of an epoch, in an order that is f(seed, epoch), are written one after the other, each
begun by ``<bos>`` and ended by ``<eos>``. The whole is cut into as many equally long streams as a
batch has rows, and the streams into windows: each row of a batch goes on where the same row of the
batch before ended. Window number and epoch alone say what a batch holds, so that a resumed run goes
on with the very next one.

As the order of the texts changes, so do the places where windows begin: a window length that is
drawn anew each time (as in AWD-LSTM) is not needed. A single long text is begun at another place in
each epoch instead.

References:
    Merity, Keskar and Socher 2018, "Regularizing and optimizing LSTM language models", section 4.1
    (windows of varying length); Mikolov et al. 2010, "Recurrent neural network based language
    model" (the state is carried over).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from multimodal.data.batches import StreamBatch
from multimodal.data.buckets import BucketSampler, Request, seed_for
from multimodal.text import BOS_ID, EOS_ID, PAD_ID

_FEW = 20  # fewer texts than this also begin at another position in each epoch


class StreamDataset(Dataset[StreamBatch]):
    """Windows of streams, by (epoch, number of the window).

    Args:
        texts: Token ids of each text, without frame.
        batch_size: Streams in a batch, in each process.
        window: Tokens of each stream in a window.
        seed: Seed of the order.
        shuffle: False keeps the order of the texts in every epoch, for evaluation.
        rank: Number of this process; each has streams of its own.
        world_size: Number of processes.

    Raises:
        ValueError: If there are no texts, or a number is out of its range.

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
        # Flat tensors: lists of lists would be copied into every worker as it runs.
        lengths = torch.tensor([len(text) + 1 for text in texts])
        self._ends = lengths.cumsum(0)
        self._tokens = torch.tensor(
            [i for text in texts for i in (BOS_ID, *text)], dtype=torch.int32
        )
        self._targets = torch.tensor(
            [i for text in texts for i in (*text, EOS_ID)], dtype=torch.int32
        )
        self._lengths = lengths
        self.rows = batch_size * world_size
        self.window = window
        self.seed = seed
        self.shuffle = shuffle
        self.rank = rank
        self.world_size = world_size
        self._laid: tuple[int, Tensor, Tensor] | None = None

    def __len__(self) -> int:
        """Return the windows of an epoch."""
        return -(-self.stream_length // self.window)

    @property
    def stream_length(self) -> int:
        """Tokens of each stream."""
        return -(-len(self._tokens) // self.rows)

    @property
    def sampler(self) -> BucketSampler:
        """The order of the windows, which is that of the streams."""
        return BucketSampler(
            [self.stream_length] * len(self), batch_size=1, seed=self.seed, shuffle=False
        )

    def __getitem__(self, request: Request) -> StreamBatch:
        """Return one window."""
        return self.__getitems__([request])

    def __getitems__(self, requests: Sequence[Request]) -> StreamBatch:
        """Cut one window, named by its epoch and number, out of this process's streams."""
        ((epoch, number),) = requests
        tokens, targets = self._lay(epoch)
        rows = slice(self.rank, None, self.world_size)
        columns = slice(number * self.window, (number + 1) * self.window)
        read = tokens[rows, columns].long()
        return StreamBatch(
            indices=torch.tensor([number]),
            tokens=read,
            targets=targets[rows, columns].long(),
            mask=read != PAD_ID,
        )

    def _lay(self, epoch: int) -> tuple[Tensor, Tensor]:
        """Lay an epoch's texts out as streams ``(rows, length)``; kept until the next epoch."""
        key = epoch if self.shuffle else 0
        if self._laid is None or self._laid[0] != key:
            order = self._order(key)
            shape = (self.rows, self.stream_length)
            missing = self.rows * self.stream_length - len(order)
            laid = [
                torch.cat([flat[order], flat.new_full((missing,), PAD_ID)]).view(shape)
                for flat in (self._tokens, self._targets)
            ]
            self._laid = (key, laid[0], laid[1])
        return self._laid[1], self._laid[2]

    def _order(self, epoch: int) -> Tensor:
        """Return the positions of all tokens in an epoch's order."""
        if not self.shuffle:
            return torch.arange(len(self._tokens))
        generator = torch.Generator().manual_seed(seed_for(self.seed, epoch))
        texts = torch.randperm(len(self._lengths), generator=generator)
        lengths = self._lengths[texts]
        ends = lengths.cumsum(0)
        # The tokens of a text follow one another: position = where the text begins + steps.
        begin = self._ends[texts] - lengths
        steps = torch.arange(len(self._tokens)) - (ends - lengths).repeat_interleave(lengths)
        order = begin.repeat_interleave(lengths) + steps
        if len(texts) < _FEW:
            turn = torch.randint(len(order), (1,), generator=generator).item()
            order = order.roll(int(turn))
        return order
