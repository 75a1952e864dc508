"""Classification: the training of an image classifier, the usual recipe against ours.

The usual recipe is that of tutorials: PIL transforms image by image in worker processes,
normalised floats in the contiguous layout, torch's default Adam, single precision, the loss read
out at each step. Ours is the same network with the same weights (the logits are compared first),
run as the command line runs it: batches of bytes opened once and augmented together, channels
last, a fused optimiser, the CPU tuned, bfloat16 where the hardware computes in it. Small images
are in memory on both sides, as CIFAR's are; large ones are JPEG files. A rate is images a second.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from multimodal.classification.dataset import ClassificationDataset, PixelSource
from multimodal.classification.model import Classifier, ClassifierSettings
from multimodal.data.augmentation import Augmentation
from multimodal.data.buckets import BucketSampler
from multimodal.data.examples import ImageExample, ImageFile, PixelImage
from multimodal.data.image_source import ImageSource
from multimodal.data.loaders import ResumableLoader
from multimodal.data.transforms import TrainTransform, TransformSettings
from multimodal.nn.encoders import EncoderSettings
from multimodal.nn.label_losses import label_loss
from multimodal.training.optimisers.adamw import Rates as LearningRates
from multimodal.training.optimisers.adamw import adamw
from sides.timing import Machine, Rates, Results, Way

PROMISES = {"training_32": "3.0", "training_224": "2.0"}
IN_MEMORY = 64  # up to this side, images are in memory and are shifted; larger ones are cropped
PADDING = 1 / 8  # of a small image's side


@dataclass(frozen=True)
class Sizes:
    """How large everything is; the default is the small residual network on CIFAR's images.

    Args:
        encoder: Name of the network.
        pixels: Side of the images that are trained on.
        stored: Side of the images on disk, where they are large.
        channels: Widths of the small residual network.
        batch: Images in a batch.
        images: Images in the data set.
        classes: Classes.
        workers: Processes of the usual recipe.
    """

    encoder: str = "residual"
    pixels: int = 32
    stored: int = 320
    channels: tuple[int, ...] = (32, 64, 128, 256)
    batch: int = 128
    images: int = 512
    classes: int = 10
    workers: int = 2


SMALL = Sizes()
LARGE = Sizes(encoder="resnet18", pixels=224, batch=16, images=32)
SWEEP = {
    **{f"{side} pixels": replace(SMALL, pixels=side) for side in (32, 48, 64)},
    **{f"batches of {batch}": replace(SMALL, batch=batch) for batch in (32, 256)},
    **{f"{workers} workers": replace(SMALL, workers=workers) for workers in (0, 4)},
}


def measure(machine: Machine, *, quick: bool) -> Results:
    """Measure the ratios, and unless it is quick also other sizes and numbers of workers."""
    results = compare(SMALL, LARGE, machine, seconds=16 if quick else 90)
    for name, sizes in () if quick else SWEEP.items():
        results.figures[f"{name}, images a second"] = train(sizes, machine, seconds=90 / len(SWEEP))
    return results


def compare(small: Sizes, large: Sizes, machine: Machine, *, seconds: float) -> Results:
    """Time the training on small and on large images, for about so many seconds."""
    rates = {
        name: train(sizes, machine, seconds=seconds / 2)
        for name, sizes in zip(PROMISES, (small, large), strict=True)
    }
    best = f"ours_{machine.best}"
    return Results(
        {name: each[best] / each["recipe"] for name, each in rates.items()},
        {f"{name}, images a second": each for name, each in rates.items()},
    )


def train(sizes: Sizes, machine: Machine, *, seconds: float) -> Rates:
    """Time the training, and our share of the machine's rate of matrix products.

    Raises:
        SystemExit: If the logits of the sides differ.
    """
    model = make_model(sizes)
    recipe = Recipe(model, sizes).to(machine.device)
    model.to(machine.device)
    torch.set_float32_matmul_precision("highest")
    apart = difference(recipe, model, sizes)
    machine.check_logits(apart, "the usual recipe", cpu=1e-3, cuda=1e-1)
    images = sizes.images // sizes.batch * sizes.batch
    with make_album(sizes) as album:
        epoch = train_recipe(recipe, album, sizes, machine.device)
        ways = {"recipe": Way(epoch, images, tuned=False)}
        for ending, bf16 in machine.modes.items():
            ours = make_like(model, sizes).to(machine.device)
            epoch = train_ours(ours, album, sizes, machine.device, bf16=bf16)
            ways[f"ours_{ending}"] = Way(epoch, images)
        ways["matmul"] = machine.product(1024, 1024, 1024)
        rates = machine.rates(ways, seconds=seconds)
    fraction = rates[f"ours_{machine.best}"] * flops(model, sizes) / rates["matmul"]
    return rates | {"fraction_of_matmul_rate": fraction}


class Recipe(nn.Module):
    """A classifier's layers as tutorials run them: normalised floats, contiguous layout.

    Args:
        classifier: Its layers and weights; a copy is taken.
        sizes: What it was made of.
    """

    def __init__(self, classifier: Classifier, sizes: Sizes) -> None:
        super().__init__()
        own = make_like(classifier, sizes)
        self.encoder, self.head, self.classifier = own.encoder, own.head, own
        self.to(memory_format=torch.contiguous_format)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of normalised images ``(batch, 3, height, width)``."""
        return self.classifier.classify(self.encoder.encode(images))


class Images(Dataset[tuple[Tensor, int]]):
    """Images that are opened and augmented one by one.

    Args:
        images: uint8 arrays, or JPEG files.
        labels: Their classes.
        transform: The transform of torchvision.
    """

    def __init__(
        self,
        images: list[np.ndarray] | list[Path],
        labels: list[int],
        transform: Callable[[Image.Image], Tensor],
    ) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Open one image."""
        given = self.images[index]
        image = Image.open(given) if isinstance(given, Path) else Image.fromarray(given)
        return self.transform(image.convert("RGB")), self.labels[index]


@dataclass(frozen=True)
class Album:
    """The images of both sides.

    Args:
        arrays: ``(images, height, width, 3)`` uint8, where they are in memory.
        files: JPEG files, where they are large.
        labels: Their classes.
    """

    arrays: np.ndarray | None
    files: list[Path]
    labels: list[int]


@contextmanager
def make_album(sizes: Sizes) -> Iterator[Album]:
    """Draw random images; large ones are written to a temporary folder."""
    random = np.random.default_rng(0)
    labels = random.integers(sizes.classes, size=sizes.images).tolist()
    if sizes.pixels <= IN_MEMORY:
        shape = (sizes.images, sizes.pixels, sizes.pixels, 3)
        yield Album(random.integers(0, 256, shape, dtype=np.uint8), [], labels)
        return
    with TemporaryDirectory() as folder:
        files = [Path(folder, f"{number}.jpg") for number in range(sizes.images)]
        for file in files:
            # Smooth as photographs are: noise would take a JPEG many times as long to open.
            coarse = random.integers(0, 256, (sizes.stored // 16, sizes.stored // 16, 3))
            image = Image.fromarray(coarse.astype(np.uint8))
            image.resize((sizes.stored,) * 2, Image.Resampling.BICUBIC).save(file, "JPEG")
        yield Album(None, files, labels)


def make_model(sizes: Sizes) -> Classifier:
    """Build the network."""
    torch.manual_seed(0)
    encoder = EncoderSettings(name=sizes.encoder)
    if sizes.encoder == "residual":
        strides = [1, *[2] * (len(sizes.channels) - 1)]
        encoder = EncoderSettings(
            name="residual", channels=list(sizes.channels), strides=strides, activation="relu"
        )
    return Classifier(ClassifierSettings(encoder), sizes.classes, image_size=sizes.pixels)


def make_like(classifier: Classifier, sizes: Sizes) -> Classifier:
    """Build the same network with the same weights."""
    other = make_model(sizes)
    other.load_state_dict(classifier.state_dict())
    return other


def normalise(model: Classifier, images: Tensor) -> Tensor:
    """Normalise images from 0 to 1 as the encoder does."""
    encoder = model.encoder
    return torch.addcmul(encoder.shift.cpu(), images, encoder.scale.cpu())


def train_recipe(
    model: Recipe, album: Album, sizes: Sizes, device: torch.device
) -> Callable[[], object]:
    """Build an epoch of the usual recipe."""
    encoder = model.encoder
    mean = (-encoder.shift / encoder.scale).flatten().tolist()
    std = (1 / encoder.scale).flatten().tolist()
    moves: list[Any] = (
        [transforms.RandomCrop(sizes.pixels, padding=round(PADDING * sizes.pixels))]
        if album.arrays is not None
        else [transforms.RandomResizedCrop(sizes.pixels, scale=(0.5, 1.0))]
    )
    transform = transforms.Compose(
        [
            *moves,
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(mean, std),
        ]
    )
    images = album.files if album.arrays is None else list(album.arrays)
    loader = DataLoader(
        Images(images, album.labels, transform),
        batch_size=sizes.batch,
        shuffle=True,
        drop_last=True,
        num_workers=sizes.workers,
        persistent_workers=sizes.workers > 0,
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()

    def epoch() -> float:
        model.train()
        total = 0.0
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total

    return epoch


def train_ours(
    model: Classifier, album: Album, sizes: Sizes, device: torch.device, *, bf16: bool
) -> Callable[[], object]:
    """Build an epoch as our classification task runs it."""
    loader = make_loader(album, sizes)
    chosen: Any = adamw(model, model.encoder, LearningRates(), 1_000)
    optimizer = chosen["optimizer"]

    def epoch() -> Tensor:
        model.train()
        total = torch.zeros((), device=device)
        for batch in loader:
            images, labels = batch.images.to(device), batch.labels.to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                logits = model(images)
            loss = label_loss(logits.float(), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return total

    return epoch


def make_loader(album: Album, sizes: Sizes) -> ResumableLoader[Any]:
    """Build our data set of the same images."""
    names = [str(number) for number in range(sizes.classes)]
    augmentation = Augmentation("flip_crop", sizes.pixels)
    stored: list[Any]
    source: PixelSource | ImageSource
    if album.arrays is not None:
        images = torch.from_numpy(album.arrays).permute(0, 3, 1, 2).contiguous()
        stored = [PixelImage("random", number) for number in range(sizes.images)]
        source = PixelSource(images, range(sizes.images))
    else:
        stored = [ImageFile(file) for file in album.files]
        source = ImageSource(
            stored,
            transform=TrainTransform(augmentation.opening(TransformSettings(size=sizes.pixels))),
            image_size=sizes.pixels,
            keep_bytes=1 << 30,
        )
    examples = [
        ImageExample(image, names[label], number)
        for number, (image, label) in enumerate(zip(stored, album.labels, strict=True))
    ]
    dataset = ClassificationDataset(examples, source, names, "label", augmentation=augmentation)
    # Whole batches on both sides.
    full = sizes.images // sizes.batch * sizes.batch
    return ResumableLoader(dataset, BucketSampler(full, batch_size=sizes.batch, seed=0))


def flops(model: Classifier, sizes: Sizes) -> float:
    """Count the floating point operations of training on one image.

    Three times those of the forward pass: once more for the gradients of the maps, once more for
    those of the weights.
    """
    counted = 0.0

    def count(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal counted
        if isinstance(layer, nn.Conv2d):
            inner = layer.weight[0].numel()
            counted += 2.0 * output.numel() * inner
        elif isinstance(layer, nn.Linear):
            counted += 2.0 * output.numel() * layer.in_features

    with ExitStack() as stack:
        for layer in model.modules():
            stack.callback(layer.register_forward_hook(count).remove)
        model.eval()
        with torch.no_grad():
            device = next(model.parameters()).device
            model(torch.zeros(1, 3, sizes.pixels, sizes.pixels, dtype=torch.uint8, device=device))
    return 3 * counted


def difference(recipe: Recipe, model: Classifier, sizes: Sizes) -> float:
    """Compute the largest difference of the log probabilities of both sides."""
    device = next(model.parameters()).device
    images = torch.randint(0, 256, (4, 3, sizes.pixels, sizes.pixels), dtype=torch.uint8)
    recipe.eval(), model.eval()
    with torch.no_grad():
        ours = model(images.to(device))
        theirs = recipe(normalise(model, images / 255).to(device))
    return float((F.log_softmax(ours, 1) - F.log_softmax(theirs, 1)).abs().max())
