"""Train and evaluate an answerer.

Answers are classes. With one right answer to a question the loss is its cross-entropy; with the
answers of ten people, the soft loss is a binary cross-entropy with the share that accepts each
answer.

References:
    Antol et al. 2015, "VQA: Visual question answering", section 4 (answers as classes); Teney et
    al. 2018, "Tips and tricks for visual question answering", section 3.2 (soft scores under a
    binary cross-entropy).
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from lightning.pytorch import Callback
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from typing_extensions import override

from multimodal.data.batches import QuestionBatch
from multimodal.metrics.vqa_accuracy import VQAScores
from multimodal.nn.label_losses import label_loss
from multimodal.saving.checkpoint import read_checkpoint
from multimodal.text import Vocabulary
from multimodal.training.initial_weights import start_from_vectors
from multimodal.training.optimisers.adamw import Rates
from multimodal.training.report import ResultsFile
from multimodal.training.skipped import SkippedImages
from multimodal.training.task import Task
from multimodal.training.unfreezing import unfreeze_at
from multimodal.vqa.answers import AnswerVocabulary
from multimodal.vqa.model import Answerer, AnswererSettings
from multimodal.vqa.report import AnswerReport

Loss = Literal["cross_entropy", "soft"]


class VQATask(Task):
    """Visual question answering: loss, metrics.

    Args:
        settings: Settings of the network.
        vocabulary: All question words, specials first; linked from the data.
        answers: All answers; linked from the data.
        transform: The evaluation transform's settings; linked from the data, kept for inference.
        loss: ``cross_entropy`` of the most common answer, or ``soft``: binary cross-entropy of the
            score of each answer, for data with several people's answers.
        learning_rate: Peak learning rate.
        encoder_rate: Factor on the learning rate for the encoder; below 1 for a pretrained one.
        warmup: Share of the steps in which the rate rises; it falls as a cosine afterwards.
        weight_decay: AdamW's, on matrices only.
        muon: Whether the matrices between encoder and answers learn by Muon: in two thirds of the
            steps, of which each costs a little more.
        label_smoothing: Share of the target spread over all answers; for ``cross_entropy``.
        word_vectors: A text file of GloVe, fastText or word2vec, or a cache of torchtext, that the
            questions' words start from; empty for none.
        unfreeze_epoch: Epoch at which more of the encoder is opened; -1 is never.
        unfreeze_stages: Number of last encoder stages that are trained from then on; -1 is all.
        question_only: Checkpoint of a run with ``settings.blind`` at ``image``, which a test
            reports beside the result. Empty for none.
        image_only: Checkpoint of a run with ``settings.blind`` at ``question``, in the same way.
        with_wups: Whether `test` adds WUPS where WordNet is; for one-word answers such as DAQUAR's.
        optimizer: Another optimiser with its settings, in place of AdamW with warm-up and cosine.
    """

    name = "vqa"
    settings: AnswererSettings
    model: Answerer

    def __init__(
        self,
        settings: AnswererSettings,
        vocabulary: list[str],
        answers: list[str],
        transform: dict[str, Any],
        *,
        loss: Loss = "cross_entropy",
        learning_rate: float = 1e-3,
        encoder_rate: float = 1.0,
        warmup: float = 0.05,
        weight_decay: float = 0.01,
        muon: bool = False,
        label_smoothing: float = 0.0,
        word_vectors: str = "",
        unfreeze_epoch: int = -1,
        unfreeze_stages: int = -1,
        question_only: str = "",
        image_only: str = "",
        with_wups: bool = False,
        optimizer: OptimizerCallable | None = None,
    ) -> None:
        rates = Rates(learning_rate, encoder_rate, warmup, weight_decay)
        super().__init__(settings, rates, optimizer, muon=muon)
        self.words = Vocabulary(vocabulary)
        self.answers = AnswerVocabulary(answers)
        self.transform = transform
        self.model = Answerer(settings, len(self.words), len(self.answers))
        self.loss = loss
        self.label_smoothing = label_smoothing
        self.word_vectors = word_vectors
        self.unfreeze_epoch = unfreeze_epoch
        self.unfreeze_stages = unfreeze_stages
        self.with_wups = with_wups
        self.scores = nn.ModuleDict({"val": VQAScores(), "test": VQAScores(with_wups=with_wups)})
        # A plain dictionary, so that the baselines are not trained, saved or counted.
        self._baselines = {
            name: self._load_baseline(path)
            for name, path in {"question only": question_only, "image only": image_only}.items()
            if path
        }

    @override
    def forward(self, batch: QuestionBatch) -> Tensor:
        """Compute the logits of all answers for each question of the batch, ``(rows, answers)``."""
        return self._logits(self.model, batch, self.features(batch))

    def features(self, batch: QuestionBatch) -> Tensor:
        """Return cached features or encode the images, ``(batch, regions, feature)``."""
        return _encode(self.model, batch)

    def model_step(self, batch: QuestionBatch) -> tuple[Tensor, Tensor]:
        """Compute the loss of the rows whose answer the model can give, and all logits."""
        logits = self(batch)
        if self.loss == "soft":
            # Summed over the answers: the mean over thousands has too small a gradient.
            soft = F.binary_cross_entropy_with_logits(logits, batch.scores, reduction="sum")
            return soft / len(logits), logits
        smoothing = self.label_smoothing if self.training else 0.0
        return label_loss(logits, batch.labels, label_smoothing=smoothing), logits

    @override
    def test_step(self, batch: QuestionBatch, batch_idx: int) -> dict[str, list[str]]:
        """Return the model's answer to each row under ``answers``, and each baseline's by name."""
        answers = {"answers": self.evaluate(batch, "test")}
        for name, baseline in self._baselines.items():
            features = _encode(baseline.to(self.device), batch)
            answers[name] = self._answers_of(self._logits(baseline, batch, features))
        return answers

    @override
    def predict_step(self, batch: QuestionBatch, batch_idx: int) -> list[list[dict[str, Any]]]:
        """Return ``{"question_id", "answer"}`` of each image's questions, as in VQA's results."""
        entries: list[list[dict[str, Any]]] = [[] for _ in batch.examples]
        answers = self._answers_of(self(batch))
        rows = zip(batch.image_of.tolist(), batch.questions, answers, strict=True)
        for image, question, answer in rows:
            entries[image].append({"question_id": question.question_id, "answer": answer})
        return entries

    @override
    def setup(self, stage: str) -> None:
        """Before training, load the word vectors."""
        if stage == "fit" and self.word_vectors:
            embedding = self.model.questions.embedding
            start_from_vectors(embedding, self.word_vectors, self.words.to_list())

    @override
    def saved(self) -> dict[str, Any]:
        return {
            "settings": self.settings.to_dict(),
            "vocabulary": self.words.to_list(),
            "transform": self.transform,
            "extra": {"answers": self.answers.to_list(), "loss": self.loss},
        }

    @override
    def output_layers(self) -> list[nn.Module]:
        return [self.model.answer[-1]]

    @override
    def own_callbacks(self) -> list[Callback]:
        return [
            AnswerReport(self.answers.to_list(), self.training_examples),
            ResultsFile(),
            SkippedImages(),
            *unfreeze_at(self.model.encoder, self.unfreeze_epoch, self.unfreeze_stages),
        ]

    @override
    def evaluate(self, batch: QuestionBatch, stage: str) -> list[str]:
        """Log the loss, score the answers and return them."""
        loss, logits = self.model_step(batch)
        self.log(f"{stage}/loss", loss, batch_size=len(batch.questions), sync_dist=True)
        answers = self._answers_of(logits)
        known = [row for row, question in enumerate(batch.questions) if question.answers]
        if known:
            questions = [batch.questions[row] for row in known]
            scores = self.scores[stage]
            assert isinstance(scores, VQAScores)
            scores.update(
                [question.question_id for question in questions],
                [answers[row] for row in known],
                [question.answers for question in questions],
                [question.question_type for question in questions],
                [question.answer_type for question in questions],
            )
        return answers

    def _load_baseline(self, path: str) -> Answerer:
        saved = read_checkpoint(path, task="vqa")
        ours = (self.words.to_list(), self.answers.to_list())
        if (saved.vocabulary, saved.extra.get("answers")) != ours:
            raise ValueError(
                f"{path} is no baseline of this run: its words or answers are others. Train it on "
                "the same data, with the same seed and holdout."
            )
        settings = AnswererSettings.for_loading(saved.settings)
        baseline = Answerer(settings, len(self.words), len(self.answers))
        baseline.load_state_dict(saved.state_dict)
        return baseline.eval().requires_grad_(False)

    def _logits(self, model: Answerer, batch: QuestionBatch, features: Tensor) -> Tensor:
        logits: Tensor = model(
            features, batch.tokens, batch.mask, batch.image_of, batch.question_of
        )[0]
        return logits.float()

    def _answers_of(self, logits: Tensor) -> list[str]:
        return [self.answers[number] for number in logits.argmax(dim=-1).tolist()]


def _encode(model: Answerer, batch: QuestionBatch) -> Tensor:
    """Return cached features, or encode the images; nothing for a network blind to them."""
    if batch.features is not None:
        return batch.features
    assert batch.images is not None
    if model.blind == "image":
        rows, columns = model.encoder.grid(*batch.images.shape[-2:])
        shape = (len(batch.images), rows * columns, model.encoder.feature_dim)
        return torch.zeros(shape, device=batch.images.device)
    features: Tensor = model.encoder(batch.images)
    return features
