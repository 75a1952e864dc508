"""A linear classifier on what a frozen encoder sees: seconds of work, and a good one.

Every image is encoded once; files keep what was seen in a cache, so that the next run reads it in
milliseconds. A logistic regression of scikit-learn learns from that, and becomes the classifier's
head: the run's checkpoint is one like any other. A linear support vector machine is fitted beside
it, to compare.

References:
    Kornblith, Shlens and Le 2019, "Do better ImageNet models transfer better?", section 3.2
    (logistic regression on the pooled last grid); Sharif Razavian et al. 2014, "CNN features
    off-the-shelf: an astounding baseline for recognition" (the support vector machine).
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from typing_extensions import override

from multimodal.classification.data import ClassificationData
from multimodal.classification.model import Classifier
from multimodal.data.examples import ImageExample, ImageFile
from multimodal.data.features import cache_features
from multimodal.data.transforms import EvalTransform

_READ = 256  # images whose cached maps are pooled together
_LOGGER = logging.getLogger(__name__)


class Seen(NamedTuple):
    """What a frozen encoder sees of a split.

    Attributes:
        pooled: One vector an image, ``(images, pooled)``.
        labels: The class of each, ``(images,)``.
    """

    pooled: Float[Tensor, "images pooled"]
    labels: Int[Tensor, " images"]


class LinearHead(NamedTuple):
    """A linear layer.

    Attributes:
        weight: ``(classes, pooled)``.
        bias: ``(classes,)``.
    """

    weight: Float[Tensor, "classes pooled"]
    bias: Float[Tensor, " classes"]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What the linear classifiers reach.

    Attributes:
        images: How many images they learned from.
        regression: Accuracy of the logistic regression on the validation images, a share.
        support_vectors: That of the support vector machine.
        seconds: How long it all took, encoding included.
    """

    images: int
    regression: float
    support_vectors: float
    seconds: float


class LinearProbe(Callback):
    """Fit a logistic regression on a frozen encoder, and make it the head of ``task.model``.

    The run is then one step long, at a rate of 0: enough for Lightning to validate and to save.

    Args:
        folder: Where what the encoder sees of image files is kept; empty for nowhere.
        strength: How closely the classifiers follow their training images (scikit-learn's C).

    Attributes:
        result: What they reach, once the run has begun.
    """

    def __init__(self, folder: str = "", strength: float = 0.01) -> None:
        super().__init__()
        self.folder = folder
        self.strength = strength
        self.result: ProbeResult | None = None

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Make the run one step long."""
        if stage == "fit":
            trainer.fit_loop.max_epochs = 1
            trainer.limit_train_batches = 1

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Encode, fit, and put the regression into the head.

        Raises:
            ValueError: If the task tells no single label, or its head has hidden layers.
        """
        begun = time.perf_counter()
        model, data = pl_module.get_submodule("model"), getattr(trainer, "datamodule", None)
        assert isinstance(model, Classifier)
        if (
            getattr(pl_module, "target", "label") != "label"
            or len(list(model.head.parameters())) > 2
        ):
            raise ValueError(
                "`transfer` linear is a logistic regression of one label, without hidden layers. "
                "Set `target` to label and `settings.hidden` to nothing, or `transfer` to head."
            )
        if not isinstance(data, ClassificationData):
            raise ValueError(
                "`transfer` linear reads its images from a ClassificationData, got "
                f"{type(data).__name__}. Give the trainer one, or set `transfer` to head."
            )
        train = see(model, data, "train", folder=self.folder)
        val = see(model, data, "val", folder=self.folder)
        classes = len(data.labels)
        regression, machine = fit_linear(train, classes, strength=self.strength)
        last = model.head[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.weight.copy_(regression.weight / model.output_scale)
            last.bias.copy_(regression.bias / model.output_scale)
        self.result = ProbeResult(
            len(train.labels),
            accuracy(regression, val),
            accuracy(machine, val),
            time.perf_counter() - begun,
        )
        _LOGGER.info(
            "Linear classifiers of %d images, on %d others: logistic regression %.1f %%, support "
            "vector machine %.1f %%, in %.1f s.",
            self.result.images,
            len(val.labels),
            100 * self.result.regression,
            100 * self.result.support_vectors,
            self.result.seconds,
        )


def see(model: Classifier, data: ClassificationData, split: str, *, folder: str = "") -> Seen:
    """Encode a split as evaluation sees it, and pool each map as the classifier does.

    Args:
        model: Its encoder and pooling.
        data: Has the images.
        split: ``train``, ``val`` or ``test``.
        folder: Where encoded image files are kept; empty for nowhere.

    Returns:
        What is seen of the images whose label is known.
    """
    files = [example.image for example in data.examples(split)]
    training = model.training
    model.eval()
    with torch.inference_mode():
        if folder and all(isinstance(file, ImageFile) for file in files):
            found = _cached(model, data, split, Path(folder))
        else:
            device = next(model.parameters()).device
            batches = [
                Seen(model.pool(model.feature_map(batch.images.to(device))), batch.labels)
                for batch in data.in_order(split)
            ]
            pooled, labels = (torch.cat(column).cpu() for column in zip(*batches, strict=True))
            found = Seen(pooled.float(), labels)
    model.train(training)
    known = found.labels >= 0
    return Seen(found.pooled[known], found.labels[known])


def fit_linear(seen: Seen, classes: int, *, strength: float) -> tuple[LinearHead, LinearHead]:
    """Fit a logistic regression and a linear support vector machine.

    Args:
        seen: What they learn from; each number of the vectors is brought to deviation 1 for it.
        classes: How many classes there are; those without an image are never chosen.
        strength: Inverse of the weight of squared coefficients (scikit-learn's C).

    Returns:
        Both as layers on the vectors as they are.

    Raises:
        ValueError: If all images are of one class.

    Example:
        >>> pooled = torch.tensor([[0.0, 1.0], [0.1, 0.9], [1.0, 0.0], [0.9, 0.2]])
        >>> seen = Seen(pooled, torch.tensor([0, 0, 2, 2]))
        >>> regression, machine = fit_linear(seen, 3, strength=1.0)
        >>> accuracy(regression, seen), accuracy(machine, seen)
        (1.0, 1.0)
    """
    from sklearn.linear_model import LogisticRegression  # slow to import
    from sklearn.svm import LinearSVC

    there = seen.labels.unique()
    if len(there) < 2:
        raise ValueError(
            "A linear classifier needs images of two classes or more, got those of "
            f"{len(there)}. Add images of another class."
        )
    mean = seen.pooled.mean(dim=0)
    deviation = seen.pooled.std(dim=0, correction=0).clamp(min=1e-6)
    vectors = ((seen.pooled - mean) / deviation).numpy()
    labels = seen.labels.numpy()
    regression = LogisticRegression(C=strength, max_iter=500).fit(vectors, labels)
    machine = LinearSVC(C=strength / 10, dual="auto").fit(vectors, labels)
    scaling = (mean, deviation)
    return _layer(regression, there, classes, scaling), _layer(machine, there, classes, scaling)


def accuracy(head: LinearHead, seen: Seen) -> float:
    """Compute the share of images that a linear layer gets right.

    Args:
        head: The layer.
        seen: Images.

    Returns:
        A number from 0 to 1; 0 if there are no images.

    Example:
        >>> head = LinearHead(torch.eye(2), torch.zeros(2))
        >>> accuracy(head, Seen(torch.tensor([[2.0, 1.0]]), torch.tensor([0])))
        1.0
    """
    said = (seen.pooled @ head.weight.T + head.bias).argmax(dim=1)
    return (said == seen.labels).double().sum().item() / max(1, len(said))


def _cached(model: Classifier, data: ClassificationData, split: str, folder: Path) -> Seen:
    examples = data.examples(split)
    files = [example.image for example in examples if isinstance(example.image, ImageFile)]
    cache = cache_features(
        model.encoder,
        files,
        EvalTransform(data.settings),
        folder / split,
        device=next(model.parameters()).device,
        on_bad_image=data.on_bad_image,
        progress=True,
    )
    grid = model.encoder.grid(data.settings.size, data.settings.size)
    good = cache.valid.nonzero()[:, 0]
    pooled = [
        model.pool(cache.read(rows).transpose(1, 2).unflatten(2, grid).float())
        for rows in good.split(_READ)
    ]
    return Seen(torch.cat(pooled), _numbers(examples, data.labels)[good])


def _numbers(examples: Sequence[ImageExample], labels: Sequence[str]) -> Tensor:
    numbers: dict[object, int] = {label: number for number, label in enumerate(labels)}
    return torch.tensor([numbers.get(example.label, -1) for example in examples])


def _layer(fitted: Any, there: Tensor, classes: int, scaling: tuple[Tensor, Tensor]) -> LinearHead:
    """Turn a model of scikit-learn into a layer on vectors as they were before scaling."""
    mean, deviation = scaling
    coefficients = torch.tensor(fitted.coef_, dtype=torch.float32)
    intercepts = torch.tensor(fitted.intercept_, dtype=torch.float32)
    if len(coefficients) == 1:  # of two classes: one function, positive for the second
        coefficients = torch.cat([-coefficients, coefficients]) / 2
        intercepts = torch.cat([-intercepts, intercepts]) / 2
    weight = torch.zeros(classes, coefficients.shape[1])
    bias = torch.full((classes,), intercepts.min().item() - 1e3)  # of classes without images
    weight[there] = coefficients / deviation
    bias[there] = intercepts - (coefficients / deviation) @ mean
    return LinearHead(weight, bias)
