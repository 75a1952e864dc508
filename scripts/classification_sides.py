"""The sides of the classification benchmark, ready to run: the usual recipe, and ours.

The usual recipe is that of tutorials: PIL transforms picture by picture in worker processes,
normalised floats in the contiguous layout, torch's default optimiser, single precision, the loss
read out at each step. Ours varies whole batches of bytes that were opened once, normalises inside
the network in the layout of channels last, and learns by a fused optimiser. The network is the
same, with the same weights. Small pictures lie in memory on both sides, as CIFAR's do; large ones
are JPEG files.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
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
from multimodal.training.optimisers.adamw import Rates, adamw

SMALL = 64  # up to this side, pictures lie in memory and are shifted; larger ones are cut
PADDING = 1 / 8  # of a small picture's side


@dataclass(frozen=True)
class Sizes:
    """How large everything is; by default the small residual network on CIFAR's pictures.

    Args:
        encoder: Name of the network.
        pixels: Side of the pictures that are learnt from.
        stored: Side of the pictures on disk, where they are large.
        channels: Widths of the small residual network.
        batch: Pictures in a batch.
        images: Pictures in the data set.
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


class Pictures(Dataset[tuple[Tensor, int]]):
    """Pictures that are opened and varied one by one.

    Args:
        pictures: uint8 arrays, or JPEG files.
        labels: Their classes.
        transform: What torchvision does to each.
    """

    def __init__(
        self,
        pictures: list[np.ndarray] | list[Path],
        labels: list[int],
        transform: Callable[[Image.Image], Tensor],
    ) -> None:
        self.pictures, self.labels, self.transform = pictures, labels, transform

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Open one picture."""
        found = self.pictures[index]
        picture = Image.open(found) if isinstance(found, Path) else Image.fromarray(found)
        return self.transform(picture.convert("RGB")), self.labels[index]


@dataclass(frozen=True)
class Album:
    """The pictures of both sides.

    Args:
        arrays: ``(images, height, width, 3)`` uint8, where they lie in memory.
        files: JPEG files, where they are large.
        labels: Their classes.
    """

    arrays: np.ndarray | None
    files: list[Path]
    labels: list[int]


@contextmanager
def make_album(sizes: Sizes) -> Iterator[Album]:
    """Draw random pictures; large ones are written to a folder that is gone afterwards."""
    random = np.random.default_rng(0)
    labels = random.integers(sizes.classes, size=sizes.images).tolist()
    if sizes.pixels <= SMALL:
        shape = (sizes.images, sizes.pixels, sizes.pixels, 3)
        yield Album(random.integers(0, 256, shape, dtype=np.uint8), [], labels)
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        files = [folder / f"{number}.jpg" for number in range(sizes.images)]
        for file in files:
            # Smooth as photographs are: noise would take a JPEG many times as long to open.
            coarse = random.integers(0, 256, (sizes.stored // 16, sizes.stored // 16, 3))
            picture = Image.fromarray(coarse.astype(np.uint8))
            content = io.BytesIO()
            picture.resize((sizes.stored,) * 2, Image.Resampling.BICUBIC).save(content, "JPEG")
            file.write_bytes(content.getvalue())
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
    """Bring images from 0 to 1 to what the layers take."""
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
    pictures = album.files if album.arrays is None else list(album.arrays)
    loader = DataLoader(
        Pictures(pictures, album.labels, transform),
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
    found: Any = adamw(model, model.encoder, Rates(), 1_000)
    optimizer = found["optimizer"]

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
    """Build our data set over the same pictures."""
    names = [str(number) for number in range(sizes.classes)]
    augmentation = Augmentation("flip_crop", sizes.pixels)
    places: list[Any]
    source: PixelSource | ImageSource
    if album.arrays is not None:
        images = torch.from_numpy(album.arrays).permute(0, 3, 1, 2).contiguous()
        places = [PixelImage("random", number) for number in range(sizes.images)]
        source = PixelSource(images, range(sizes.images))
    else:
        places = [ImageFile(file) for file in album.files]
        source = ImageSource(
            places,
            transform=TrainTransform(augmentation.opening(TransformSettings(size=sizes.pixels))),
            image_size=sizes.pixels,
            keep_bytes=1 << 30,
        )
    examples = [
        ImageExample(place, names[label], number)
        for number, (place, label) in enumerate(zip(places, album.labels, strict=True))
    ]
    dataset = ClassificationDataset(examples, source, names, "label", augmentation=augmentation)
    # Whole batches on both sides.
    full = sizes.images // sizes.batch * sizes.batch
    return ResumableLoader(dataset, BucketSampler(full, batch_size=sizes.batch, seed=0))


def flops(model: Classifier, sizes: Sizes) -> float:
    """Count the multiplications and additions of learning from one picture.

    Three times those of looking at it: once more for the gradients of the maps, once more for
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
    """Return how far the logits of both sides are apart, for the same pictures."""
    device = next(model.parameters()).device
    images = torch.randint(0, 256, (4, 3, sizes.pixels, sizes.pixels), dtype=torch.uint8)
    recipe.eval(), model.eval()
    with torch.no_grad():
        ours = model(images.to(device))
        theirs = recipe(normalise(model, images / 255).to(device))
    return float((F.log_softmax(ours, 1) - F.log_softmax(theirs, 1)).abs().max())
