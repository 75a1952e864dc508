"""Train and evaluate a captioner.

The loss is the cross-entropy of the real tokens, all captions of an image in one pass; validation
scores captions decoded by beam search, never teacher-forced ones.

References:
    Xu et al. 2015, "Show, attend and tell", equation 14 (doubly stochastic attention); Szegedy et
    al. 2016, "Rethinking the inception architecture", section 7 (label smoothing); Bengio et al.
    2015, "Scheduled sampling for sequence prediction", and Mihaylova and Martins 2019, "Scheduled
    sampling for transformers", section 3 (its two-pass form, which needs no loop over time);
    Rennie et al. 2017, "Self-critical sequence training for image captioning".
"""

from typing import Any

import torch
from lightning.pytorch import Callback
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, distributed, nn
from typing_extensions import override

from multimodal.captioning.model import Captioner, CaptionerSettings
from multimodal.captioning.report import CaptionReport
from multimodal.captioning.self_critical import (
    TEMPERATURE,
    CaptionReward,
    advantages,
    policy_loss,
    teacher_forced,
)
from multimodal.data.batches import CaptionBatch
from multimodal.decoding import Hypotheses, beam_search, sample
from multimodal.decoding import ensemble as join
from multimodal.metrics.captions import CaptionScores
from multimodal.metrics.truth import CaptionTruth
from multimodal.nn.losses import cross_entropy_in_place
from multimodal.saving.checkpoint import read_checkpoint
from multimodal.text import Vocabulary, detokenize, tokenize
from multimodal.training.initial_weights import start_from_weights
from multimodal.training.optimisers.adamw import Rates, total_steps
from multimodal.training.report import ResultsFile
from multimodal.training.skipped import SkippedImages
from multimodal.training.task import Task
from multimodal.training.unfreezing import unfreeze_at
from multimodal.worlds.scenes import Scene, check_caption


class CaptioningTask(Task):
    """Captioning: loss, decoding, metrics.

    Args:
        settings: Settings of the network.
        vocabulary: All tokens, specials first; linked from the data.
        transform: The evaluation transform's settings; linked from the data, kept for inference.
        learning_rate: Peak learning rate.
        encoder_rate: Factor on the learning rate for the encoder; below 1 for a pretrained one.
        warmup: Share of the steps in which the rate rises; it falls as a cosine afterwards.
        weight_decay: AdamW's, on matrices only.
        muon: Whether the matrices between pixels and words learn by Muon.
        label_smoothing: Share of the target spread over the vocabulary.
        scheduled_sampling: Final share of input words taken from the model's own predictions; it
            rises linearly from 0.
        attention_penalty: Weight of the doubly stochastic term of Show, Attend and Tell.
        self_critical_epoch: Epoch from which the model also learns from captions that it samples
            itself, scored by CIDEr-D; -1 is never. Best late, when the model writes well and the
            learning rate is low, or in a second run with a `warm_start` and a rate of 5e-5 to 2e-4.
        self_critical_weight: Share of these captions in the loss; the rest is cross-entropy.
        self_critical_bleu: Weight of BLEU-4 in a caption's score, beside CIDEr-D.
        unfreeze_epoch: Epoch at which more of the encoder is opened; -1 is never.
        unfreeze_stages: Number of last encoder stages that are trained from then on; -1 is all.
        beam_size: Beams at validation and test.
        max_length: Longest caption written, in words.
        length_penalty: Exponent of the length normalisation; 0 is none.
        ensemble: Checkpoints whose word probabilities are averaged with this run's own when
            captions are written; they must share its vocabulary and its frozen encoder.
        sheet_size: Number of validation pictures shown with their captions after each
            validation; 0 for none. They go to TensorBoard, if the run logs to it.
        sheet_files: Whether they are also written as ``samples/epoch_NNN.png`` in the run's folder.
        warm_start: A checkpoint whose weights start this run; its word vectors are copied word by
            word, so its vocabulary may differ. Empty for none.
        optimizer: Another optimiser with its settings, in place of AdamW with warm-up and cosine.
    """

    name = "captioning"
    headline = ("cider", "truth/captions")
    settings: CaptionerSettings
    model: Captioner

    def __init__(
        self,
        settings: CaptionerSettings,
        vocabulary: list[str],
        transform: dict[str, Any],
        *,
        learning_rate: float = 1e-3,
        encoder_rate: float = 1.0,
        warmup: float = 0.05,
        weight_decay: float = 0.01,
        muon: bool = False,
        label_smoothing: float = 0.1,
        scheduled_sampling: float = 0.0,
        attention_penalty: float = 0.0,
        self_critical_epoch: int = -1,
        self_critical_weight: float = 0.8,
        self_critical_bleu: float = 0.0,
        unfreeze_epoch: int = -1,
        unfreeze_stages: int = -1,
        beam_size: int = 3,
        max_length: int = 20,
        length_penalty: float = 0.0,
        ensemble: list[str] | None = None,
        sheet_size: int = 8,
        sheet_files: bool = False,
        warm_start: str = "",
        optimizer: OptimizerCallable | None = None,
    ) -> None:
        rates = Rates(learning_rate, encoder_rate, warmup, weight_decay)
        super().__init__(settings, rates, optimizer, muon=muon)
        self.words = Vocabulary(vocabulary)
        self.transform = transform
        self.model = Captioner(settings, len(self.words))
        self.label_smoothing = label_smoothing
        self.scheduled_sampling = scheduled_sampling
        if attention_penalty and not self.model.decoder.attends:
            raise ValueError(
                f"`attention_penalty` must be 0 for the decoder {settings.decoder}, which does not "
                f"attend, got {attention_penalty}. Set it to 0, or choose a decoder that attends, "
                "such as attention."
            )
        self.attention_penalty = attention_penalty
        self.self_critical_epoch = self_critical_epoch
        self.self_critical_weight = self_critical_weight
        self.self_critical_bleu = self_critical_bleu
        self._reward: CaptionReward | None = None
        self.unfreeze_epoch = unfreeze_epoch
        self.unfreeze_stages = unfreeze_stages
        self.beam_size = beam_size
        self.max_length = max_length
        self.length_penalty = length_penalty
        self.sheet_size = sheet_size
        self.sheet_files = sheet_files
        # METEOR takes longer than all the others together, so only the test computes it.
        self.scores = nn.ModuleDict(
            {"val": CaptionScores(with_meteor=False), "test": CaptionScores()}
        )
        self.truth = CaptionTruth(_statements_true)
        if warm_start:
            saved = read_checkpoint(warm_start, task="captioning")
            start_from_weights(
                self.model, saved.state_dict, Vocabulary(saved.vocabulary), self.words
            )
        # A plain list, so that the members are not trained, saved or counted.
        self._members = [self._load_member(path) for path in ensemble or []]

    @override
    def forward(self, batch: CaptionBatch) -> Hypotheses:
        """Write captions for a batch by beam search."""
        features = self.features(batch)
        models = [self.model, *(member.to(self.device) for member in self._members)]
        return beam_search(
            *join([(model.step, *model.begin(features)) for model in models]),
            beam_size=self.beam_size,
            max_length=self.max_length,
            length_penalty=self.length_penalty,
        )

    def features(self, batch: CaptionBatch) -> Tensor:
        """Return cached features or encode the images, ``(batch, regions, feature)``."""
        if batch.features is not None:
            return batch.features
        features: Tensor = self.model.encoder(batch.images)
        return features

    def model_step(self, batch: CaptionBatch) -> tuple[Tensor, Tensor]:
        """Compute the training loss of the real tokens, and their cross-entropy in nats."""
        features = self.features(batch)
        mask = batch.mask[..., 1:]
        targets = batch.tokens[..., 1:][mask]
        inputs = self._mix_predictions(features, batch.tokens[..., :-1], mask)
        logits, weights = self.model(features, inputs, mask)
        loss, plain = cross_entropy_in_place(logits, targets, label_smoothing=self.label_smoothing)
        loss = loss * _share_of_tokens(targets)
        if self.attention_penalty and weights is not None:
            # Equation 14: over a caption every region should be looked at for one step in all.
            totals = (weights * mask.unsqueeze(-1)).sum(dim=2)  # (batch, captions, regions)
            uneven = (1 - totals).square().sum(dim=-1)[mask.any(dim=-1)]
            loss = loss + self.attention_penalty * uneven.mean()
        return loss, plain

    @override
    def training_step(self, batch: CaptionBatch, batch_idx: int) -> Tensor:
        if self._reward is None or self.current_epoch < self.self_critical_epoch:
            loss, plain = self.model_step(batch)
        else:
            batch = batch._replace(features=self.features(batch))  # encoded once for both
            sampled, share = (
                self._self_critical_loss(batch, self._reward),
                self.self_critical_weight,
            )
            loss, plain = self.model_step(batch)
            loss = share * sampled + (1 - share) * loss
        self.log("train/loss", plain, prog_bar=True, batch_size=len(batch.indices))
        return loss

    @override
    def on_train_start(self) -> None:
        """Prepare the reward of self-critical training."""
        if self.self_critical_epoch < 0:
            return
        captions = [example.captions for example in self.training_examples()]
        if not captions:
            raise ValueError(
                "Self-critical training scores captions against all training captions. Give the "
                "trainer a data module that has them, such as `CaptionData`, or leave "
                "`self_critical_epoch` at -1."
            )
        self._reward = CaptionReward(captions, self.words, bleu_weight=self.self_critical_bleu)

    @override
    def evaluate(self, batch: CaptionBatch, stage: str) -> list[list[str]]:
        """Log the loss, score the captions written by beam search and return their words."""
        _, plain = self.model_step(batch)
        tokens = int(batch.mask[..., 1:].sum())
        self.log(f"{stage}/loss", plain, batch_size=tokens, sync_dist=True)
        captions = self.write(batch)
        ids = [example.image_id for example in batch.examples]
        references = [[tokenize(text) for text in example.captions] for example in batch.examples]
        scores = self.scores[stage]
        assert isinstance(scores, CaptionScores)
        scores.update(ids, captions, references)
        scenes = [
            (example.image_id, example.image, " ".join(words))
            for example, words in zip(batch.examples, captions, strict=True)
            if isinstance(example.image, Scene)
        ]
        if scenes:
            self.truth.update(*map(list, zip(*scenes, strict=True)))
        return captions

    @override
    def log_scores(self, stage: str) -> None:
        """Log the scores of the captions, and how true those of built-in scenes are."""
        super().log_scores(stage)
        if self.truth.update_called:
            for name, value in self.truth.compute().items():
                self.log(f"{stage}/{name}", value, prog_bar=name in self.headline)
            self.truth.reset()

    @override
    def predict_step(self, batch: CaptionBatch, batch_idx: int) -> list[dict[str, Any]]:
        """Return ``{"image_id", "caption"}`` of each image, as in COCO's results."""
        written = self.write(batch)
        return [
            {"image_id": example.image_id, "caption": detokenize(words)}
            for example, words in zip(batch.examples, written, strict=True)
        ]

    def write(self, batch: CaptionBatch) -> list[list[str]]:
        """Return the words of the best caption of each image."""
        tokens = self(batch).tokens[:, 0].tolist()
        return [self.words.decode(row) for row in tokens]

    @override
    def saved(self) -> dict[str, Any]:
        return {
            "settings": self.settings.to_dict(),
            "vocabulary": self.words.to_list(),
            "transform": self.transform,
        }

    @override
    def output_layers(self) -> list[nn.Module]:
        return [] if self.model.tied else [self.model.output]

    @override
    def own_callbacks(self) -> list[Callback]:
        return [
            CaptionReport(self.sheet_size, files=self.sheet_files),
            ResultsFile(),
            SkippedImages(),
            *unfreeze_at(self.model.encoder, self.unfreeze_epoch, self.unfreeze_stages),
        ]

    def _load_member(self, path: str) -> Captioner:
        saved = read_checkpoint(path, task="captioning")
        if saved.vocabulary != self.words.to_list():
            raise ValueError(
                f"{path} cannot join the ensemble: its vocabulary is not this run's. Train all "
                "members on the same data with the same `min_count`."
            )
        member = Captioner(CaptionerSettings.for_loading(saved.settings), len(self.words))
        member.load_state_dict(saved.state_dict)
        return member.eval().requires_grad_(False)

    def _mix_predictions(self, features: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
        """Replace a share of the input words by the model's own predictions."""
        if not (self.training and self.scheduled_sampling):
            return tokens
        progress = self.global_step / total_steps(self.trainer.estimated_stepping_batches)
        with torch.no_grad():
            logits, _ = self.model(features, tokens, mask)
            drawn = torch.multinomial(logits.float().softmax(dim=-1), 1).squeeze(-1)
        predicted = torch.zeros_like(tokens)
        predicted[mask] = drawn
        # The prediction at one position is the input of the next; <bos> stays.
        predicted = torch.cat([tokens[..., :1], predicted[..., :-1]], dim=-1)
        swap = torch.rand_like(tokens, dtype=torch.float) < self.scheduled_sampling * progress
        return torch.where(swap, predicted, tokens)

    def _self_critical_loss(self, batch: CaptionBatch, reward: CaptionReward) -> Tensor:
        """Sample as many captions as people wrote, and compare those of an image."""
        features, samples = self.features(batch), max(2, batch.tokens.shape[1])
        # Captions are sampled as in use, without dropout, but learned with it, as people's are.
        self.model.eval()
        with torch.no_grad():
            tokens = sample(
                self.model.step,
                *self.model.begin(features),
                generator=torch.default_generator,  # seeded for each batch, so that runs resume
                samples=samples,
                temperature=TEMPERATURE,
                max_length=self.max_length,
            ).tokens
        self.model.train()
        rewards = reward(tokens, [example.captions for example in batch.examples])
        self.log("train/reward", rewards.mean(), prog_bar=True, batch_size=len(rewards))
        inputs, mask = teacher_forced(tokens)
        loss = policy_loss(self.model(features, inputs, mask)[0], tokens, advantages(rewards))
        return loss * _share_of_tokens(tokens[mask])


def _share_of_tokens(targets: Tensor) -> Tensor | float:
    """Return the weight with which the mean over processes is the mean over all their tokens."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 1.0
    count = torch.tensor(float(len(targets)), device=targets.device)
    total = count.clone()
    distributed.all_reduce(total)
    return count * distributed.get_world_size() / total


def _statements_true(scene: Scene, caption: str) -> list[bool]:
    return [statement.true for statement in check_caption(caption, scene).statements]
