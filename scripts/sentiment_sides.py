"""The sides of the sentiment benchmark, ready to run: a tutorial's packed network, a loop, ours.

The tutorial's is a bidirectional LSTM over packed sequences, as tutorials on sentiment build it;
the loop is the same network written out with `nn.LSTMCell`. Ours with their weights gives their
logits. Random texts of the lengths of sentences and of reviews; batches drawn in random order, and
as our data modules draw them, of similar length.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from multimodal.data.buckets import BucketSampler
from multimodal.nn.embedding import WordEmbedding
from multimodal.nn.text_encoder import TextEncoder, TextEncoderSettings
from multimodal.sentiment.model import SentimentClassifier, SentimentSettings
from multimodal.text import UNK_ID
from multimodal.training.optimisers.row_adam import RowAdamW

POOL = 100  # batches that are sorted together, as in training


@dataclass(frozen=True)
class Sizes:
    """How large everything is; by default the tutorial's network on reviews.

    Args:
        vocab: Words.
        embedding: Width of a word vector.
        hidden: Width of the state, of each direction.
        layers: Recurrent layers.
        batch: Texts in a batch.
        mean: Words in a text.
        longest: Longest text: tutorials cut reviews.
        spread: Standard deviation of the logarithm of the lengths.
        batches: How many batches are read, from the short ones to the long ones.
    """

    vocab: int = 20_000
    embedding: int = 300
    hidden: int = 256
    layers: int = 2
    batch: int = 16
    mean: int = 230
    longest: int = 500
    spread: float = 0.6
    batches: int = 2


class Batch(NamedTuple):
    """Random texts and labels."""

    tokens: Tensor  # (batch, time)
    mask: Tensor  # (batch, time)
    labels: Tensor  # (batch,)


def draw_lengths(sizes: Sizes) -> Tensor:
    """Draw the lengths of a hundred batches of texts, the same at every call."""
    seed = torch.Generator().manual_seed(0)
    drawn = torch.randn(POOL * sizes.batch, generator=seed) * sizes.spread - sizes.spread**2 / 2
    return (sizes.mean * drawn.exp()).round().long().clamp(min(3, sizes.longest), sizes.longest)


def make_batches(sizes: Sizes, device: torch.device, *, bucketed: bool) -> list[Batch]:
    """Draw batches of random words, and take some evenly from the shortest to the longest.

    Args:
        sizes: How large everything is.
        device: Where they go.
        bucketed: Whether texts of similar length come together, or any.
    """
    lengths = draw_lengths(sizes)
    sampler = BucketSampler(
        lengths if bucketed else len(lengths), batch_size=sizes.batch, seed=0, pool=POOL
    )
    drawn = [lengths[[index for _, index in batch]] for batch in sampler.batches(0)]
    drawn.sort(key=lambda each: int(each.max()))
    places = [int((k + 0.5) * len(drawn) / sizes.batches) for k in range(sizes.batches)]
    return [_fill(drawn[place], sizes, device) for place in places]


def count_words(batches: list[Batch]) -> int:
    """Count the real words."""
    return sum(int(batch.mask.sum()) for batch in batches)


class PackedTutorial(nn.Module):
    """A bidirectional LSTM over packed sequences; the last states of both directions decide."""

    def __init__(self, sizes: Sizes, dropout: float = 0.5) -> None:
        super().__init__()
        self.embedding = nn.Embedding(sizes.vocab, sizes.embedding, padding_idx=0)
        self.lstm = nn.LSTM(
            sizes.embedding,
            sizes.hidden,
            num_layers=sizes.layers,
            bidirectional=True,
            dropout=dropout if sizes.layers > 1 else 0.0,
            batch_first=True,
        )
        self.output = nn.Linear(2 * sizes.hidden, 2)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: Batch) -> Tensor:
        """Score both classes of each text."""
        words = self.dropout(self.embedding(batch.tokens))
        lengths = batch.mask.sum(dim=1).cpu()
        packed = pack_padded_sequence(words, lengths, batch_first=True, enforce_sorted=False)
        _, (hidden, _) = self.lstm(packed)
        return self.output(self.dropout(torch.cat([hidden[-2], hidden[-1]], dim=-1)))


class LoopTutorial(nn.Module):
    """The same network, an LSTM cell going over the padded words; states rest at the padding."""

    def __init__(self, packed: PackedTutorial) -> None:
        super().__init__()
        self.embedding, self.output, self.dropout = packed.embedding, packed.output, packed.dropout
        self.between = packed.lstm.dropout
        self.cells = nn.ModuleList()
        for weights in packed.lstm.all_weights:  # layer 0, layer 0 reversed, layer 1, ...
            cell = nn.LSTMCell(weights[0].shape[1], packed.lstm.hidden_size)
            with torch.no_grad():
                for own, theirs in zip(cell.parameters(), weights, strict=True):
                    own.copy_(theirs)
            self.cells.append(cell)

    def forward(self, batch: Batch) -> Tensor:
        """Score both classes of each text."""
        words = self.dropout(self.embedding(batch.tokens))
        for layer in range(0, len(self.cells), 2):
            if layer:
                words = F.dropout(words, self.between, self.training)
            ahead, first = self._go(self.cells[layer], words, batch.mask, range(words.shape[1]))
            steps = reversed(range(words.shape[1]))
            back, last = self._go(self.cells[layer + 1], words, batch.mask, steps)
            words = torch.cat([ahead, back], dim=-1)
        return self.output(self.dropout(torch.cat([first, last], dim=-1)))

    def _go(
        self, cell: nn.Module, words: Tensor, mask: Tensor, steps: Iterable[int]
    ) -> tuple[Tensor, Tensor]:
        hidden = memory = words.new_zeros(len(words), cell.hidden_size)
        outputs: dict[int, Tensor] = {}
        for step in steps:
            real = mask[:, step, None]
            new_hidden, new_memory = cell(words[:, step], (hidden, memory))
            hidden, memory = hidden.where(~real, new_hidden), memory.where(~real, new_memory)
            outputs[step] = hidden
        return torch.stack([outputs[step] for step in sorted(outputs)], dim=1), hidden


def make_tutorial(sizes: Sizes) -> PackedTutorial:
    """Build the tutorial's network, always with the same weights."""
    torch.manual_seed(0)
    return PackedTutorial(sizes)


def make_ours(tutorial: PackedTutorial, sizes: Sizes, *, dropout: float = 0.5) -> nn.Module:
    """Build ours of the same size, with the tutorial's weights: the same mathematics."""
    reader = TextEncoderSettings(
        num_layers=sizes.layers,
        embedding_dim=sizes.embedding,
        hidden_dim=sizes.hidden,
        input_dropout=dropout,
        hidden_dropout=dropout,
    )
    settings = SentimentSettings(reader, pooling=["last"], dropout=dropout)
    ours = SentimentClassifier(settings, sizes.vocab, 2)
    ours.embedding.load_state_dict(tutorial.embedding.state_dict())
    ours.head[-1].load_state_dict(tutorial.output.state_dict())
    directions = [
        stack[k] for k in range(sizes.layers) for stack in (ours.reader.ahead, ours.reader.back)
    ]
    with torch.no_grad():
        for layer, weights in zip(directions, tutorial.lstm.all_weights, strict=True):
            for own, theirs in zip(layer.layers.all_weights[0], weights, strict=True):
                own.copy_(theirs)
    return ours


def train_tutorial(model: nn.Module, batches: list[Batch]) -> Callable[[], None]:
    """Return training steps over the batches as a tutorial takes them: torch's default Adam."""
    optimizer = torch.optim.Adam(model.parameters())

    def steps() -> None:
        for batch in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(batch), batch.labels).backward()
            optimizer.step()

    return steps


def train_ours(model: nn.Module, batches: list[Batch], *, bf16: bool) -> Callable[[], None]:
    """Return training steps over the batches, as the sentiment task takes them."""
    optimizer = RowAdamW(model.parameters())
    device = batches[0].tokens.device.type

    def steps() -> None:
        for batch in batches:
            optimizer.zero_grad()
            with torch.autocast(device, torch.bfloat16, enabled=bf16):
                logits = model(batch.tokens, batch.mask)
            F.cross_entropy(logits.float(), batch.labels).backward()
            optimizer.step()

    return steps


def judge_tutorial(model: nn.Module, batches: list[Batch]) -> Callable[[], list[Tensor]]:
    """Return a function that judges the texts."""

    def judge() -> list[Tensor]:
        with torch.inference_mode():
            return [model(batch) for batch in batches]

    return judge


def judge_ours(model: nn.Module, batches: list[Batch], *, bf16: bool) -> Callable[[], list[Tensor]]:
    """Return a function that judges the texts, as the predictor does."""
    device = batches[0].tokens.device.type

    def judge() -> list[Tensor]:
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=bf16):
            return [model(batch.tokens, batch.mask) for batch in batches]

    return judge


def read_words(sizes: Sizes, batch: Batch) -> Callable[[], None]:
    """Return the LSTM's share of a training step: reading given word vectors, there and back."""
    reader = TextEncoder(
        TextEncoderSettings(
            num_layers=sizes.layers, embedding_dim=sizes.embedding, hidden_dim=sizes.hidden
        )
    ).to(batch.tokens.device)
    vectors = torch.randn(*batch.tokens.shape, sizes.embedding, device=batch.tokens.device)

    def step() -> None:
        reader.zero_grad()
        outputs, _ = reader(vectors.clone().requires_grad_(), batch.mask)
        outputs.sum().backward()

    return step


def learn_words(
    sizes: Sizes, batch: Batch, optimizer: Callable[..., torch.optim.Optimizer], *, sparse: bool
) -> Callable[[], None]:
    """Return the word vectors' share of a training step: looking up, gradient, optimiser.

    Args:
        sizes: How large the table is.
        batch: What is looked up.
        optimizer: Builds it from the parameters, with its default settings.
        sparse: Whether the gradient has only the rows of the batch.
    """
    table = WordEmbedding(
        sizes.vocab, sizes.embedding, gradients="sparse" if sparse else "dense"
    ).to(batch.tokens.device)
    updates = optimizer(table.parameters())

    def step() -> None:
        updates.zero_grad()
        table(batch.tokens).sum().backward()
        updates.step()

    return step


def _fill(lengths: Tensor, sizes: Sizes, device: torch.device) -> Batch:
    seed = torch.Generator().manual_seed(int(lengths.sum()))
    mask = torch.arange(int(lengths.max())) < lengths.unsqueeze(1)
    # As in text, a few words are most of it.
    ranks = sizes.vocab ** torch.rand(mask.shape, generator=seed)
    words = (ranks.long() + UNK_ID).clamp(max=sizes.vocab - 1)
    labels = torch.randint(2, (len(lengths),), generator=seed)
    return Batch(words.where(mask, 0).to(device), mask.to(device), labels.to(device))
