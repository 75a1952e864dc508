"""Train and evaluate a sentiment classifier, or a regression of numbers such as stars.

With labels the loss is the cross-entropy, with numbers the squared error after scaling by mean and
deviation of the training texts. The network may start from a language model; then its layers are
unfrozen from top to bottom, and lower ones learn more slowly.

References:
    Dai and Le 2015, "Semi-supervised sequence learning"; Howard and Ruder 2018, "Universal language
    model fine-tuning for text classification", section 3.3.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Callback
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from typing_extensions import override

from multimodal.data.batches import TextBatch
from multimodal.metrics.classification import ClassificationScores
from multimodal.metrics.regression import RegressionScores
from multimodal.nn.label_losses import label_loss, number_loss
from multimodal.saving.checkpoint import read_checkpoint
from multimodal.sentiment.adversarial import adversarial_loss
from multimodal.sentiment.model import SentimentClassifier, SentimentSettings
from multimodal.sentiment.report import SentimentReport
from multimodal.sentiment.warm_start import start_from_language_model
from multimodal.text import Vocabulary
from multimodal.training.initial_weights import start_from_vectors
from multimodal.training.optimisers.adamw import Rates, adamw_by_depth
from multimodal.training.report import ResultsFile
from multimodal.training.task import Task
from multimodal.training.unfreezing import Unfreezing, gradual, unfreeze_groups


class SentimentTask(Task):
    """Sentiment analysis: loss, metrics.

    Args:
        settings: Settings of the network.
        vocabulary: All words, specials first; linked from the data.
        labels: All labels; none where the target is a number; linked from the data.
        excerpt: Part of a long text that is read; linked from the data, kept for inference.
        learning_rate: Peak learning rate, of the top layer.
        warmup: Share of the steps in which the rate rises; it falls as a cosine afterwards.
        weight_decay: AdamW's, on matrices only.
        depth_factor: Ratio of the learning rates of a layer and the one below; 1 for equal rates.
        unfreeze_epochs: Epochs from the opening of one layer to that of the one below, from the top
            on; 0 trains everything from the start.
        label_smoothing: Share of the target spread over all labels.
        word_vectors: A text file of GloVe, fastText or word2vec, or a cache of torchtext, that the
            words start from; empty for none.
        language_model: Checkpoint of a language model to start from; empty for none.
        adversarial: How far the word vectors of each training text are also moved to where the
            loss grows most (`multimodal.sentiment.adversarial`), in lengths of its average word
            vector; 0 for not at all, which takes about half the time.
        linear_baseline: Whether a test also trains a linear classifier of words and word pairs on
            the same texts, to compare; seconds for thousands of texts.
        optimizer: Another optimiser with its settings, in place of AdamW with warm-up and cosine.

    Raises:
        ValueError: If both `word_vectors` and `language_model` are given, or `adversarial` is less
            than 0.
    """

    name = "sentiment"
    model: SentimentClassifier

    def __init__(
        self,
        settings: SentimentSettings,
        vocabulary: list[str],
        labels: list[str],
        excerpt: dict[str, Any],
        *,
        learning_rate: float = 1e-3,
        warmup: float = 0.05,
        weight_decay: float = 0.01,
        depth_factor: float = 1.0,
        unfreeze_epochs: int = 0,
        label_smoothing: float = 0.0,
        word_vectors: str = "",
        language_model: str = "",
        adversarial: float = 0.0,
        linear_baseline: bool = True,
        optimizer: OptimizerCallable | None = None,
    ) -> None:
        super().__init__(settings, Rates(learning_rate, 1.0, warmup, weight_decay), optimizer)
        if word_vectors and language_model:
            raise ValueError(
                "`word_vectors` and `language_model` both set the first word vectors; give one."
            )
        if not adversarial >= 0:
            raise ValueError(
                "`adversarial` is how far word vectors are moved in training, 0 or more (0.3 is "
                f"little, 2 much), got {adversarial}."
            )
        if unfreeze_epochs < 0:
            raise ValueError(f"`unfreeze_epochs` must be 0 or more, got {unfreeze_epochs}.")
        self.words = Vocabulary(vocabulary)
        self.labels = list(labels)
        self.excerpt = excerpt
        self.model = SentimentClassifier(settings, len(self.words), max(1, len(self.labels)))
        self.depth_factor = depth_factor
        self.unfreeze_epochs = unfreeze_epochs
        self.label_smoothing = label_smoothing
        self.word_vectors = word_vectors
        self.language_model = language_model
        self.adversarial = adversarial
        self.linear_baseline = linear_baseline
        # Of the training texts' numbers; buffers, so that a checkpoint keeps them.
        self.register_buffer("centre", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))
        self.scores = nn.ModuleDict({"val": self._new_scores(), "test": self._new_scores()})

    @override
    def forward(self, batch: TextBatch) -> Tensor:
        """Compute the logits of each text.

        Returns:
            Logits ``(batch, labels)``, or numbers in standard deviations from the mean
            ``(batch, 1)``.
        """
        logits: Tensor = self.model(batch.tokens, batch.mask)
        return logits.float()

    def model_step(self, batch: TextBatch) -> tuple[Tensor, Tensor]:
        """Compute the loss of the texts whose label is known, and the logits."""
        logits = self(batch)
        return self._loss(logits, batch), logits

    def predictions(self, logits: Tensor) -> Tensor:
        """Compute probabilities ``(batch, labels)`` or numbers ``(batch, 1)`` from logits."""
        if self.labels:
            return logits.softmax(dim=-1)
        return logits * self.get_buffer("scale") + self.get_buffer("centre")

    @override
    def training_step(self, batch: TextBatch, batch_idx: int) -> Tensor:
        loss = self._loss_with_moved(batch) if self.adversarial else self.model_step(batch)[0]
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.tokens))
        return loss

    @override
    def predict_step(self, batch: TextBatch, batch_idx: int) -> list[dict[str, Any]]:
        """Return each text's ``text_id`` with ``label`` and ``probability``, or with ``value``."""
        predictions = self.predictions(self(batch)).tolist()
        return [
            {"text_id": example.text_id, **self._named(row)}
            for example, row in zip(batch.examples, predictions, strict=True)
        ]

    @override
    def setup(self, stage: str) -> None:
        """Before training, load word vectors or a language model, and scale numbers."""
        if stage != "fit":
            return
        if self.word_vectors:
            start_from_vectors(self.model.embedding, self.word_vectors, self.words.to_list())
        if self.language_model:
            saved = read_checkpoint(self.language_model, task="language_model")
            if saved.extra.get("level") == "characters":
                raise ValueError(
                    f"{self.language_model} is a language model of characters, and a sentiment "
                    "classifier reads words. Train one with `--data.level words`."
                )
            theirs = Vocabulary(saved.vocabulary)
            start_from_language_model(self.model, saved.state_dict, theirs, self.words)
        if self.labels:
            return
        given = [float(each.label) for each in self.training_examples() if each.label is not None]
        if given:
            numbers = torch.tensor(given)
            self.get_buffer("centre").copy_(numbers.mean())
            self.get_buffer("scale").copy_(numbers.std(correction=0).clamp(min=1e-6))

    @override
    def default_optimizer(self, steps: int | float) -> OptimizerLRScheduler:
        """Build AdamW with a lower rate for lower layers."""
        groups = self.model.parameters_by_depth()
        return adamw_by_depth(groups, self.rates, steps, depth_factor=self.depth_factor)

    @override
    def own_callbacks(self) -> list[Callback]:
        callbacks = [
            SentimentReport(self.labels, self.training_examples, baseline=self.linear_baseline),
            ResultsFile(),
        ]
        if self.unfreeze_epochs:
            groups = self.model.parameters_by_depth()
            schedule = gradual(self.unfreeze_epochs, first=1, total=len(groups))
            callbacks.append(
                Unfreezing(partial(unfreeze_groups, groups), schedule, "unfreeze_epochs")
            )
        return callbacks

    @override
    def saved(self) -> dict[str, Any]:
        return {
            "settings": self.settings.to_dict(),
            "vocabulary": self.words.to_list(),
            "extra": {
                "labels": self.labels,
                "excerpt": self.excerpt,
                "target": "label" if self.labels else "number",
                "centre": self.get_buffer("centre").item(),
                "scale": self.get_buffer("scale").item(),
            },
        }

    @override
    def evaluate(self, batch: TextBatch, stage: str) -> Tensor:
        """Log the loss, score the predictions and return them."""
        loss, logits = self.model_step(batch)
        self.log(f"{stage}/loss", loss, batch_size=len(batch.tokens), sync_dist=True)
        predictions, scores = self.predictions(logits), self.scores[stage]
        if isinstance(scores, RegressionScores):
            known = ~batch.labels.isnan()
            scores.update(batch.indices[known].tolist(), predictions[known, 0], batch.labels[known])
        elif isinstance(scores, ClassificationScores):
            known = batch.labels >= 0
            scores.update(batch.indices[known].tolist(), predictions[known], batch.labels[known])
        return predictions

    def _loss(self, logits: Tensor, batch: TextBatch) -> Tensor:
        if not self.labels:
            numbers = (batch.labels - self.get_buffer("centre")) / self.get_buffer("scale")
            return number_loss(logits, numbers)
        smoothing = self.label_smoothing if self.training else 0.0
        return label_loss(logits, batch.labels, label_smoothing=smoothing)

    def _loss_with_moved(self, batch: TextBatch) -> Tensor:
        vectors = self.model.embedding(batch.tokens)
        if not vectors.requires_grad:  # word vectors that stay as they start
            vectors.requires_grad_()
        table = self.model.embedding.weight
        above = [each for each in self.model.parameters() if each is not table]

        def loss_of(moved: Tensor) -> Tensor:
            return self._loss(self.model.classify(moved, batch.mask).float(), batch)

        return adversarial_loss(loss_of, vectors, batch.mask, above, size=self.adversarial)

    def _named(self, prediction: Sequence[float]) -> dict[str, Any]:
        if not self.labels:
            return {"value": prediction[0]}
        best = max(range(len(prediction)), key=lambda index: prediction[index])
        return {"label": self.labels[best], "probability": prediction[best]}

    def _new_scores(self) -> ClassificationScores | RegressionScores:
        return ClassificationScores(self.labels) if self.labels else RegressionScores()
