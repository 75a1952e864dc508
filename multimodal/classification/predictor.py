"""A trained classifier as a function from pictures to labels, or to a count or a number.

`ClassificationPredictor` opens pictures with the function, and resizes them with the transform,
that its model was evaluated with; one that was trained on grey images sees grey ones. The predictor
keeps nothing from one call to the next, so any number of threads may share one.

References:
    Bridle 1990, "Probabilistic interpretation of feedforward classification network outputs" (the
    softmax); ITU-R BT.601 (the grey of a colour).
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, overload

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from multimodal.attribution.evidence import Evidence
from multimodal.classification.evidence import class_evidence
from multimodal.classification.model import (
    Classifier,
    ClassifierSettings,
    Target,
    num_outputs,
    read_out,
)
from multimodal.classification.result import Classification, Ranked
from multimodal.data.transforms import EvalTransform
from multimodal.inference.devices import Precision, arithmetic, check_precision, find_device
from multimodal.inference.inputs import (
    Picture,
    SeenPicture,
    Unusable,
    is_one,
    see_picture,
    seen_picture,
)
from multimodal.inference.rebuilding import (
    read_labels,
    read_number,
    read_transform,
    rebuild,
    refusing,
)
from multimodal.saving import read_model
from multimodal.saving.checkpoint import SavedModel

_LIKELY = 0.5  # above it one of several labels is held to be there
_GREY = (0.299, 0.587, 0.114)


class ClassificationPredictor:
    """Say what pictures show.

    Args:
        model: A trained classifier; it is moved to the device and set to evaluation.
        labels: Names of its classes in their order; none where it gives a count or a number.
        transform: The transform it was evaluated with.
        target: What it tells: one ``label``, several ``labels``, a ``count`` or a ``number``.
        centre: Added to the output of a model that gives a number, after `scale`.
        scale: What the output of a model that gives a number is multiplied by.
        device: ``auto`` takes a GPU if there is one; otherwise any device that torch knows.
        precision: ``float32``, or ``bfloat16``: faster where the hardware has it, and less exact.

    Raises:
        ValueError: If model and labels do not belong together, the device is not there, or `target`
            or `precision` is none of the names.

    Example:
        >>> from multimodal.data.transforms import TransformSettings
        >>> from multimodal.nn.encoders import EncoderSettings
        >>> settings = ClassifierSettings(EncoderSettings(channels=[8, 8], strides=[4, 4]))
        >>> transform = EvalTransform(TransformSettings(size=64))
        >>> model = Classifier(settings, 2)
        >>> predictor = ClassificationPredictor(model, ["rose", "tulip"], transform)
        >>> found = predictor(torch.zeros(3, 60, 80))
        >>> found.label in ("rose", "tulip"), len(found.top)
        (True, 2)
    """

    def __init__(
        self,
        model: Classifier,
        labels: Sequence[str],
        transform: EvalTransform,
        *,
        target: Target = "label",
        centre: float = 0.0,
        scale: float = 1.0,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> None:
        _check_outputs(model, num_outputs(target, labels), len(labels))
        check_precision(precision)
        self.device = find_device(device)
        self.precision = precision
        self.model = model.to(self.device).eval()
        self.labels = tuple(labels)
        self.transform = transform
        self.target = target
        self.centre = centre
        self.scale = scale

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> "ClassificationPredictor":
        """Rebuild a classifier from a saved model, which is read as data and never executed.

        Args:
            path: A shipped name, an exported folder, or a ``.ckpt`` file
                of a run of image classification.
            device: As for the class.
            precision: As for the class.

        Returns:
            The predictor.

        Raises:
            FileNotFoundError: If there is no such model.
            ValueError: If it is no model of a classifier, or does not fit this version.
        """
        saved = read_model(path, task="classification")
        return cls.from_saved(saved, str(path), device=device, precision=precision)

    @classmethod
    def from_saved(
        cls,
        saved: SavedModel,
        source: str,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> "ClassificationPredictor":
        """Rebuild a classifier from what `multimodal.saving.read_model` returned.

        Args:
            saved: Settings, labels, transform and weights.
            source: Where they come from, for messages.
            device: As for the class.
            precision: As for the class.

        Returns:
            The predictor.

        Raises:
            ValueError: If the parts do not fit each other, or this version.
        """
        labels, extra = read_labels(saved, source), saved.extra
        transform = read_transform(saved, source)
        target = extra.get("target", "label")
        with refusing(source):
            outputs = num_outputs(target, labels)
            centre, scale = (
                read_number(saved, *pair) for pair in (("centre", 0.0), ("scale", 1.0))
            )
        model = rebuild(
            lambda: Classifier(
                ClassifierSettings.for_loading(saved.settings),
                outputs,
                image_size=transform.settings.size,
                channels=extra.get("channels", 3),
                mean=extra.get("mean", ()),
            ),
            saved,
            source,
        )
        return cls(
            model,
            labels,
            transform,
            target=target,
            centre=centre,
            scale=scale,
            device=device,
            precision=precision,
        )

    @overload  # a str is an iterable of str too, but means a path: the first of the two counts
    def __call__(  # type: ignore[overload-overlap]
        self, images: Picture, *, top: int = ..., batch_size: int = ...
    ) -> Classification: ...

    @overload
    def __call__(
        self, images: Iterable[Picture], *, top: int = ..., batch_size: int = ...
    ) -> list[Classification]: ...

    def __call__(
        self, images: Picture | Iterable[Picture], *, top: int = 5, batch_size: int = 32
    ) -> Classification | list[Classification]:
        """Say what one picture shows, or each of many.

        Args:
            images: One picture, or many: a path, the bytes of a file, a PIL image, an array
                ``(height, width, 3)``, a tensor ``(3, height, width)``, a member of a zip archive
                (`ImageFile`) or a built-in `Scene`. An array or a tensor with a batch axis in front
                is many.
            top: How many labels are ranked.
            batch_size: Pictures that go through the model together.

        Returns:
            One classification of one picture; of many a list of them in their order.

        Raises:
            FileNotFoundError: If a file is not there.
            ImageError: If a picture cannot be used; the message names it.
            TypeError: If something is not a picture.
            ValueError: If an option is out of range.
        """
        one = is_one(images)
        if not one and not isinstance(images, Iterable):
            raise TypeError(
                "A predictor takes a picture (a path, bytes, a PIL image, an array or a tensor) "
                f"or a sequence of them, got {type(images).__name__}."
            )
        pictures: Any = [images] if one else images
        found = list(_or_raise(self._each(pictures, top, batch_size, numbered=not one)))
        return found[0] if one else found

    def stream(
        self, images: Iterable[Picture], *, top: int = 5, batch_size: int = 32
    ) -> Iterator[Classification | Unusable]:
        """Classify pictures one batch after another, for more than fit into memory.

        A picture that cannot be used does not stop the others: its error comes in its place.

        Args:
            images: Pictures; any iterable, from which a batch is taken at a time.
            top: As for a call.
            batch_size: As for a call.

        Yields:
            For each picture, in order, its classification, or the `ImageError` or
            `FileNotFoundError` that names it.

        Raises:
            TypeError: If something is not a picture.
            ValueError: If an option is out of range.
        """
        yield from self._each(images, top, batch_size, numbered=True)

    def seen(self, picture: Picture) -> UInt8[Tensor, "3 height width"]:
        """Return what the model sees of a picture, in its colours.

        Args:
            picture: One picture, as for a call.

        Returns:
            The whole picture, or the square that was cut from it, if that is the model's way.
        """
        return seen_picture(picture, self.transform)

    def _each(
        self, pictures: Iterable[Picture], top: int, batch_size: int, *, numbered: bool
    ) -> Iterator[Classification | Unusable]:
        for name, value in (("top", top), ("batch_size", batch_size)):
            if value < 1:
                raise ValueError(f"`{name}` must be 1 or more, got {value}.")
        items = enumerate(pictures)
        while batch := list(islice(items, batch_size)):
            opened = [
                see_picture(picture, self.transform, number if numbered else None)
                for number, picture in batch
            ]
            good = [seen for seen in opened if isinstance(seen, SeenPicture)]
            found = iter(self._classify(good, top) if good else ())
            for seen in opened:
                yield next(found) if isinstance(seen, SeenPicture) else seen

    @torch.inference_mode()
    def _classify(self, seen: list[SeenPicture], top: int) -> list[Classification]:
        images = torch.stack([picture.pixels for picture in seen]).to(self.device)
        if self.model.channels == 1:
            images = to_grey(images)
        with arithmetic(self.device, self.precision):
            outputs = self.model(images)
        outputs = outputs.float()
        values = read_out(outputs, self.target, centre=self.centre, scale=self.scale)
        if not self.labels:
            numbers = zip(values[:, 0].tolist(), seen, strict=True)
            return [self._number(*each) for each in numbers]
        # The outputs are ranked, since several probabilities may round to 1.
        wanted = top if self.target == "label" else len(self.labels)
        order = outputs.topk(min(wanted, len(self.labels)), dim=-1).indices
        shares = values.gather(1, order)
        return [
            self._result(*row, top)
            for row in zip(order.tolist(), shares.tolist(), seen, strict=True)
        ]

    def _number(self, value: float, seen: SeenPicture) -> Classification:
        whole = self.target == "count" and math.isfinite(value)
        label = str(round(value)) if whole else ""
        return Classification(label, 0.0, value=value, picture=seen)

    def _result(
        self, order: list[int], shares: list[float], seen: SeenPicture, top: int
    ) -> Classification:
        ranked = [Ranked(self.labels[n], share) for n, share in zip(order, shares, strict=True)]
        there = [each.label for each in ranked if each.probability > _LIKELY]
        labels = there if self.target == "labels" else [ranked[0].label]
        return Classification(*ranked[0], tuple(ranked[:top]), tuple(labels), picture=seen)

    def evidence(self, picture: Picture, question: str = "") -> Evidence:
        """Return the prediction with its scores, for `multimodal.explain`."""
        return class_evidence(self, picture, question)


def to_grey(
    images: UInt8[Tensor, "batch 3 height width"],
) -> UInt8[Tensor, "batch 1 height width"]:
    """Turn colour images into grey ones; grey ones of three channels keep their values.

    Args:
        images: RGB values.

    Returns:
        Their luma.

    Example:
        >>> to_grey(torch.full((1, 3, 1, 1), 77, dtype=torch.uint8)).item()
        77
    """
    weights = torch.tensor(_GREY, device=images.device).view(3, 1, 1)
    grey = (images * weights).sum(dim=1, keepdim=True)
    return grey.round().to(torch.uint8)


def _or_raise(found: Iterable[Classification | Unusable]) -> Iterator[Classification]:
    for each in found:
        if not isinstance(each, Classification):
            raise each
        yield each


def _check_outputs(model: Classifier, expected: int, labels: int) -> None:
    last = model.head[-1]
    assert isinstance(last, nn.Linear)
    if last.out_features != expected:
        raise ValueError(
            f"The model has {last.out_features} outputs and there are {labels} labels. Take both "
            "from the same training."
        )
