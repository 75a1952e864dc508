"""Train and evaluate a language model on text without labels.

The state is carried over from window to window, and saved with the weights, so that a resumed run
goes on in the middle of a text. To score all words of a large vocabulary costs several times as
much as to read: in training the words that the batch does hold can stand for the others.

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
from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics import MeanMetric
from typing_extensions import override

from multimodal.data.batches import StreamBatch
from multimodal.language_model.model import LanguageModel, LanguageModelSettings, Prediction
from multimodal.nn.recurrent import State
from multimodal.saving.checkpoint import CHECKPOINT_KEY, attach
from multimodal.text import Vocabulary
from multimodal.training.callbacks import trusted_callbacks
from multimodal.training.compatibility import refuse_other_network
from multimodal.training.optimisers.adamw import Rates, adamw
from multimodal.training.penalties import activation_penalty, change_penalty

Candidates = Literal["all", "batch"]
_STATE = "stream_state"


class LanguageModelTask(LightningModule):
    """Language modelling: loss, perplexity, optimiser.

    Args:
        settings: The network.
        vocabulary: All tokens, specials first; linked from the data.
        level: ``words`` or ``characters``; linked from the data, kept for writing.
        keep_lines: Whether the end of a line is a token; linked from the data, kept for writing.
        candidates: Among which words the next one is sought in training: ``all``, or those of the
            ``batch``, which is several times as fast for tens of thousands of words.
        learning_rate: Peak learning rate.
        warmup: Share of the steps in which the rate rises; it falls as a cosine afterwards.
        weight_decay: AdamW's, on matrices only.
        activation: Weight of the penalty on loud outputs (AR).
        change: Weight of the penalty on outputs that jump from word to word (TAR).
        optimizer: An optimiser of one's own, named with its settings; default AdamW with a warm-up
            and a cosine.
    """

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
        super().__init__()
        self.settings = settings
        self.words = Vocabulary(vocabulary)
        self.level = level
        self.keep_lines = keep_lines
        self.model = LanguageModel(settings, len(self.words))
        self.candidates = candidates
        self.rates = Rates(learning_rate, 1.0, warmup, weight_decay)
        self.activation = activation
        self.change = change
        self.optimizer = optimizer
        self.means = nn.ModuleDict(
            {name: MeanMetric() for name in ("val", "val_back", "test", "test_back")}
        )
        self._state: dict[str, State] = {}  # of the streams, by stage
        # How often each word has been read; one each, so that none is thought impossible.
        self.register_buffer("counts", torch.ones(len(self.words)))

    @override
    def forward(self, batch: StreamBatch, state: State) -> Prediction:
        """Score all words as the next one after each of a window.

        Args:
            batch: A window of streams.
            state: After the window before.

        Returns:
            As the model.
        """
        prediction: Prediction = self.model(batch.tokens, batch.mask, state)
        return prediction

    @override
    def training_step(self, batch: StreamBatch, batch_idx: int) -> Tensor:
        """Return the loss of one window, of both directions if there are two."""
        among = self._candidates(batch) if self.candidates == "batch" else None
        ahead = self.model(batch.tokens, batch.mask, self._state_of("train", batch), among)
        self._state["train"] = ahead.state
        loss = self._loss(ahead.logits, batch.targets[batch.mask], among)
        self.log("train/loss", loss, prog_bar=True)
        loss = loss + self._penalties(ahead, batch.mask)
        if self.model.reader.back:
            back = self.model.backwards(batch.tokens, batch.mask, among)
            loss = loss + self._loss(back.logits, batch.tokens[:, :-1][batch.mask[:, 1:]], among)
            loss = loss + self._penalties(back, batch.mask)
        return loss

    @override
    def validation_step(self, batch: StreamBatch, batch_idx: int) -> None:
        """Collect how surprising each word is."""
        self._evaluate(batch, "val")

    @override
    def test_step(self, batch: StreamBatch, batch_idx: int) -> None:
        """Collect how surprising each word is."""
        self._evaluate(batch, "test")

    @override
    def on_validation_epoch_end(self) -> None:
        """Log loss and perplexity."""
        self._log_means("val")

    @override
    def on_test_epoch_end(self) -> None:
        """Log loss and perplexity."""
        self._log_means("test")

    @override
    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build AdamW with warm-up and cosine, or the optimiser that was named."""
        if self.optimizer is not None:
            return self.optimizer(self.parameters())
        return adamw(self.model, None, self.rates, self.trainer.estimated_stepping_batches)

    @override
    def configure_callbacks(self) -> list[Callback]:
        """Return what makes a run resumable, atomic and safe from NaN."""
        return trusted_callbacks()

    @override
    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another network or vocabulary, and take up the streams' state.

        Raises:
            ValueError: If settings or vocabularies differ.
        """
        lists = {"vocabulary": self.words.to_list()}
        refuse_other_network(checkpoint.get(CHECKPOINT_KEY, {}), self.settings.to_dict(), lists)
        if _STATE in checkpoint:
            self._state["train"] = tuple(checkpoint[_STATE])

    @override
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what writing needs, as plain data, and the streams' state."""
        attach(
            checkpoint,
            task="language_model",
            settings=self.settings.to_dict(),
            vocabulary=self.words.to_list(),
            extra={"level": self.level, "keep_lines": self.keep_lines},
        )
        if "train" in self._state:
            checkpoint[_STATE] = list(self._state["train"])

    def _state_of(self, stage: str, batch: StreamBatch) -> State:
        """Where the streams were left; zeros before an epoch's first window."""
        if int(batch.indices[0]) == 0 or stage not in self._state:
            return self.model.start(len(batch.tokens))
        return tuple(part.to(self.device) for part in self._state[stage])

    def _candidates(self, batch: StreamBatch) -> Tensor:
        """What is read in a window and what follows it: what is to be found in both directions."""
        words = torch.cat([batch.targets[batch.mask], batch.tokens[:, 0]])
        self.get_buffer("counts").index_add_(0, words, torch.ones(len(words), device=self.device))
        among: Tensor = torch.cat([words, batch.tokens[batch.mask]]).unique()
        return among

    def _loss(self, logits: Tensor, targets: Tensor, among: Tensor | None) -> Tensor:
        """Compute the cross-entropy over all words, or its estimate from some of them.

        A candidate stands for 1 / q words, where q is how likely a window is to hold it; without
        that, rare words, which are asked for whenever they are candidates, would be thought common.
        """
        logits = logits.float()
        if among is None:
            return F.cross_entropy(logits, targets)
        counts = self.get_buffer("counts")
        share = counts[among] / counts.sum()
        held = -torch.expm1(-len(targets) * share)
        places = torch.searchsorted(among, targets).unsqueeze(1)
        own = logits.gather(1, places)  # what is sought is always there
        weighted = (logits - held.log()).scatter(1, places, own)
        losses: Tensor = weighted.logsumexp(dim=1) - own.squeeze(1)
        return losses.mean()

    def _penalties(self, prediction: Prediction, mask: Tensor) -> Tensor | float:
        loud = self.activation and self.activation * activation_penalty(prediction.dropped, mask)
        return loud + (self.change and self.change * change_penalty(prediction.outputs, mask))

    def _evaluate(self, batch: StreamBatch, stage: str) -> None:
        prediction = self(batch, self._state_of(stage, batch))
        self._state[stage] = prediction.state
        self._mean(stage).update(
            F.cross_entropy(prediction.logits.float(), batch.targets[batch.mask], reduction="none")
        )
        if self.model.reader.back:
            back = self.model.backwards(batch.tokens, batch.mask).logits.float()
            wanted = batch.tokens[:, :-1][batch.mask[:, 1:]]
            self._mean(f"{stage}_back").update(F.cross_entropy(back, wanted, reduction="none"))

    def _mean(self, name: str) -> MeanMetric:
        mean = self.means[name]
        assert isinstance(mean, MeanMetric)
        return mean

    def _log_means(self, stage: str) -> None:
        loss = float(self._mean(stage).compute())
        self.log(f"{stage}/loss", loss)
        # exp(50) is a number that says as much as any above it.
        self.log(f"{stage}/perplexity", math.exp(min(loss, 50.0)), prog_bar=True)
        if self.model.reader.back:
            back = float(self._mean(f"{stage}_back").compute())
            self.log(f"{stage}/perplexity_back", math.exp(min(back, 50.0)))
        with torch.inference_mode(mode=False):  # what is made in it could not be added to elsewhere
            for name in (stage, f"{stage}_back"):
                self._mean(name).reset()
