"""Fit a linear classifier on the features of a frozen encoder, in seconds.

Every image is encoded once; features of files are cached for the next run. A logistic regression of
scikit-learn is fitted on them and becomes the classifier's head, in an ordinary checkpoint. A
linear support vector machine is fitted as well, to compare.

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
from lightning.pytorch import LightningDataModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn

from multimodal.classification.data import ClassificationData
from multimodal.classification.model import Classifier
from multimodal.classification.task import ClassificationTask
from multimodal.data.examples import ImageExample, ImageFile
from multimodal.data.features import cache_features
from multimodal.data.transforms import EvalTransform
from multimodal.training.checkpoints import checkpoint_folder
from multimodal.training.report import write_sizes
from multimodal.training.unfreezing import check_start

_READ = 256  # images whose cached maps are pooled together
_LOGGER = logging.getLogger(__name__)


class Features(NamedTuple):
    """The features of a split's images whose label is known.

    Attributes:
        pooled: One vector an image, ``(images, pooled)``.
        labels: The class of each, ``(images,)``.
    """

    pooled: Float[Tensor, "images pooled"]
    labels: Int[Tensor, " images"]


class LinearHead(NamedTuple):
    """A linear layer."""

    weight: Float[Tensor, "classes pooled"]
    bias: Float[Tensor, " classes"]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The accuracies of the linear classifiers.

    Attributes:
        images: Number of images that they were fitted on.
        regression: Accuracy of the logistic regression on the validation images, from 0 to 1.
        support_vectors: That of the support vector machine.
        seconds: Duration of encoding and fitting.
    """

    images: int
    regression: float
    support_vectors: float
    seconds: float


def probe(
    task: ClassificationTask,
    data: LightningDataModule,
    trainer: Trainer,
    *,
    strength: float = 0.01,
) -> ProbeResult:
    """Fit a logistic regression on the features of a frozen encoder, and save the classifier.

    A task with ``transfer`` linear is trained like this: the regression becomes the head, the
    trainer validates it, and ``best.ckpt`` is written among the run's checkpoints.

    Args:
        task: A classifier of one label without hidden layers.
        data: A `ClassificationData` with its images.
        trainer: Gives the device and the folder.
        strength: Inverse of the regularisation (scikit-learn's C).

    Raises:
        ValueError: If the task is of another target, its head has hidden layers, its encoder starts
            from random weights, or the data are of another kind.
    """
    started = time.perf_counter()
    model = task.model
    if not isinstance(data, ClassificationData):
        raise ValueError(
            "`transfer` linear reads its images from a ClassificationData, got "
            f"{type(data).__name__}. Give it one, or set `transfer` to head."
        )
    if task.target != "label" or len(list(model.head.parameters())) > 2:
        raise ValueError(
            "`transfer` linear is a logistic regression of one label, without hidden layers. "
            "Set `target` to label and `settings.hidden` to nothing, or `transfer` to head."
        )
    check_start(task.transfer, task.settings.encoder.weights)
    model.to(trainer.strategy.root_device)
    train = encode(model, data, "train", folder=task.features)
    val = encode(model, data, "val", folder=task.features)
    regression, machine = fit_linear(train, len(data.labels), strength=strength)
    last = model.head[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.weight.copy_(regression.weight / model.output_scale)
        last.bias.copy_(regression.bias / model.output_scale)
    scores = accuracy(regression, val), accuracy(machine, val)
    seconds = time.perf_counter() - started
    _LOGGER.info(
        "Linear classifiers of %d images, on %d others: logistic regression %.1f %%, support "
        "vector machine %.1f %%, in %.1f s.",
        len(train.labels),
        len(val.labels),
        *(100 * score for score in scores),
        seconds,
    )
    _validate_and_save(task, data, trainer)
    return ProbeResult(len(train.labels), *scores, seconds)


def encode(
    model: Classifier, data: ClassificationData, split: str, *, folder: str = ""
) -> Features:
    """Encode the labelled images of a split without augmentation, and pool their feature maps.

    Args:
        folder: Folder in which encoded image files are kept; empty keeps none.
    """
    files = [example.image for example in data.examples(split)]
    training = model.training
    model.eval()
    with torch.inference_mode():
        if folder and all(isinstance(file, ImageFile) for file in files):
            features = _cached(model, data, split, Path(folder))
        else:
            device = next(model.parameters()).device
            batches = [
                Features(model.pool(model.feature_map(batch.images.to(device))), batch.labels)
                for batch in data.in_order(split)
            ]
            pooled, labels = (torch.cat(column).cpu() for column in zip(*batches, strict=True))
            features = Features(pooled.float(), labels)
    model.train(training)
    known = features.labels >= 0
    return Features(features.pooled[known], features.labels[known])


def fit_linear(
    features: Features, classes: int, *, strength: float
) -> tuple[LinearHead, LinearHead]:
    """Fit a logistic regression and a linear support vector machine, as layers on the features.

    Args:
        features: Scaled to mean 0 and deviation 1 for the fit.
        classes: The number of classes; those without an image are never predicted.
        strength: Inverse of the weight of squared coefficients (scikit-learn's C).

    Raises:
        ValueError: If all images are of one class.
    """
    from sklearn.linear_model import LogisticRegression  # slow to import
    from sklearn.svm import LinearSVC

    present = features.labels.unique()
    if len(present) < 2:
        raise ValueError(
            "A linear classifier needs images of two classes or more, got those of "
            f"{len(present)}. Add images of another class."
        )
    mean = features.pooled.mean(dim=0)
    deviation = features.pooled.std(dim=0, correction=0).clamp(min=1e-6)
    vectors = ((features.pooled - mean) / deviation).numpy()
    labels = features.labels.numpy()
    regression = LogisticRegression(C=strength, max_iter=500).fit(vectors, labels)
    machine = LinearSVC(C=strength / 10, dual="auto").fit(vectors, labels)
    scaling = (mean, deviation)
    return _layer(regression, present, classes, scaling), _layer(machine, present, classes, scaling)


def accuracy(head: LinearHead, features: Features) -> float:
    """Return the share of images that a linear layer gets right, from 0 to 1."""
    predicted = (features.pooled @ head.weight.T + head.bias).argmax(dim=1)
    return (predicted == features.labels).double().sum().item() / max(1, len(predicted))


def _validate_and_save(
    task: ClassificationTask, data: ClassificationData, trainer: Trainer
) -> None:
    trainer.validate(task, data, verbose=False)
    path = checkpoint_folder(trainer) / "best.ckpt"
    trainer.save_checkpoint(
        path, weights_only=False
    )  # saves the whole of it; opening is always safe
    keeper = trainer.checkpoint_callback
    if isinstance(keeper, ModelCheckpoint):  # as if it had written the checkpoint
        keeper.best_model_path = str(path)
        keeper.best_model_score = trainer.callback_metrics.get(keeper.monitor or "")
    write_sizes(trainer, data, ("train", "val"))


def _cached(model: Classifier, data: ClassificationData, split: str, folder: Path) -> Features:
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
    return Features(torch.cat(pooled), _numbers(examples, data.labels)[good])


def _numbers(examples: Sequence[ImageExample], labels: Sequence[str]) -> Tensor:
    numbers: dict[object, int] = {label: number for number, label in enumerate(labels)}
    return torch.tensor([numbers.get(example.label, -1) for example in examples])


def _layer(
    fitted: Any, present: Tensor, classes: int, scaling: tuple[Tensor, Tensor]
) -> LinearHead:
    """Turn a model of scikit-learn into a layer on vectors before scaling."""
    mean, deviation = scaling
    coefficients = torch.tensor(fitted.coef_, dtype=torch.float32)
    intercepts = torch.tensor(fitted.intercept_, dtype=torch.float32)
    if len(coefficients) == 1:  # of two classes: one function, positive for the second
        coefficients = torch.cat([-coefficients, coefficients]) / 2
        intercepts = torch.cat([-intercepts, intercepts]) / 2
    weight = torch.zeros(classes, coefficients.shape[1])
    bias = torch.full((classes,), intercepts.min().item() - 1e3)  # of classes without images
    weight[present] = coefficients / deviation
    bias[present] = intercepts - (coefficients / deviation) @ mean
    return LinearHead(weight, bias)
