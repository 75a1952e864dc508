"""Train and evaluate a classifier of images, or one that counts or gives a number.

One task for training from nothing and for every strategy of transfer learning: what is open of the
encoder is a setting. The loss follows from the target; mixtures of pictures, smoothed targets and
weights of classes change it in training alone, so that validation losses can be compared.

References:
    He et al. 2019, "Bag of tricks for image classification with convolutional neural networks",
    section 5 (label smoothing, mixup, cosine); see `multimodal.nn.label_losses`,
    `multimodal.classification.mixing` and `multimodal.training.strategies` for the parts.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from lightning.pytorch import Callback, LightningModule
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
from multimodal.classification.probe import LinearProbe
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
from multimodal.saving.checkpoint import CHECKPOINT_KEY, attach
from multimodal.training.callbacks import trusted_callbacks
from multimodal.training.compatibility import refuse_other_network
from multimodal.training.opening import OpenGradually
from multimodal.training.optimisers.adamw import Rates, adamw, adamw_by_depth
from multimodal.training.optimisers.muon import muon
from multimodal.training.penalties import weight_penalty
from multimodal.training.results import ResultsFile
from multimodal.training.skipped import SkippedImages
from multimodal.training.strategies import Strategy, check_start, open_encoder


class ClassificationTask(LightningModule):
    """Image classification: loss, metrics, optimiser.

    Args:
        settings: The network.
        labels: All labels; none where the target is a number; linked from the data.
        transform: The evaluation transform's settings; linked from the data, kept for inference.
        target: ``label``, ``labels`` (several), ``number`` or ``count``; linked from the data.
        mean: Mean of each channel, from 0 to 1, or none; linked from the data.
        channels: Channels of the images, 1 or 3; linked from the data.
        is_count: Whether the numbers are counts.
        loss: Of one label: ``cross_entropy``, ``hinge`` (the multi-class margin) or ``binary`` (a
            yes or no about each class).
        class_weights: ``none``, or ``balanced``: all classes of the training images count as much.
        label_smoothing: Share of the target spread over all labels.
        mixup: How evenly two images are laid over each other, 0 for never; 0.2 is usual.
        cutmix: How large a rectangle of another image is pasted, 0 for never; 1 is usual.
        l1: What a weight's absolute value adds to the loss.
        l2: What half of a weight's square adds to the loss.
        transfer: What is trained of an encoder that has learned something: ``linear`` (a logistic
            regression on what it sees), the ``head`` alone, the ``last_stages``, all stages in a
            ``gradual`` way, or the ``full`` network; ``none`` leaves that to the encoder's own
            ``trainable_stages``.
        stages: How many, for ``last_stages``; how many open at a time, for ``gradual``.
        unfreeze_epochs: Epochs from one opening to the next, for ``gradual``.
        features: Folder in which ``linear`` keeps what the encoder sees of image files, so that the
            next run is done in seconds; empty for none.
        depth_factor: How many times as fast each stage learns as the one below; 1 for all alike.
        learning_rate: Peak learning rate.
        encoder_rate: Factor on the learning rate for the encoder; below 1 for a pretrained one.
        warmup: Share of the steps in which the rate rises; it falls as a cosine afterwards.
        weight_decay: The optimiser's, on matrices only.
        muon: Whether the encoder's and hidden layers' matrices learn by Muon.
        whiten: Whether the first layer of the residual encoder takes the training images' patches
            apart into principal components, and stays so; for training from nothing.
        optimizer: An optimiser of one's own, named with its settings; default AdamW with a warm-up
            and a cosine.

    Raises:
        ValueError: If settings do not fit each other.
    """

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
        super().__init__()
        self.settings = settings
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
        self.rates = Rates(learning_rate, encoder_rate, warmup, weight_decay)
        self.muon = muon
        self.whiten = whiten
        self.optimizer = optimizer
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
        """Judge each image.

        Args:
            batch: Images.

        Returns:
            Logits of labels ``(batch, labels)``; the logarithm of a count, or a number in
            deviations from the mean, ``(batch, 1)``.
        """
        outputs: Tensor = self.model(batch.images)
        return outputs.float()

    def model_step(self, batch: ClassificationBatch) -> tuple[Tensor, Tensor]:
        """Compute the loss of the images whose label is known.

        Returns:
            The loss, and what `forward` returned; in training of mixtures, where these are asked
            for.
        """
        if not (self.training and (self.mixup or self.cutmix)):
            outputs = self(batch)
            return self._loss(outputs, batch.labels), outputs
        mixed = mix_images(batch.images, mixup=self.mixup, cutmix=self.cutmix)
        outputs = self(batch._replace(images=mixed.images))
        own = self._loss(outputs, batch.labels)
        others = self._loss(outputs, batch.labels[mixed.partners])
        return mixed.share * own + (1 - mixed.share) * others, outputs

    def verdicts(self, outputs: Tensor) -> Tensor:
        """Turn outputs into what is reported.

        Args:
            outputs: From `forward`.

        Returns:
            Probabilities ``(batch, labels)``, or numbers ``(batch, 1)``.
        """
        centre, scale = self._number("centre").item(), self._number("scale").item()
        return read_out(outputs, self.target, centre=centre, scale=scale)

    @override
    def training_step(self, batch: ClassificationBatch, batch_idx: int) -> Tensor:
        """Return the loss of one batch, with the penalties on weights."""
        loss, _ = self.model_step(batch)
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.images))
        if self.l1 or self.l2:
            loss = loss + weight_penalty(self.model.parameters(), l1=self.l1, l2=self.l2)
        return loss

    @override
    def validation_step(self, batch: ClassificationBatch, batch_idx: int) -> None:
        """Log the loss and collect the verdicts."""
        self._evaluate(batch, "val")

    @override
    def test_step(self, batch: ClassificationBatch, batch_idx: int) -> Tensor:
        """Log the loss, collect the verdicts and return them.

        Returns:
            As `verdicts`.
        """
        return self._evaluate(batch, "test")

    @override
    def predict_step(self, batch: ClassificationBatch, batch_idx: int) -> list[dict[str, Any]]:
        """Judge each image.

        Returns:
            Of each image ``image_id`` with ``label`` and ``probability``, ``labels``, ``count`` or
            ``value``.
        """
        found = self.verdicts(self(batch)).tolist()
        return [
            {"image_id": example.image_id, **self._named(row)}
            for example, row in zip(batch.examples, found, strict=True)
        ]

    @override
    def on_validation_epoch_end(self) -> None:
        """Log the scores."""
        self._log_scores("val")

    @override
    def on_test_epoch_end(self) -> None:
        """Log the scores."""
        self._log_scores("test")

    @override
    def setup(self, stage: str) -> None:
        """Before training, look at the labels of the training images.

        Raises:
            ValueError: If the encoder would stay as random as it starts.
        """
        if stage != "fit":
            return
        check_start(self.transfer, self.settings.encoder.weights)
        examples = getattr(getattr(self.trainer, "datamodule", None), "examples", None)
        if examples is None:
            return
        given = [each.label for each in examples("train") if each.label is not None]
        if self.target == "number":
            numbers = torch.tensor(given)
            self._number("centre").copy_(numbers.mean())
            self._number("scale").copy_(numbers.std(correction=0).clamp(min=1e-6))
        if self.class_weights == "balanced" and self.labels:
            balanced = balanced_weights if self.target == "label" else balanced_yes
            self._number("weights").copy_(balanced(given, self.labels))

    @override
    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build AdamW or Muon with warm-up and cosine, or the optimiser that was named."""
        if self.optimizer is not None:
            return self.optimizer(self.parameters())
        if self.transfer == "linear":
            return torch.optim.SGD(self.model.head.parameters(), lr=0.0)
        steps, rates = self.trainer.estimated_stepping_batches, self.rates
        if self.muon:
            return muon(self.model, self.model.encoder, [self.model.head[-1]], rates, steps)
        if self.depth_factor > 1:
            groups = self.model.parameters_by_depth()
            return adamw_by_depth(groups, rates, steps, depth_factor=self.depth_factor)
        return adamw(self.model, self.model.encoder, rates, steps)

    @override
    def configure_callbacks(self) -> list[Callback]:
        """Return what makes a run resumable, atomic and safe from NaN, and opens the encoder."""
        callbacks = [*trusted_callbacks(), ResultsFile(), SkippedImages()]
        if self.transfer == "gradual":
            callbacks.append(OpenGradually(self.unfreeze_epochs, self.stages))
        if self.transfer == "linear":
            callbacks.append(LinearProbe(self.features))
        if self.whiten:
            callbacks.append(WhitenStem())
        return callbacks

    @override
    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another network, or with other labels for its rows.

        Raises:
            ValueError: If settings, labels or target differ.
        """
        held = checkpoint.get(CHECKPOINT_KEY, {})
        refuse_other_network(held, self.settings.to_dict(), {"labels": self.labels})
        theirs = held.get("extra", {}).get("target")
        if theirs != self.target:
            raise ValueError(
                f"The checkpoint tells a {theirs}, this run a {self.target}. Set `data.target` and "
                "`model.is_count` as in the configuration it was trained with."
            )

    @override
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what inference needs, as plain data."""
        attach(
            checkpoint,
            task="classification",
            settings=self.settings.to_dict(),
            transform=self.transform,
            extra={
                "labels": self.labels,
                "target": self.target,
                "mean": self.mean,
                "channels": self.channels,
                "centre": self._number("centre").item(),
                "scale": self._number("scale").item(),
            },
        )

    def _loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        smoothing = self.label_smoothing if self.training else 0.0
        weights = None
        if self.training and self.class_weights == "balanced":
            weights = self._number("weights")
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
                numbers = (labels - self._number("centre")) / self._number("scale")
                return number_loss(outputs, numbers)

    def _number(self, name: str) -> Tensor:
        return self.get_buffer(name)

    def _named(self, verdict: Sequence[float]) -> dict[str, Any]:
        match self.target:
            case "label":
                best = max(range(len(verdict)), key=lambda place: verdict[place])
                return {"label": self.labels[best], "probability": verdict[best]}
            case "labels":
                said = zip(self.labels, verdict, strict=True)
                return {"labels": {label: share for label, share in said if share > 0.5}}
            case "count":
                return {"count": round(verdict[0])}
            case "number":
                return {"value": verdict[0]}

    def _evaluate(self, batch: ClassificationBatch, stage: str) -> Tensor:
        loss, outputs = self.model_step(batch)
        self.log(f"{stage}/loss", loss, batch_size=len(batch.images), sync_dist=True)
        verdicts, labels, scores = self.verdicts(outputs), batch.labels, self.scores[stage]
        known = labels >= 0 if self.target == "label" else ~labels.isnan()
        known = known.all(dim=1) if known.ndim > 1 else known
        said = verdicts[known] if self.labels else verdicts[known, 0]
        assert isinstance(scores, ImageScores)
        scores.update(batch.indices[known].tolist(), said, labels[known])
        return verdicts

    def _log_scores(self, stage: str) -> None:
        scores = self.scores[stage]
        assert isinstance(scores, ImageScores)
        for name, value in scores.compute().items():
            self.log(f"{stage}/{name}", value, prog_bar=name in ("accuracy", "mean_error"))
        scores.reset()
