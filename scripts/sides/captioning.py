"""Captioning: training, beam search and CIDEr-D, a tutorial's against ours.

The tutorial's decoder (tutorial_decoder.py) is Show, Attend and Tell straight from the paper's
equations, run as a tutorial runs it: batches of 32 captions, one image each, torch's default
settings, single precision. Ours runs as the command line runs it: 32 images with five captions
each, the CPU tuned, bfloat16 where the hardware computes in it. `sat` is our show_attend_tell with
the tutorial's weights: the same mathematics, and the same captions. The features are random.
"""

import copy
import random
import resource
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import NamedTuple

import torch
from torch import Tensor, nn

from multimodal.captioning.model import Captioner, CaptionerSettings
from multimodal.decoding import Hypotheses, beam_search
from multimodal.metrics.cider import CiderD
from multimodal.nn.decoders import DecoderName
from multimodal.nn.encoders import EncoderSettings
from multimodal.nn.losses import cross_entropy_in_place
from multimodal.text import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from sides.direct_cider import direct_cider_d
from sides.timing import Machine, Rates, Results, Way, training_step
from sides.tutorial_decoder import TutorialDecoder

PROMISES = {
    "train_step": "9.0, or 5.0 without bf16",
    "train_step_fp32": "5.0",
    "train_step_sat": "2.2",
    "beam": "14.0, or 5.5 without bf16",
    "beam_fp32": "5.5",
    "cider": "8.0",
}
BEAM, LONGEST = 5, 20
LENGTHS, BATCHES, LARGE = (10, 20, 40, 80), (8, 32, 128), (512, 2048)  # large: for a GPU


@dataclass(frozen=True)
class Sizes:
    """How large everything is; the defaults are those of the promises.

    Args:
        vocab: Words.
        width: Of regions, word vectors, states and attention.
        regions: Regions of an image.
        images: Images in a batch of ours, captions in one of the tutorial's.
        captions: Captions of an image, ours only: the tutorial takes one image a caption.
        mean_length: Words to predict in a caption: from two thirds to five thirds of it.
    """

    vocab: int = 10_000
    width: int = 512
    regions: int = 49
    images: int = 32
    captions: int = 5
    mean_length: int = 12


def measure(machine: Machine, *, quick: bool) -> Results:
    """Measure the ratios, and unless it is quick also other sizes and the memory."""
    results = compare(Sizes(), machine, seconds=18 if quick else 120)
    if not quick:
        results.figures.update(sweep(machine, seconds=120))
        results.figures["peak memory of a training step, MiB"] = peak_memories(machine)
    return results


def compare(sizes: Sizes, machine: Machine, *, seconds: float) -> Results:
    """Time training, beam search and CIDEr-D for about so many seconds."""
    training = train(sizes, machine, seconds=seconds * 0.55)
    beam_sides, cider_sides = beam_ways(sizes, machine), cider_ways()
    length = check_equal(beam_sides, cider_sides, exact=machine.device.type == "cpu")
    beam = machine.rates(beam_sides, seconds=seconds * 0.4)
    cider = machine.rates(cider_sides, seconds=seconds * 0.05)
    ratios = {
        "train_step": training[f"ours_{machine.best}"] / training["tutorial"],
        "train_step_fp32": training["ours_fp32"] / training["tutorial"],
        "train_step_sat": training["ours_sat"] / training["tutorial"],
        "beam": beam[f"ours_{machine.best}"] / beam["tutorial"],
        "beam_fp32": beam["ours_fp32"] / beam["tutorial"],
        "cider": cider["ours"] / cider["tutorial"],
    }
    figures = {
        "training step, captions a second": training,
        f"beam {BEAM}, images a second": beam,
        "CIDEr-D, captions a second": cider,
        "captions found": {"mean words": length},
    }
    return Results(ratios, figures)


def train(sizes: Sizes, machine: Machine, *, seconds: float) -> Rates:
    """Time the training steps, and our share of the machine's rate of matrix products."""
    ways = training_ways(sizes, machine)
    # As large as the product with the vocabulary.
    ways["matmul"] = machine.product(sizes.images * sizes.captions * 8, sizes.width, sizes.vocab)
    rates = machine.rates(ways, seconds=seconds)
    words = int(make_batch(sizes, torch.device("cpu")).mask.sum())
    per_caption = training_flops(sizes, words) / (sizes.images * sizes.captions)
    fraction = rates[f"ours_{machine.best}"] * per_caption / rates["matmul"]
    return rates | {"fraction_of_matmul_rate": fraction}


def sweep(machine: Machine, *, seconds: float) -> dict[str, Rates]:
    """Time the training step against the captions' length and the batch."""
    batches = BATCHES + (LARGE if machine.device.type == "cuda" else ())
    sizes = {f"mean length {length}": Sizes(mean_length=length) for length in LENGTHS}
    sizes |= {f"batch of {images}": Sizes(images=images) for images in batches}
    return {
        f"training step, {name}, captions a second": train(
            size, machine, seconds=seconds / len(sizes)
        )
        for name, size in sizes.items()
    }


def training_ways(sizes: Sizes, machine: Machine) -> dict[str, Way]:
    """Build the training steps; all see captions of the same lengths."""
    device, captions = machine.device, sizes.images * sizes.captions
    tutorial = make_tutorial(sizes)
    single, batch = make_batch(replace(sizes, captions=1), device), make_batch(sizes, device)
    ways = {
        "ours_sat": Way(train_ours(make_twin(tutorial, sizes).to(device), batch), captions),
        "tutorial": Way(train_tutorial(tutorial.to(device), single), sizes.images, tuned=False),
    }
    for ending, bf16 in machine.modes.items():
        captioner = make_captioner(sizes).to(device)
        ways[f"ours_{ending}"] = Way(train_ours(captioner, batch, bf16=bf16), captions)
    return ways


def beam_ways(sizes: Sizes, machine: Machine) -> dict[str, Way]:
    """Build the beam searches over the same images."""
    tutorial = make_tutorial(sizes).eval().to(machine.device)
    captioner = make_captioner(sizes).eval().to(machine.device)
    let_captions_end(tutorial, captioner)
    twin = make_twin(tutorial, sizes).eval().to(machine.device)
    features = make_batch(sizes, machine.device).features
    ways = {
        "tutorial": Way(search_tutorial(tutorial, features), sizes.images, tuned=False),
        "ours_sat": Way(search_ours(twin, features), sizes.images),
    }
    for ending, bf16 in machine.modes.items():
        ways[f"ours_{ending}"] = Way(search_ours(captioner, features, bf16=bf16), sizes.images)
    return ways


def cider_ways(images: int = 50, references: int = 5) -> dict[str, Way]:
    """Build CIDEr-D of random captions that share words with their references."""
    draw = random.Random(0)
    words = [f"word{number}" for number in range(200)]
    likely = [1 / (rank + 1) for rank in range(len(words))]

    def sentence() -> list[str]:
        return draw.choices(words, likely, k=draw.randint(8, 20))

    truths = [[sentence() for _ in range(references)] for _ in range(images)]
    candidates = [
        [word if draw.random() < 0.7 else draw.choice(words) for word in draw.choice(of_image)]
        for of_image in truths
    ]
    scorer = CiderD(truths)
    return {
        "tutorial": Way(lambda: direct_cider_d(candidates, truths), images),
        "ours": Way(lambda: scorer.score(candidates), images),
    }


def check_equal(beam: Mapping[str, Way], cider: Mapping[str, Way], *, exact: bool) -> float:
    """Check that both sides give the same captions and scores, and return the mean length.

    Args:
        beam: The beam searches.
        cider: Both CIDEr-D.
        exact: Whether all captions are the same: on a GPU the order of sums depends on the batch.

    Raises:
        SystemExit: If the sides differ.
    """
    torch.set_float32_matmul_precision("highest")
    expected, ours = beam["tutorial"].run(), beam["ours_sat"].run()
    rows = zip(ours.tokens[:, 0].tolist(), ours.lengths[:, 0].tolist(), strict=True)
    if exact and expected != [row[:length] for row, length in rows]:
        raise SystemExit("show_attend_tell writes other captions than the tutorial's loop.")
    (mean, each), (our_mean, our_each) = cider["tutorial"].run(), cider["ours"].run()
    differences = [abs(a - b) for a, b in zip([mean, *each], [our_mean, *our_each], strict=True)]
    if max(differences) > 1e-9:
        raise SystemExit(f"CIDEr-D is {max(differences)} from the direct one.")
    return sum(map(len, expected)) / len(expected)


def peak_memories(machine: Machine) -> Rates:
    """Measure the peak of each training step in a process of its own, in MiB."""
    peaks = {}
    for way in ("tutorial", "ours_sat", *(f"ours_{ending}" for ending in machine.modes)):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            peaks[way] = process.submit(peak_memory, way, Sizes(), machine).result()
    return peaks


def peak_memory(way: str, sizes: Sizes, machine: Machine) -> float:
    """Measure what two training steps need beyond the model, in MiB.

    On the CPU the peak of a process never falls, so call this in a process of its own.
    """
    step = training_ways(sizes, machine)[way].run
    on_gpu = machine.device.type == "cuda"
    before = torch.cuda.memory_allocated() if on_gpu else _peak_of_process()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    step()
    step()
    peak = torch.cuda.max_memory_allocated() if on_gpu else _peak_of_process()
    return (peak - before) / 2**20


class Batch(NamedTuple):
    """Random features and captions; the words of a caption follow its ``<bos>``."""

    features: Tensor  # (images, regions, width)
    tokens: Tensor  # (images, captions, time + 1)
    mask: Tensor  # (images, captions, time): of the words to predict


def make_batch(sizes: Sizes, device: torch.device) -> Batch:
    """Draw a batch, the same at every call."""
    seed = torch.Generator().manual_seed(0)
    shortest, longest = round(sizes.mean_length * 2 / 3), round(sizes.mean_length * 5 / 3)
    shape = (sizes.images, sizes.captions)
    # The smaller of two uniform numbers is a third on average.
    share = torch.rand((2, *shape), generator=seed).amin(0)
    lengths = (shortest + (longest - shortest) * share).round()
    mask = torch.arange(int(lengths.max())) < lengths.unsqueeze(-1)
    words = torch.randint(UNK_ID + 1, sizes.vocab, mask.shape, generator=seed)
    tokens = torch.cat([torch.full((*shape, 1), BOS_ID), words.where(mask, PAD_ID)], dim=-1)
    features = torch.randn(sizes.images, sizes.regions, sizes.width, generator=seed)
    return Batch(features.to(device), tokens.to(device), mask.to(device))


def make_tutorial(sizes: Sizes, *, dropout: float = 0.5) -> TutorialDecoder:
    """Build the tutorial's decoder, always with the same weights."""
    torch.manual_seed(0)
    width = sizes.width
    return TutorialDecoder(
        sizes.vocab,
        region_dim=width,
        embedding_dim=width,
        hidden_dim=width,
        attention_dim=width,
        dropout=dropout,
    )


def make_captioner(sizes: Sizes) -> Captioner:
    """Build our default captioner: attention after the LSTM, tied word vectors, dropout."""
    return _captioner(sizes, "attention", tied=True, dropout=CaptionerSettings().dropout)


def make_twin(tutorial: TutorialDecoder, sizes: Sizes) -> Captioner:
    """Build our show_attend_tell with the tutorial's weights."""
    twin = _captioner(sizes, "show_attend_tell", tied=False, dropout=0.0)
    ours, theirs = twin.decoder, tutorial
    pairs = [
        (twin.output, theirs.output),
        (ours.attention.query, theirs.attention_hidden),
        (ours.attention.key, theirs.attention_region),
        (ours.attention.score, theirs.attention_score),
        (ours.gate, theirs.gate),
        (ours.initial_hidden, theirs.initial_hidden),
        (ours.initial_cell, theirs.initial_cell),
        (ours.cell, theirs.cell),
    ]
    for mine, other in pairs:
        mine.load_state_dict(other.state_dict())
    # Ours scales word vectors to unit variance when it reads them.
    with torch.no_grad():
        twin.embedding.weight.copy_(theirs.embedding.weight / sizes.width**0.5)
    return twin


def train_tutorial(decoder: TutorialDecoder, batch: Batch) -> Callable[[], None]:
    """Build the tutorial's training step; its batch has one caption an image."""
    tokens, lengths = batch.tokens.flatten(0, 1), batch.mask.flatten(0, 1).sum(dim=1)
    optimizer = torch.optim.Adam(decoder.parameters())
    return training_step(optimizer, lambda: decoder.loss(batch.features, tokens, lengths))


def train_ours(captioner: Captioner, batch: Batch, *, bf16: bool = False) -> Callable[[], None]:
    """Build our training step, as the captioning task does it."""
    inputs, targets = batch.tokens[..., :-1], batch.tokens[..., 1:][batch.mask]

    def loss() -> Tensor:
        with torch.autocast(batch.features.device.type, torch.bfloat16, enabled=bf16):
            logits, _ = captioner(batch.features, inputs, batch.mask)
            return cross_entropy_in_place(logits, targets)[0]

    return training_step(torch.optim.AdamW(captioner.parameters(), fused=True), loss)


def let_captions_end(decoder: TutorialDecoder, captioner: Captioner | None = None) -> None:
    """Change random weights so that captions differ from image to image, and end.

    The first cell of the LSTM counts the words (its gates are open and its candidate a constant),
    from a start that depends on the image, and only the score of ``<eos>`` depends on it. The other
    words' vectors are longer, so that some are likelier than others.

    Args:
        decoder: The tutorial's decoder.
        captioner: Our default one; its cell counts from the same start.
    """
    with torch.no_grad():
        decoder.initial_cell.weight[0] *= 5
        decoder.initial_cell.bias[0] = -1
        cell = decoder.cell
        _count([cell.weight_ih, cell.weight_hh], [cell.bias_ih, cell.bias_hh])
        decoder.output.weight *= 30
        _score_end(decoder.output.weight, decoder.output.bias, gain=60)
        if captioner is None:
            return
        ours, layers = captioner.decoder, captioner.decoder.recurrent.layers
        ours.initial.weight[layers.hidden_size] = decoder.initial_cell.weight[0]
        ours.initial.bias[layers.hidden_size] = -1
        _count([layers.weight_ih_l0, layers.weight_hh_l0], [layers.bias_ih_l0, layers.bias_hh_l0])
        ours.combine.weight *= 3
        ours.combine.weight[0] = 0
        ours.combine.weight[0, 0] = 1
        ours.combine.bias[0] = 0
        captioner.embedding.weight *= 4
        _score_end(captioner.embedding.weight, captioner.bias, gain=36)  # then as long as theirs


def search_tutorial(decoder: TutorialDecoder, features: Tensor) -> Callable[[], list[list[int]]]:
    """Build the tutorial's beam search, one image after the other."""
    return lambda: [
        decoder.caption(regions, beam_size=BEAM, max_length=LONGEST) for regions in features
    ]


def search_ours(
    captioner: Captioner, features: Tensor, *, bf16: bool = False
) -> Callable[[], Hypotheses]:
    """Build our beam search, all images together; with `bf16` the weights are bfloat16 too."""
    model = copy.deepcopy(captioner).to(torch.bfloat16) if bf16 else captioner

    def search() -> Hypotheses:
        with torch.inference_mode():
            state, context = model.begin(features)
            return beam_search(model.step, state, context, beam_size=BEAM, max_length=LONGEST)

    return search


def training_flops(sizes: Sizes, words: int) -> float:
    """Count the floating point operations of our default training step.

    Those of the matrix products of real words and real images, forward and twice backward; the
    features need no gradient.
    """
    width, vocab, regions = sizes.width, sizes.vocab, sizes.regions
    lstm = 2 * width * 4 * width
    attention = width * width + 2 * regions * width
    a_word = lstm + attention + 2 * width * width + width * vocab
    an_image = 2 * regions * width * width
    return 2.0 * (3 * words * a_word + 2 * sizes.images * an_image)


def _captioner(sizes: Sizes, decoder: DecoderName, *, tied: bool, dropout: float) -> Captioner:
    torch.manual_seed(0)
    settings = CaptionerSettings(
        # It never runs, because the features are given: only its width counts.
        encoder=EncoderSettings(channels=[sizes.width], strides=[2], coordinates=False),
        decoder=decoder,
        embedding_dim=sizes.width,
        hidden_dim=sizes.width,
        attention_dim=sizes.width,
        dropout=dropout,
        tie_embeddings=tied,
    )
    return Captioner(settings, sizes.vocab)


def _count(weights: list[nn.Parameter], biases: list[nn.Parameter]) -> None:
    """Make the first cell of an LSTM add the same amount at every step."""
    for weight, bias in zip(weights, biases, strict=True):
        weight.view(4, -1, weight.shape[1])[:, 0] = 0
        bias.view(4, -1)[:, 0] = 0
    # torch's order: input gate, forget gate, candidate, output gate.
    biases[0].view(4, -1)[:, 0] = torch.tensor([10.0, 10.0, 0.07, 10.0])


def _score_end(weight: Tensor, bias: Tensor, *, gain: float) -> None:
    """Let the first unit score ``<eos>`` alone, and exclude the words that are never written."""
    weight[:, 0] = 0
    weight[EOS_ID] = 0
    weight[EOS_ID, 0] = gain
    bias[EOS_ID] = 0
    bias[torch.tensor([PAD_ID, BOS_ID, UNK_ID])] = -1e4


def _peak_of_process() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
