"""Visual question answering: training and answering, a tutorial's network against ours.

The tutorial's is "deeper LSTM Q + norm I": batches of 32 rows, an image and a question each, so
that an image is encoded once for every question about it; an LSTM cell goes word by word over the
padded questions; torch's default settings. Ours is the same mathematics (fusion `multiply`) from
the same weights, run as the command line runs it: 32 images with ten questions each, every image
encoded once, the CPU tuned. The encoder, MobileNetV2 at 96 pixels, is trained, too. Both compute in
single precision; the full run adds bfloat16, where the hardware computes in it, and the default
fusion, `slots`. A rate is questions a second.

References:
    Antol, Agrawal, Lu, Mitchell, Batra, Zitnick and Parikh 2015, "VQA: Visual question answering",
    section 4 ("deeper LSTM Q + norm I").
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import get_model

from multimodal.nn.encoders import EncoderSettings, SmallCNN, build_encoder
from multimodal.text import PAD_ID, UNK_ID
from multimodal.vqa.fusion import FusionName
from multimodal.vqa.model import Answerer, AnswererSettings
from sides.timing import Machine, Rates, Results, Way, training_step

PROMISES = {"training": "5.0", "answering": "5.0"}
BATCHES, LENGTHS, QUESTIONS = (8, 32, 128), (5, 9, 18, 36), (1, 2, 5, 10, 20)
CELLS = 8  # of one colour each, along a side of an image
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class Sizes:
    """How large everything is; the defaults are those of the promises.

    Args:
        encoder: ``mobilenet_v2``, or ``small`` for the small CNN of 64 pixels.
        pixels: Height and width of an image.
        frozen: Whether the encoder runs but is not trained.
        vocab: Words.
        answers: Answers.
        embedding: Width of a word vector.
        hidden: Width of the LSTM's state.
        width: Width of the joint space.
        before_answers: Width of the layer before the answers.
        images: Images in a batch of ours, questions in one of the tutorial's.
        questions: Questions about an image, ours only: the tutorial takes one image a question.
        mean_length: Words of a question: from two thirds to five thirds of it.
        repeats: About how many images of a batch the same question is asked.
    """

    encoder: str = "mobilenet_v2"
    pixels: int = 96
    frozen: bool = False
    vocab: int = 10_000
    answers: int = 1000
    embedding: int = 256
    hidden: int = 512
    width: int = 512
    before_answers: int = 1024
    images: int = 32
    questions: int = 10
    mean_length: int = 9
    repeats: int = 1


def measure(machine: Machine, *, quick: bool) -> Results:
    """Measure the ratios, and unless it is quick also the default fusion and other sizes."""
    results = compare(Sizes(), machine, slots=not quick, seconds=18 if quick else 60)
    if not quick:
        results.figures.update(sweep(machine, seconds=150))
    return results


def compare(sizes: Sizes, machine: Machine, *, slots: bool, seconds: float) -> Results:
    """Time training and answering, with the default fusion too if `slots`, for so many seconds."""
    apart = check_equal(replace(sizes, images=min(sizes.images, 4)), machine)
    rates = measure_rates(sizes, machine, slots=slots, seconds=seconds)
    figures = {f"{name}, questions a second": each for name, each in rates.items()}
    figures["logits"] = {"largest difference in standard deviations": apart}
    ratios = {name: each["multiply"] / each["tutorial"] for name, each in rates.items()}
    return Results(ratios, figures)


def sweep(machine: Machine, *, seconds: float) -> dict[str, Rates]:
    """Time both against the batch, the questions' length and their number, and other encoders."""
    sizes = {f"batch of {images} images": Sizes(images=images) for images in BATCHES}
    sizes |= {f"mean length {length}": Sizes(mean_length=length) for length in LENGTHS}
    sizes |= {f"{count} questions an image": Sizes(questions=count) for count in QUESTIONS}
    sizes |= {
        "each question of 4 images": Sizes(repeats=4),
        "frozen encoder, still run": Sizes(frozen=True),
        "small CNN at 64 pixels": Sizes("small", 64),
    }
    figures = {}
    for size_name, size in sizes.items():
        rates = measure_rates(size, machine, slots=True, seconds=seconds / len(sizes))
        for name, each in rates.items():
            figures[f"{name}, {size_name}, questions a second"] = each
    return figures


def measure_rates(
    sizes: Sizes, machine: Machine, *, slots: bool, seconds: float
) -> dict[str, Rates]:
    """Time training steps and answering, in questions a second."""
    ways = training_ways(sizes, machine, slots=slots)
    training = machine.rates(ways, seconds=seconds * 0.6)
    ways = answering_ways(sizes, machine, slots=slots)
    return {"training": training, "answering": machine.rates(ways, seconds=seconds * 0.4)}


def training_ways(sizes: Sizes, machine: Machine, *, slots: bool) -> dict[str, Way]:
    """Build the training steps; all read questions of the same lengths."""
    return _ways(sizes, machine, train_tutorial, train_ours, slots=slots)


def answering_ways(sizes: Sizes, machine: Machine, *, slots: bool) -> dict[str, Way]:
    """Build the answering of the same questions."""
    return _ways(sizes, machine, answer_tutorial, answer_ours, slots=slots)


def check_equal(sizes: Sizes, machine: Machine) -> float:
    """Check that both sides give the same logits, and return their largest difference.

    Raises:
        SystemExit: If the sides differ.
    """
    torch.set_float32_matmul_precision("highest")
    tutorial = make_tutorial(sizes)
    twin = make_twin(tutorial, sizes).to(machine.device)
    batch = make_batch(sizes, machine.device)
    apart = difference(tutorial.to(machine.device), twin, batch)
    unit = " standard deviations"
    machine.check_logits(apart, "the tutorial", cpu=1e-3, cuda=0.1, unit=unit)
    return apart


class Batch(NamedTuple):
    """Random mosaics and questions, each once; a row is a question asked about an image."""

    images: Tensor  # (images, 3, pixels, pixels) uint8
    tokens: Tensor  # (questions, time)
    mask: Tensor  # (questions, time)
    image_of: Tensor  # (rows,)
    question_of: Tensor  # (rows,)
    labels: Tensor  # (rows,)


class TutorialAnswerer(nn.Module):
    """Answer one question about one image in each row.

    Args:
        sizes: How large.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        feature_dim = build_encoder(_encoder(sizes)).feature_dim
        mean, std = IMAGENET
        if sizes.encoder == "small":
            mean, std = HALF
            self.encoder: nn.Module = SmallCNN(coordinates=False).blocks
        else:
            self.encoder = get_model(sizes.encoder, weights=None).features
        self.encoder.to(memory_format=torch.contiguous_format)
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1))
        self.embedding = nn.Embedding(sizes.vocab, sizes.embedding, padding_idx=PAD_ID)
        self.cell = nn.LSTMCell(sizes.embedding, sizes.hidden)
        self.image = nn.Linear(feature_dim, sizes.width)
        self.question = nn.Linear(sizes.hidden, sizes.width)
        self.before = nn.Linear(sizes.width, sizes.before_answers)
        self.output = nn.Linear(sizes.before_answers, sizes.answers)

    def encode_images(self, images: Tensor) -> Tensor:
        """Compute each image's vector ``(rows, feature)``: the grid's mean, of length 1."""
        grid = self.encoder((images / 255 - self.mean) / self.std)  # (rows, feature, y, x)
        return F.normalize(grid.mean(dim=(2, 3)), dim=1)

    def encode_questions(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Compute the LSTM's state after the last word of each question, ``(rows, hidden)``."""
        words = self.embedding(tokens)
        hidden = words.new_zeros(len(words), self.cell.hidden_size)
        cell = torch.zeros_like(hidden)
        states = []
        for time in range(tokens.shape[1]):
            hidden, cell = self.cell(words[:, time], (hidden, cell))
            states.append(hidden)
        rows = torch.arange(len(words), device=words.device)
        return torch.stack(states, dim=1)[rows, lengths - 1]

    def forward(self, images: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Score the answers.

        Args:
            images: One image a question, ``(rows, 3, pixels, pixels)`` uint8.
            tokens: ``(rows, time)``, padded.
            lengths: Words of each question, ``(rows,)``.

        Returns:
            Logits ``(rows, answers)``.
        """
        image = torch.tanh(self.image(self.encode_images(images)))
        question = torch.tanh(self.question(self.encode_questions(tokens, lengths)))
        logits: Tensor = self.output(torch.relu(self.before(image * question)))
        return logits


def make_batch(sizes: Sizes, device: torch.device) -> Batch:
    """Draw a batch, the same at every call."""
    seed = torch.Generator().manual_seed(0)
    rows = sizes.images * sizes.questions
    different = max(1, rows // sizes.repeats)
    shortest = max(1, round(sizes.mean_length * 2 / 3))
    longest = max(shortest, round(sizes.mean_length * 5 / 3))
    # The smaller of two uniform numbers is a third on average.
    share = torch.rand((2, different), generator=seed).amin(0)
    lengths = (shortest + (longest - shortest) * share).round()
    mask = torch.arange(int(lengths.max())) < lengths.unsqueeze(-1)
    words = torch.randint(UNK_ID + 1, sizes.vocab, mask.shape, generator=seed)
    # Not noise: the mean of every image would be the same grey.
    cells = torch.randint(0, 256, (sizes.images, 3, CELLS, CELLS), generator=seed).float()
    batch = Batch(
        images=F.interpolate(cells, size=(sizes.pixels, sizes.pixels)).byte(),
        tokens=words.where(mask, PAD_ID),
        mask=mask,
        image_of=torch.arange(sizes.images).repeat_interleave(sizes.questions),
        question_of=torch.arange(rows) % different,
        labels=torch.randint(sizes.answers, (rows,), generator=seed),
    )
    return Batch._make(part.to(device) for part in batch)


def one_image_a_row(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Lay out a batch as the tutorial's data set does: images, tokens and lengths of each row."""
    lengths = batch.mask.sum(dim=1)
    questions = batch.question_of
    return batch.images[batch.image_of], batch.tokens[questions], lengths[questions]


def make_tutorial(sizes: Sizes) -> TutorialAnswerer:
    """Build the tutorial's network, always with the same weights."""
    torch.manual_seed(0)
    tutorial = TutorialAnswerer(sizes)
    _measure_statistics(tutorial, make_batch(sizes, torch.device("cpu")).images)
    if sizes.frozen:
        tutorial.encoder.requires_grad_(False).eval()
    return tutorial


def make_answerer(sizes: Sizes, fusion: FusionName) -> Answerer:
    """Build ours; the joint space of another fusion than ``multiply`` is as wide as by default."""
    torch.manual_seed(0)
    settings = AnswererSettings(
        encoder=_encoder(sizes),
        fusion=fusion,
        embedding_dim=sizes.embedding,
        question_dim=sizes.hidden,
        fusion_dim=sizes.width if fusion == "multiply" else AnswererSettings.fusion_dim,
        answer_dim=sizes.before_answers,
    )
    return Answerer(settings, sizes.vocab, sizes.answers)


def make_twin(tutorial: TutorialAnswerer, sizes: Sizes) -> Answerer:
    """Build ours with the tutorial's weights."""
    twin = make_answerer(sizes, "multiply")
    pairs: list[tuple[Any, nn.Module]] = [
        (twin.questions.embedding, tutorial.embedding),
        (twin.fusion.image, tutorial.image),
        (twin.fusion.question, tutorial.question),
        (twin.answer[0], tutorial.before),
        (twin.answer[-1], tutorial.output),
    ]
    for mine, other in pairs:
        mine.load_state_dict(other.state_dict())
    lstm = {f"{name}_l0": weight for name, weight in tutorial.cell.state_dict().items()}
    layers: Any = twin.questions.reader.ahead[0].layers
    layers.load_state_dict(lstm)
    _copy_encoder(tutorial, twin)
    return twin


def make_slots(tutorial: TutorialAnswerer, sizes: Sizes) -> Answerer:
    """Build ours with its default fusion and the tutorial's encoder."""
    answerer = make_answerer(sizes, "slots")
    _copy_encoder(tutorial, answerer)
    return answerer


def train_tutorial(tutorial: TutorialAnswerer, batch: Batch) -> Callable[[], None]:
    """Build the tutorial's training step."""
    rows = one_image_a_row(batch)
    optimizer = torch.optim.Adam(tutorial.parameters())
    return training_step(optimizer, lambda: F.cross_entropy(tutorial(*rows), batch.labels))


def train_ours(answerer: Answerer, batch: Batch, *, bf16: bool) -> Callable[[], None]:
    """Build our training step, as the task does it."""

    def loss() -> Tensor:
        with torch.autocast(batch.images.device.type, torch.bfloat16, enabled=bf16):
            return F.cross_entropy(_logits(answerer, batch).float(), batch.labels)

    return training_step(torch.optim.AdamW(answerer.parameters(), fused=True), loss)


def answer_tutorial(tutorial: TutorialAnswerer, batch: Batch) -> Callable[[], Tensor]:
    """Build the tutorial's answering: the best answer of each row."""
    tutorial.eval()
    rows = one_image_a_row(batch)

    def answer() -> Tensor:
        with torch.no_grad():
            best: Tensor = tutorial(*rows).argmax(dim=1)
            return best

    return answer


def answer_ours(answerer: Answerer, batch: Batch, *, bf16: bool) -> Callable[[], Tensor]:
    """Build our answering, as the predictor does it."""
    answerer.eval()
    device = batch.images.device.type

    def answer() -> Tensor:
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=bf16):
            return _logits(answerer, batch).argmax(dim=1)

    return answer


def difference(tutorial: TutorialAnswerer, twin: Answerer, batch: Batch) -> float:
    """Compute the largest difference of both sides' logits.

    It is in standard deviations of a logit over the rows, because what all rows share proves
    nothing.
    """
    with torch.no_grad():
        theirs = tutorial.eval()(*one_image_a_row(batch))
        apart = (_logits(twin.eval(), batch) - theirs).abs().max()
        return float(apart / theirs.std(dim=0).mean())


def _encoder(sizes: Sizes) -> EncoderSettings:
    stages = 0 if sizes.frozen else -1
    return EncoderSettings(sizes.encoder, trainable_stages=stages, coordinates=False)


def _measure_statistics(tutorial: TutorialAnswerer, images: Tensor) -> None:
    """Set batch normalisation from the images; otherwise the features of all images are alike."""
    norms = [module for module in tutorial.modules() if isinstance(module, nn.BatchNorm2d)]
    momentum = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = None  # torch then takes the plain mean over all batches, here one
    with torch.no_grad():
        tutorial.encode_images(images)
    for norm, before in zip(norms, momentum, strict=True):
        norm.momentum = before


def _copy_encoder(tutorial: TutorialAnswerer, answerer: Answerer) -> None:
    ours: Any = answerer.encoder
    body = ours.blocks if isinstance(ours, SmallCNN) else ours.network.features
    body.load_state_dict(tutorial.encoder.state_dict())


def _logits(answerer: Answerer, batch: Batch) -> Tensor:
    features = answerer.encoder(batch.images)
    rows = (batch.image_of, batch.question_of)
    logits: Tensor = answerer(features, batch.tokens, batch.mask, *rows)[0]
    return logits


def _ways(
    sizes: Sizes,
    machine: Machine,
    run_tutorial: Callable[[TutorialAnswerer, Batch], Callable[[], object]],
    run_ours: Callable[..., Callable[[], object]],
    *,
    slots: bool,
) -> dict[str, Way]:
    tutorial = make_tutorial(sizes)
    single = make_batch(replace(sizes, questions=1, repeats=1), machine.device)
    batch, rows = make_batch(sizes, machine.device), sizes.images * sizes.questions
    ways = {}
    for ending, bf16 in {"": False, **({"_bf16": True} if machine.bf16 else {})}.items():
        for fusion, make in {"multiply": make_twin, "slots": make_slots}.items():
            if fusion == "multiply" or slots:
                answerer = make(tutorial, sizes).to(machine.device)
                ways[fusion + ending] = Way(run_ours(answerer, batch, bf16=bf16), rows)
    run = run_tutorial(tutorial.to(machine.device), single)
    return {"tutorial": Way(run, sizes.images, tuned=False), **ways}
