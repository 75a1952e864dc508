"""Sentiment: training, inference and large vocabularies, packed sequences against ours.

The tutorial's network is two layers of bidirectional LSTM over packed sequences, batches in random
order, torch's default settings, single precision; the full run adds a loop of `nn.LSTMCell` over
the same batches. Ours is the same network with the same weights (the logits are compared first),
run as the command line runs it: texts of similar length together, the CPU tuned, bfloat16 where the
hardware computes in it. A rate is real words a second; the ratio `word_vectors` is the LSTM's time
of a training step to that of the optimiser of 100,000 word vectors.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
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
from sides.timing import Machine, Rates, Results, Way

PROMISES = {
    "training": "5.0",
    "training_bf16": "8.0",
    "sentences": "2.5",
    "inference": "1.0",
    "word_vectors": "1.0",
}
POOL = 100  # batches that are sorted together, as in training
MANY_WORDS = 100_000
LENGTHS, VOCABULARIES = (25, 100, 400), (10_000, 30_000, 100_000)


@dataclass(frozen=True)
class Sizes:
    """How large everything is; the default is the tutorial's network on reviews.

    Args:
        vocab: Words.
        embedding: Width of a word vector.
        hidden: Width of the state, of each direction.
        layers: Recurrent layers.
        batch: Texts in a batch.
        mean: Words in a text.
        longest: Words of the longest text: tutorials cut reviews.
        spread: Standard deviation of the logarithm of the lengths.
        batches: How many batches are read, from short to long.
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


REVIEWS = Sizes()
SENTENCES = Sizes(batch=64, mean=20, longest=50, spread=0.5)


def measure(machine: Machine, *, quick: bool) -> Results:
    """Measure the ratios, and unless it is quick also the loop, dense tables and other sizes."""
    # The packed side takes half a minute on the whole of a batch.
    reviews = replace(REVIEWS, batch=8) if quick else REVIEWS
    seconds = 15 if quick else 90
    results = compare(reviews, SENTENCES, machine, full=not quick, seconds=seconds)
    if not quick:
        results.figures.update(sweep(machine, seconds=120))
    return results


def compare(
    reviews: Sizes, sentences: Sizes, machine: Machine, *, full: bool, seconds: float
) -> Results:
    """Time everything that has a promise.

    Args:
        reviews: The size of long texts.
        sentences: The size of short ones.
        machine: Where to run.
        full: Whether the loop and dense tables are timed, too.
        seconds: About how long.
    """
    apart = check_equal(sentences, machine)
    words = replace(sentences, vocab=MANY_WORDS if sentences.vocab > 1000 else sentences.vocab)
    ways = {
        "training": (training_ways(reviews, machine, loop=full), 0.5),
        "sentences": (training_ways(sentences, machine, loop=full), 0.2),
        "inference": (inference_ways(reviews, machine, loop=full), 0.2),
        "word_vectors": (word_ways(words, machine, dense=full), 0.1),
    }
    rates = {
        name: machine.rates(each, seconds=seconds * share) for name, (each, share) in ways.items()
    }
    ratios: dict[str, float | None] = {
        name: rates[name]["ours_fp32"] / rates[name]["tutorial"]
        for name in ("training", "sentences", "inference")
    }
    bf16 = rates["training"].get("ours_bf16")
    ratios["training_bf16"] = bf16 / rates["training"]["tutorial"] if bf16 else None
    ratios["word_vectors"] = rates["word_vectors"]["rows"] / rates["word_vectors"]["lstm"]
    figures = {
        f"{name}, {'steps' if name == 'word_vectors' else 'words'} a second": each
        for name, each in rates.items()
    }
    return Results(ratios, {**figures, "logits": {"largest difference": apart}})


def sweep(machine: Machine, *, seconds: float) -> dict[str, Rates]:
    """Time training against the texts' length, and tables against the number of their words."""
    ways = {
        f"training, mean length {mean}, words a second": training_ways(
            replace(REVIEWS, mean=mean, longest=2 * mean, batches=1), machine, loop=True
        )
        for mean in LENGTHS
    }
    ways |= {
        f"{words:,} word vectors, steps a second": word_ways(
            replace(SENTENCES, vocab=words), machine, dense=True
        )
        for words in VOCABULARIES
    }
    return {name: machine.rates(each, seconds=seconds / len(ways)) for name, each in ways.items()}


def training_ways(sizes: Sizes, machine: Machine, *, loop: bool) -> dict[str, Way]:
    """Build the training steps; `loop` adds the loop over words."""

    def ours(*, bf16: bool) -> Callable[[], object]:
        model = make_ours(make_tutorial(sizes), sizes).to(machine.device)
        return train_ours(model, bucketed, bf16=bf16)

    batches = make_batches(sizes, machine.device, bucketed=False)
    bucketed = make_batches(sizes, machine.device, bucketed=True)
    tutorials = {"tutorial": make_tutorial(sizes)}
    if loop:
        tutorials["loop"] = LoopTutorial(make_tutorial(sizes))
    steps = {
        name: train_tutorial(model.to(machine.device), batches) for name, model in tutorials.items()
    }
    return _ways(steps, batches, machine, ours, bucketed)


def inference_ways(sizes: Sizes, machine: Machine, *, loop: bool) -> dict[str, Way]:
    """Build the inference on the same texts; `loop` adds the loop over words."""
    tutorial = make_tutorial(sizes).eval().to(machine.device)
    model = make_ours(tutorial, sizes).eval().to(machine.device)
    batches = make_batches(sizes, machine.device, bucketed=False)
    bucketed = make_batches(sizes, machine.device, bucketed=True)
    runs = {"tutorial": predict_tutorial(tutorial, batches)}
    if loop:
        runs["loop"] = predict_tutorial(LoopTutorial(tutorial).eval().to(machine.device), batches)
    return _ways(runs, batches, machine, partial(predict_ours, model, bucketed), bucketed)


def word_ways(sizes: Sizes, machine: Machine, *, dense: bool) -> dict[str, Way]:
    """Build the parts of a training step: the LSTM, and tables of word vectors.

    Args:
        sizes: How large everything is.
        machine: Where to run.
        dense: Whether to add tables of which every row is updated at every step.
    """
    batch = make_batches(sizes, machine.device, bucketed=True)[0]
    learn = partial(learn_words, sizes, batch)
    ways = {"lstm": Way(read_words(sizes, batch), 1), "rows": Way(learn(RowAdamW, sparse=True), 1)}
    if dense:
        fused = partial(torch.optim.AdamW, fused=True)
        ways["dense, torch's default Adam"] = Way(learn(torch.optim.Adam, sparse=False), 1)
        ways["dense, fused AdamW"] = Way(learn(fused, sparse=False), 1)
    return ways


def check_equal(sizes: Sizes, machine: Machine) -> float:
    """Check that all sides give the same logits, and return their largest difference.

    Raises:
        SystemExit: If the sides differ.
    """
    torch.set_float32_matmul_precision("highest")
    tutorial = make_tutorial(sizes).eval().to(machine.device)
    ours = make_ours(tutorial, sizes).eval().to(machine.device)
    loop = LoopTutorial(tutorial).eval().to(machine.device)
    batches = make_batches(sizes, machine.device, bucketed=False)
    expected = torch.cat(predict_tutorial(tutorial, batches)())
    logits = torch.cat(predict_ours(ours, batches, bf16=False)())
    looped = torch.cat(predict_tutorial(loop, batches[:1])())
    differences = [logits - expected, looped - expected[: len(looped)]]
    apart = max(float(each.abs().max()) for each in differences)
    machine.check_logits(apart, "the packed network", cpu=1e-5, cuda=1e-2)
    return apart


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
        bucketed: Whether texts of similar length come together.
    """
    lengths = draw_lengths(sizes)
    sampler = BucketSampler(
        lengths if bucketed else len(lengths), batch_size=sizes.batch, seed=0, pool=POOL
    )
    drawn = [lengths[[index for _, index in batch]] for batch in sampler.batches(0)]
    drawn.sort(key=lambda each: int(each.max()))
    chosen = [int((k + 0.5) * len(drawn) / sizes.batches) for k in range(sizes.batches)]
    return [_fill(drawn[number], sizes, device) for number in chosen]


def count_words(batches: list[Batch]) -> int:
    """Count the real words."""
    return sum(int(batch.mask.sum()) for batch in batches)


class PackedTutorial(nn.Module):
    """A bidirectional LSTM over packed sequences; the head reads both last states."""

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
    """The same network, an LSTM cell over the padded words; padding keeps the state."""

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
    """Build ours of the same size, with the tutorial's weights."""
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
    """Build training steps over the batches with torch's default Adam."""
    optimizer = torch.optim.Adam(model.parameters())

    def steps() -> None:
        for batch in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(batch), batch.labels).backward()
            optimizer.step()

    return steps


def train_ours(model: nn.Module, batches: list[Batch], *, bf16: bool) -> Callable[[], None]:
    """Build training steps over the batches, as the sentiment task takes them."""
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


def predict_tutorial(model: nn.Module, batches: list[Batch]) -> Callable[[], list[Tensor]]:
    """Build the tutorial's inference."""

    def predict() -> list[Tensor]:
        with torch.inference_mode():
            return [model(batch) for batch in batches]

    return predict


def predict_ours(
    model: nn.Module, batches: list[Batch], *, bf16: bool
) -> Callable[[], list[Tensor]]:
    """Build our inference, as the predictor does it."""
    device = batches[0].tokens.device.type

    def predict() -> list[Tensor]:
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=bf16):
            return [model(batch.tokens, batch.mask) for batch in batches]

    return predict


def read_words(sizes: Sizes, batch: Batch) -> Callable[[], None]:
    """Build the LSTM's part of a training step: given word vectors, forward and backward."""
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
    """Build the word vectors' part of a training step: look-up, gradient, optimiser.

    Args:
        sizes: How large the table is.
        batch: The words that are looked up.
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
    # As in text, a few words are most of the tokens.
    ranks = sizes.vocab ** torch.rand(mask.shape, generator=seed)
    words = (ranks.long() + UNK_ID).clamp(max=sizes.vocab - 1)
    labels = torch.randint(2, (len(lengths),), generator=seed)
    return Batch(words.where(mask, 0).to(device), mask.to(device), labels.to(device))


def _ways(
    tutorials: dict[str, Callable[[], object]],
    batches: list[Batch],
    machine: Machine,
    ours: Callable[..., Callable[[], object]],
    bucketed: list[Batch],
) -> dict[str, Way]:
    """Count the words of each side."""
    words, our_words = count_words(batches), count_words(bucketed)
    ways = {name: Way(run, words, tuned=False) for name, run in tutorials.items()}
    modes = machine.modes.items()
    return ways | {f"ours_{ending}": Way(ours(bf16=bf16), our_words) for ending, bf16 in modes}
