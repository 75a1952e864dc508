"""Train and evaluate a classifier of images, or one that counts or gives a number.

One task for training from random weights and for every strategy of transfer learning: which stages
of the encoder are trained is a setting. The loss follows from the target; mixtures of pictures,
smoothed targets and weights of classes change it in training alone, so that validation losses can
be compared.

References:
    He et al. 2019, "Bag of tricks for image classification with convolutional neural networks",
    section 5 (label smoothing, mixup, cosine); see `multimodal.nn.label_losses`,
    `multimodal.classification.mixing` and `multimodal.training.unfreezing` for the parts.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from lightning.pytorch import Callback
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from typing_extensions import override

from multimodal.classification.class_weights import balanced_weights, balanced_yes
from multimodal.classification.mixing import mix_images
from multimodal.classification.model import (
    Classifier,
    ClassifierSettings,
    Target,
    num_outputs,
    read_out,
)
from multimodal.classification.report import ClassificationReport
from multimodal.classification.whitening import WhitenStem
from multimodal.data.batches import ClassificationBatch
from multimodal.metrics.image_scores import ImageScores, image_scores
from multimodal.nn.label_losses import (
    LabelLoss,
    count_loss,
    label_loss,
    number_loss,
    several_labels_loss,
)
from multimodal.training.optimisers.adamw import Rates, adamw_by_depth
from multimodal.training.penalties import weight_penalty
from multimodal.training.report import ResultsFile
from multimodal.training.skipped import SkippedImages
from multimodal.training.task import Task
from multimodal.training.unfreezing import Strategy, Unfreezing, check_start, gradual, open_encoder


class ClassificationTask(Task):
    """Image classification: loss, metrics.

    Args:
        settings: Settings of the network.
        labels: All labels; none where the target is a number; linked from the data.
        transform: The evaluation transform's settings; linked from the data, kept for inference.
        target: ``label``, ``labels`` (several), ``number`` or ``count``; linked from the data.
        mean: Mean of each channel, from 0 to 1, or none; linked from the data.
        channels: Channels of the images, 1 or 3; linked from the data.
        is_count: Whether the numbers are counts.
        loss: Loss of one label: ``cross_entropy``, ``hinge`` (the multi-class margin) or
            ``binary`` (a yes or no about each class).
        class_weights: ``none``, or ``balanced``: all classes of the training images count as much.
        label_smoothing: Share of the target spread over all labels.
        mixup: Parameter of mixup's beta distribution; 0 switches it off, 0.2 is usual.
        cutmix: Parameter of CutMix's beta distribution; 0 switches it off, 1 is usual.
        l1: Factor of the weights' absolute values in the loss.
        l2: Factor of half the weights' squares in the loss.
        transfer: Part that is trained on a pretrained encoder: ``linear`` (a logistic regression
            on its features), the ``head`` alone, the ``last_stages``, all stages in a ``gradual``
            way, or the ``full`` network; ``none`` leaves it to the encoder's ``trainable_stages``.
        stages: Number of stages, for ``last_stages``; number opened at a time, for ``gradual``.
        unfreeze_epochs: Epochs from one opening to the next, for ``gradual``.
        features: Folder in which ``linear`` keeps the features of image files, so that the next run
            takes seconds; empty for none.
        depth_factor: Ratio of the learning rates of a stage and the one below; 1 for equal rates.
        learning_rate: Peak learning rate.
        encoder_rate: Factor on the learning rate for the encoder; below 1 for a pretrained one.
        warmup: Share of the steps in which the rate rises; it falls as a cosine afterwards.
        weight_decay: The optimiser's, on matrices only.
        muon: Whether the encoder's and hidden layers' matrices learn by Muon.
        whiten: Whether the first layer of the residual encoder takes the training images' patches
            apart into principal components, and stays so; for training from random weights.
        optimizer: Another optimiser with its settings, in place of AdamW with warm-up and cosine.

    Raises:
        ValueError: If settings do not fit each other.
    """

    name = "classification"
    settings: ClassifierSettings
    model: Classifier

    def __init__(
        self,
        settings: ClassifierSettings,
        labels: list[str],
        transform: dict[str, Any],
        *,
        target: Target = "label",
        mean: list[float] | None = None,
        channels: int = 3,
        is_count: bool = False,
        loss: LabelLoss = "cross_entropy",
        class_weights: Literal["none", "balanced"] = "none",
        label_smoothing: float = 0.0,
        mixup: float = 0.0,
        cutmix: float = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        transfer: Strategy = "none",
        stages: int = 1,
        unfreeze_epochs: int = 1,
        features: str = "",
        depth_factor: float = 1.0,
        learning_rate: float = 1e-3,
        encoder_rate: float = 1.0,
        warmup: float = 0.05,
        weight_decay: float = 0.01,
        muon: bool = False,
        whiten: bool = False,
        optimizer: OptimizerCallable | None = None,
    ) -> None:
        rates = Rates(learning_rate, encoder_rate, warmup, weight_decay)
        super().__init__(settings, rates, optimizer, muon=muon)
        self.labels = list(labels)
        self.transform = transform
        self.target: Target = "count" if is_count and target == "number" else target
        self.mean = list(mean or [])
        self.channels = channels
        outputs = num_outputs(self.target, self.labels)
        size = int(transform.get("size", 224))
        self.model = Classifier(
            settings, outputs, image_size=size, channels=channels, mean=self.mean
        )
        self.loss = loss
        self.class_weights = class_weights
        self.label_smoothing = label_smoothing
        self.mixup = mixup
        self.cutmix = cutmix
        self.l1 = l1
        self.l2 = l2
        self.transfer = transfer
        self.stages = stages
        self.unfreeze_epochs = unfreeze_epochs
        self.features = features
        self.depth_factor = depth_factor
        self.whiten = whiten
        open_encoder(self.model.encoder, transfer, stages)
        # Of the training images; buffers, so that a checkpoint keeps them.
        self.register_buffer("centre", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("weights", torch.ones(outputs))
        self.scores = nn.ModuleDict(
            {stage: image_scores(self.target, self.labels) for stage in ("val", "test")}
        )

    @override
    def forward(self, batch: ClassificationBatch) -> Tensor:
        """Compute the outputs of each image.

        Returns:
            Logits of labels ``(batch, labels)``; the logarithm of a count, or a number in standard
            deviations from the mean, ``(batch, 1)``.
        """
        outputs: Tensor = self.model(batch.images)
        return outputs.float()

    def model_step(self, batch: ClassificationBatch) -> tuple[Tensor, Tensor]:
        """Compute the loss of the images whose label is known, and the outputs of `forward`."""
        if not (self.training and (self.mixup or self.cutmix)):
            outputs = self(batch)
            return self._loss(outputs, batch.labels), outputs
        mixed = mix_images(batch.images, mixup=self.mixup, cutmix=self.cutmix)
        outputs = self(batch._replace(images=mixed.images))
        own = self._loss(outputs, batch.labels)
        others = self._loss(outputs, batch.labels[mixed.partners])
        return mixed.share * own + (1 - mixed.share) * others, outputs

    def predictions(self, outputs: Tensor) -> Tensor:
        """Compute probabilities ``(batch, labels)`` or numbers ``(batch, 1)`` from outputs."""
        centre, scale = self.get_buffer("centre").item(), self.get_buffer("scale").item()
        return read_out(outputs, self.target, centre=centre, scale=scale)

    @override
    def training_step(self, batch: ClassificationBatch, batch_idx: int) -> Tensor:
        loss, _ = self.model_step(batch)
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.images))
        if self.l1 or self.l2:
            loss = loss + weight_penalty(self.model.parameters(), l1=self.l1, l2=self.l2)
        return loss

    @override
    def predict_step(self, batch: ClassificationBatch, batch_idx: int) -> list[dict[str, Any]]:
        """Return each image's ``image_id`` and its label, labels, count or value."""
        predictions = self.predictions(self(batch)).tolist()
        return [
            {"image_id": example.image_id, **self._named(row)}
            for example, row in zip(batch.examples, predictions, strict=True)
        ]

    @override
    def setup(self, stage: str) -> None:
        """Before training, compute the scale of numbers or the weights of classes."""
        if stage != "fit":
            return
        if self.transfer == "linear":
            raise ValueError(
                "`transfer` linear is fitted by `multimodal fit`, or in Python by "
                "`multimodal.classification.probe.probe(task, data, trainer)`, not by gradients. "
                "Call that, or set `transfer` to head."
            )
        check_start(self.transfer, self.settings.encoder.weights)
        given = [each.label for each in self.training_examples() if each.label is not None]
        if not given:
            return
        if self.target == "number":
            numbers = torch.tensor(given)
            self.get_buffer("centre").copy_(numbers.mean())
            self.get_buffer("scale").copy_(numbers.std(correction=0).clamp(min=1e-6))
        if self.class_weights == "balanced" and self.labels:
            balanced = balanced_weights if self.target == "label" else balanced_yes
            self.get_buffer("weights").copy_(balanced(given, self.labels))

    @override
    def default_optimizer(self, steps: int | float) -> OptimizerLRScheduler:
        """Build AdamW or Muon; with a `depth_factor` above 1, lower stages learn more slowly."""
        if self.depth_factor > 1 and not self.muon:
            groups = self.model.parameters_by_depth()
            return adamw_by_depth(groups, self.rates, steps, depth_factor=self.depth_factor)
        return super().default_optimizer(steps)

    @override
    def output_layers(self) -> list[nn.Module]:
        return [self.model.head[-1]]

    @override
    def own_callbacks(self) -> list[Callback]:
        callbacks = [
            ClassificationReport(self.labels, self.target, self.training_examples),
            ResultsFile(),
            SkippedImages(),
        ]
        if self.transfer == "gradual":
            encoder = self.model.encoder
            schedule = gradual(
                self.unfreeze_epochs, layers=self.stages, total=len(encoder.stages())
            )
            callbacks.append(Unfreezing(encoder.unfreeze, schedule, "transfer"))
        if self.whiten:
            callbacks.append(WhitenStem(self.training_batches))
        return callbacks

    @override
    def saved(self) -> dict[str, Any]:
        return {
            "settings": self.settings.to_dict(),
            "transform": self.transform,
            "extra": {
                "labels": self.labels,
                "target": self.target,
                "mean": self.mean,
                "channels": self.channels,
                "centre": self.get_buffer("centre").item(),
                "scale": self.get_buffer("scale").item(),
            },
        }

    @override
    def evaluate(self, batch: ClassificationBatch, stage: str) -> Tensor:
        """Log the loss, score the predictions and return them."""
        loss, outputs = self.model_step(batch)
        self.log(f"{stage}/loss", loss, batch_size=len(batch.images), sync_dist=True)
        predictions, labels, scores = self.predictions(outputs), batch.labels, self.scores[stage]
        known = labels >= 0 if self.target == "label" else ~labels.isnan()
        known = known.all(dim=1) if known.ndim > 1 else known
        scored = predictions[known] if self.labels else predictions[known, 0]
        assert isinstance(scores, ImageScores)
        scores.update(batch.indices[known].tolist(), scored, labels[known])
        return predictions

    def _loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        smoothing = self.label_smoothing if self.training else 0.0
        weights = None
        if self.training and self.class_weights == "balanced":
            weights = self.get_buffer("weights")
        match self.target:
            case "label":
                return label_loss(
                    outputs, labels, kind=self.loss, weights=weights, label_smoothing=smoothing
                )
            case "labels":
                return several_labels_loss(
                    outputs, labels, weights=weights, label_smoothing=smoothing
                )
            case "count":
                return count_loss(outputs, labels)
            case "number":
                numbers = (labels - self.get_buffer("centre")) / self.get_buffer("scale")
                return number_loss(outputs, numbers)

    def _named(self, prediction: Sequence[float]) -> dict[str, Any]:
        match self.target:
            case "label":
                best = max(range(len(prediction)), key=lambda index: prediction[index])
                return {"label": self.labels[best], "probability": prediction[best]}
            case "labels":
                named = zip(self.labels, prediction, strict=True)
                return {"labels": {label: value for label, value in named if value > 0.5}}
            case "count":
                return {"count": round(prediction[0])}
            case "number":
                return {"value": prediction[0]}
