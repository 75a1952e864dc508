"""Classify images with a trained model, or give a count or a number.

Images are opened and resized as in the evaluation of the model; a model that was trained on grey
images gets grey ones.

References:
    Bridle 1990, "Probabilistic interpretation of feedforward classification network outputs" (the
    softmax).
"""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import UInt8
from torch import Tensor
from typing_extensions import override

from multimodal.attribution.evidence import Evidence
from multimodal.classification.evidence import class_evidence
from multimodal.classification.grey import to_grey
from multimodal.classification.model import (
    Classifier,
    ClassifierSettings,
    Target,
    num_outputs,
    read_out,
)
from multimodal.classification.options import ClassificationOptions
from multimodal.classification.result import Classification, Ranked
from multimodal.data.transforms import EvalTransform
from multimodal.inference.devices import Precision, arithmetic
from multimodal.inference.inputs import IMAGE_NAME, ImageInput, Picture, is_one, read_image, view
from multimodal.inference.predictor import Predictor, check_sizes
from multimodal.inference.rebuilding import (
    read_labels,
    read_number,
    read_transform,
    rebuild,
    refusing,
)
from multimodal.saving.checkpoint import SavedModel

_THRESHOLD = 0.5  # of the probability of each label, where an image may have several


class ClassificationPredictor(Predictor[Picture, ImageInput, Classification]):
    """Classify images; see `Predictor` for calls and `ClassificationOptions` for their keywords.

    Args:
        model: A trained classifier.
        labels: Names of its classes in their order; none where it gives a count or a number.
        transform: The transform it was evaluated with.
        target: Its prediction: one ``label``, several ``labels``, a ``count`` or a ``number``.
        centre: Added to the output of a model that gives a number, after `scale`.
        scale: Factor of the output of a model that gives a number.
        device, precision: As for `Predictor`.

    Raises:
        ValueError: If model and labels do not belong together, the device does not exist, or
            `target` or `precision` is none of the names.

    Example:
        >>> from multimodal.data.transforms import TransformSettings
        >>> from multimodal.nn.encoders import EncoderSettings
        >>> settings = ClassifierSettings(EncoderSettings(channels=[8, 8], strides=[4, 4]))
        >>> transform = EvalTransform(TransformSettings(size=64))
        >>> model = Classifier(settings, 2)
        >>> predictor = ClassificationPredictor(model, ["rose", "tulip"], transform)
        >>> result = predictor(torch.zeros(3, 60, 80))
        >>> result.label in ("rose", "tulip"), len(result.top)
        (True, 2)
    """

    task: ClassVar[str] = "classification"
    input_name: ClassVar[str] = IMAGE_NAME
    Options = ClassificationOptions
    model: Classifier

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
        check_sizes(outputs=(model.head[-1].out_features, num_outputs(target, labels)))
        super().__init__(model, device=device, precision=precision)
        self.labels = tuple(labels)
        self.transform = transform
        self.target = target
        self.centre = centre
        self.scale = scale

    @override
    @classmethod
    def build(cls, saved: SavedModel, source: str) -> dict[str, Any]:
        labels, extra = read_labels(saved, source), saved.extra
        transform = read_transform(saved, source)
        target = extra.get("target", "label")
        with refusing(source):
            outputs = num_outputs(target, labels)
            units = {
                "centre": read_number(saved, "centre", 0.0),
                "scale": read_number(saved, "scale", 1.0),
            }
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
        parts = {"model": model, "labels": labels, "transform": transform, "target": target}
        return parts | units

    @override
    def is_single(self, inputs: object) -> bool:
        return is_one(inputs)

    @override
    def read(self, given: Picture, number: int | None) -> ImageInput:
        return read_image(given, self.transform, number)

    def seen(self, picture: Picture) -> UInt8[Tensor, "3 height width"]:
        """Return the part of a picture that the model receives, in its colours."""
        return view(picture, self.transform)

    @override
    @torch.inference_mode()
    def predict(
        self, items: list[ImageInput], options: ClassificationOptions
    ) -> list[Classification]:
        images = torch.stack([image.pixels for image in items]).to(self.device)
        if self.model.channels == 1:
            images = to_grey(images)
        with arithmetic(self.device, self.precision):
            outputs = self.model(images)
        outputs = outputs.float()
        values = read_out(outputs, self.target, centre=self.centre, scale=self.scale)
        if not self.labels:
            numbers = zip(values[:, 0].tolist(), items, strict=True)
            return [self._number(*each) for each in numbers]
        # The outputs are ranked, since several probabilities may round to 1.
        kept = options.top if self.target == "label" else len(self.labels)
        order = outputs.topk(min(kept, len(self.labels)), dim=-1).indices
        probabilities = values.gather(1, order)
        return [
            self._result(*row, options.top)
            for row in zip(order.tolist(), probabilities.tolist(), items, strict=True)
        ]

    def _number(self, value: float, image: ImageInput) -> Classification:
        whole = self.target == "count" and math.isfinite(value)
        label = str(round(value)) if whole else ""
        return Classification(label, 0.0, value=value, picture=image)

    def _result(
        self, order: list[int], probabilities: list[float], image: ImageInput, top: int
    ) -> Classification:
        ranked = [
            Ranked(self.labels[index], probability)
            for index, probability in zip(order, probabilities, strict=True)
        ]
        present = [each.label for each in ranked if each.probability > _THRESHOLD]
        labels = present if self.target == "labels" else [ranked[0].label]
        return Classification(*ranked[0], tuple(ranked[:top]), tuple(labels), picture=image)

    def evidence(self, picture: Picture, question: str = "") -> Evidence:
        """Return the prediction with its scores, for `multimodal.explain`."""
        return class_evidence(self, picture, question)
