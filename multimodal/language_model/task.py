"""Train and evaluate a language model on text without labels.

The state is carried over from window to window, and saved with the weights, so that a resumed run
goes on in the middle of a text. The logits of a large vocabulary cost several times as much as the
recurrent layers: in training they can be estimated from the words of the batch.

References:
    Merity, Keskar and Socher 2018, "Regularizing and optimizing LSTM language models" (activation
    penalties, equation 4); Jean et al. 2015, "On using very large target vocabulary for neural
    machine translation", section 3 (a part of the training text is predicted among the words that
    occur in it; equation 9: each counts by how rarely it is one of them).
"""

import math
from typing import Any, Literal

import torch
import torch.nn.functional as F
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torchmetrics import MeanMetric
from typing_extensions import override

from multimodal.data.batches import StreamBatch
from multimodal.language_model.model import LanguageModel, LanguageModelSettings, Prediction
from multimodal.nn.recurrent import State
from multimodal.text import Vocabulary
from multimodal.training.optimisers.adamw import Rates
from multimodal.training.penalties import activation_penalty, change_penalty
from multimodal.training.task import Task

Candidates = Literal["all", "batch"]
_STATE = "stream_state"


class LanguageModelTask(Task):
    """Language modelling: loss, perplexity.

    Args:
        settings: Settings of the network.
        vocabulary: All tokens, specials first; linked from the data.
        level: ``words`` or ``characters``; linked from the data, kept for writing.
        keep_lines: Whether the end of a line is a token; linked from the data, kept for writing.
        candidates: Words that get a probability in training: ``all``, or those of the ``batch``,
            which is several times as fast for tens of thousands of words.
        learning_rate: Peak learning rate.
        warmup: Share of the steps in which the rate rises; it falls as a cosine afterwards.
        weight_decay: AdamW's, on matrices only.
        activation: Weight of the penalty on large outputs (AR).
        change: Weight of the penalty on outputs that change from word to word (TAR).
        optimizer: Another optimiser with its settings, in place of AdamW with warm-up and cosine.
    """

    name = "language_model"
    model: LanguageModel

    def __init__(
        self,
        settings: LanguageModelSettings,
        vocabulary: list[str],
        level: str,
        keep_lines: bool,
        *,
        candidates: Candidates = "all",
        learning_rate: float = 1e-3,
        warmup: float = 0.05,
        weight_decay: float = 0.01,
        activation: float = 0.0,
        change: float = 0.0,
        optimizer: OptimizerCallable | None = None,
    ) -> None:
        super().__init__(settings, Rates(learning_rate, 1.0, warmup, weight_decay), optimizer)
        self.words = Vocabulary(vocabulary)
        self.level = level
        self.keep_lines = keep_lines
        self.model = LanguageModel(settings, len(self.words))
        self.candidates = candidates
        self.activation = activation
        self.change = change
        self.means = nn.ModuleDict(
            {name: MeanMetric() for name in ("val", "val_back", "test", "test_back")}
        )
        self._state: dict[str, State] = {}  # of the streams, by stage
        # How often each word was read; from one, so that none has probability 0.
        self.register_buffer("counts", torch.ones(len(self.words)))

    @override
    def forward(self, batch: StreamBatch, state: State) -> Prediction:
        prediction: Prediction = self.model(batch.tokens, batch.mask, state)
        return prediction

    @override
    def model_step(self, batch: StreamBatch) -> tuple[Tensor, Tensor]:
        """Compute the loss of a window in all directions with penalties, and the forward one's."""
        candidates = self._candidates(batch) if self.candidates == "batch" else None
        ahead = self.model(batch.tokens, batch.mask, self._state_of("train", batch), candidates)
        self._state["train"] = ahead.state
        plain = self._loss(ahead.logits, batch.targets[batch.mask], candidates)
        loss = plain + self._penalties(ahead, batch.mask)
        if self.model.reader.back:
            back = self.model.backwards(batch.tokens, batch.mask, candidates)
            targets = batch.tokens[:, :-1][batch.mask[:, 1:]]
            loss = loss + self._loss(back.logits, targets, candidates)
            loss = loss + self._penalties(back, batch.mask)
        return loss, plain

    @override
    def training_step(self, batch: StreamBatch, batch_idx: int) -> Tensor:
        loss, plain = self.model_step(batch)
        self.log("train/loss", plain, prog_bar=True)
        return loss

    @override
    def evaluate(self, batch: StreamBatch, stage: str) -> None:
        """Collect the cross-entropy of each word."""
        prediction = self(batch, self._state_of(stage, batch))
        self._state[stage] = prediction.state
        self._mean(stage).update(
            F.cross_entropy(prediction.logits.float(), batch.targets[batch.mask], reduction="none")
        )
        if self.model.reader.back:
            back = self.model.backwards(batch.tokens, batch.mask).logits.float()
            targets = batch.tokens[:, :-1][batch.mask[:, 1:]]
            self._mean(f"{stage}_back").update(F.cross_entropy(back, targets, reduction="none"))

    @override
    def log_scores(self, stage: str) -> None:
        """Log loss and perplexity."""
        loss = float(self._mean(stage).compute())
        self.log(f"{stage}/loss", loss)
        # A larger exponent could overflow.
        self.log(f"{stage}/perplexity", math.exp(min(loss, 50.0)), prog_bar=True)
        if self.model.reader.back:
            back = float(self._mean(f"{stage}_back").compute())
            self.log(f"{stage}/perplexity_back", math.exp(min(back, 50.0)))
        # Tensors made in inference mode could not be updated in place outside of it.
        with torch.inference_mode(mode=False):
            for name in (stage, f"{stage}_back"):
                self._mean(name).reset()

    @override
    def saved(self) -> dict[str, Any]:
        return {
            "settings": self.settings.to_dict(),
            "vocabulary": self.words.to_list(),
            "extra": {"level": self.level, "keep_lines": self.keep_lines},
        }

    @override
    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse another network or vocabulary, and restore the state of the streams."""
        super().on_load_checkpoint(checkpoint)
        if _STATE in checkpoint:
            self._state["train"] = tuple(checkpoint[_STATE])

    @override
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        if "train" in self._state:
            checkpoint[_STATE] = list(self._state["train"])

    def _state_of(self, stage: str, batch: StreamBatch) -> State:
        """Return the state after the last window; zeros before an epoch's first window."""
        if int(batch.indices[0]) == 0 or stage not in self._state:
            return self.model.start(len(batch.tokens))
        return tuple(part.to(self.device) for part in self._state[stage])

    def _candidates(self, batch: StreamBatch) -> Tensor:
        """Return the token ids of a window and their targets, the candidates in both directions."""
        words = torch.cat([batch.targets[batch.mask], batch.tokens[:, 0]])
        self.get_buffer("counts").index_add_(0, words, torch.ones(len(words), device=self.device))
        candidates: Tensor = torch.cat([words, batch.tokens[batch.mask]]).unique()
        return candidates

    def _loss(self, logits: Tensor, targets: Tensor, candidates: Tensor | None) -> Tensor:
        """Compute the cross-entropy over all words, or its estimate from candidates.

        A candidate represents 1 / q words, where q is the probability that a window contains it;
        without that, rare words, which are targets whenever they are candidates, would seem common.
        """
        logits = logits.float()
        if candidates is None:
            return F.cross_entropy(logits, targets)
        counts = self.get_buffer("counts")
        share = counts[candidates] / counts.sum()
        contained = -torch.expm1(-len(targets) * share)
        indices = torch.searchsorted(candidates, targets).unsqueeze(1)
        own = logits.gather(1, indices)  # a target is always a candidate
        weighted = (logits - contained.log()).scatter(1, indices, own)
        losses: Tensor = weighted.logsumexp(dim=1) - own.squeeze(1)
        return losses.mean()

    def _penalties(self, prediction: Prediction, mask: Tensor) -> Tensor | float:
        size = self.activation and self.activation * activation_penalty(prediction.dropped, mask)
        return size + (self.change and self.change * change_penalty(prediction.outputs, mask))

    def _mean(self, name: str) -> MeanMetric:
        mean = self.means[name]
        assert isinstance(mean, MeanMetric)
        return mean
