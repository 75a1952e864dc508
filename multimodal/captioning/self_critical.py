"""Train a captioner on the score of captions that it samples itself.

Cross-entropy teaches the model to continue people's captions; a test scores its own. Self-critical
training samples captions from the model, scores each against the references of its image, and
raises the probability of those that score above the others of the same image. The baseline of a
caption is the mean of the others.

Captions are sampled at a temperature below 1, and that sharpened distribution is trained: beam
search, too, looks for its most probable captions.

The score is CIDEr-D with the n-gram rarities of all training captions, plus, optionally, BLEU-4.
``<eos>`` is scored as a word: otherwise captions learn to stop in the middle ("... with a"),
because a missing end costs nothing.

References:
    Rennie, Marcheret, Mroueh, Ross and Goel 2017, "Self-critical sequence training for image
    captioning", equations 4 to 6 (the gradient, and why a baseline does not bias it).
    Luo 2020, "A better variant of self-critical sequence training", section 3 (the baseline).
    Ranzato, Chopra, Auli and Zaremba 2016, "Sequence level training with recurrent neural
    networks", section 3.2.2 (a share of cross-entropy stays).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from multimodal.metrics.bleu import bleu_per_image
from multimodal.metrics.cider import CiderD, Rarity
from multimodal.text import BOS_ID, EOS_ID, PAD_ID, SPECIALS, Vocabulary, tokenize

TEMPERATURE = 0.7
"""Of sampling and training; at 1, label smoothing gives every word a chance."""

_END = SPECIALS[EOS_ID]


class CaptionReward:
    """Score sampled captions by CIDEr-D and, optionally, BLEU-4, with ``<eos>`` as a word.

    Args:
        captions: The captions of all training images, for the rarity of n-grams.
        vocabulary: The words of the tokens.
        bleu_weight: Weight of BLEU-4, from 0 to 1, which is added to CIDEr-D, from 0 to 10.

    Raises:
        ValueError: If the weight is negative, there are no images, or one has no caption.
    """

    def __init__(
        self, captions: Sequence[Sequence[str]], vocabulary: Vocabulary, *, bleu_weight: float = 0.0
    ) -> None:
        if not bleu_weight >= 0:
            raise ValueError(f"`bleu_weight` must be 0 or more, got {bleu_weight}.")
        self.rarity = Rarity([_with_ends(texts) for texts in captions])
        self.vocabulary = vocabulary
        self.bleu_weight = bleu_weight

    def __call__(
        self, tokens: Int[Tensor, "images samples time"], captions: Sequence[Sequence[str]]
    ) -> Float[Tensor, "images samples"]:
        """Score sampled captions.

        Args:
            tokens: Words without ``<bos>``, with ``<eos>`` where it was sampled, padded.
            captions: The references of each image.
        """
        references = [_with_ends(texts) for texts in captions]
        scorer = CiderD(references, self.rarity)
        columns = []
        for sampled in tokens.transpose(0, 1).tolist():
            candidates = [self._words(row) for row in sampled]
            scores = scorer.score(candidates)[1]
            if self.bleu_weight:
                bleus = bleu_per_image(candidates, references)
                pairs = zip(scores, bleus, strict=True)
                scores = [cider + self.bleu_weight * bleu4 for cider, (*_, bleu4) in pairs]
            columns.append(scores)
        return torch.tensor(columns, device=tokens.device).T

    def _words(self, row: list[int]) -> list[str]:
        ended = [_END] if EOS_ID in row else []
        return [*self.vocabulary.decode(row), *ended]


def teacher_forced(
    tokens: Int[Tensor, "images samples time"],
) -> tuple[Int[Tensor, "images samples time"], Bool[Tensor, "images samples time"]]:
    """Return the input of each sampled word, and the mask of real words; ``<bos>`` comes first.

    Example:
        >>> teacher_forced(torch.tensor([[[7, 2, 0]]]))
        (tensor([[[1, 7, 2]]]), tensor([[[ True,  True, False]]]))
    """
    return F.pad(tokens[..., :-1], (1, 0), value=BOS_ID), tokens != PAD_ID


def advantages(rewards: Float[Tensor, "images samples"]) -> Float[Tensor, "images samples"]:
    """Subtract from each reward the mean of the other samples of its image (Luo 2020, section 3).

    Raises:
        ValueError: If there is one sample only.

    Example:
        >>> advantages(torch.tensor([[1.0, 2.0, 6.0]]))
        tensor([[-3.0000, -1.5000,  4.5000]])
    """
    samples = rewards.shape[1]
    if samples < 2:
        raise ValueError(
            f"A caption is compared with the others of its image, got {samples} of each. Draw two "
            "or more."
        )
    # r - (sum - r) / (n - 1) = (r - mean) * n / (n - 1)
    return (rewards - rewards.mean(dim=1, keepdim=True)) * (samples / (samples - 1))


def policy_loss(
    logits: Float[Tensor, "real vocab"],
    tokens: Int[Tensor, "images samples time"],
    advantage: Float[Tensor, "images samples"],
) -> Float[Tensor, ""]:
    """Compute the loss whose gradient raises the expected reward (Rennie et al. 2017, equation 5).

    Args:
        logits: For each real token of `tokens`, in row order.
        tokens: The sampled words, padded.
        advantage: Reward of each caption less its baseline.
    """
    real = tokens != PAD_ID
    losses = F.cross_entropy(logits.float() / TEMPERATURE, tokens[real], reduction="none")
    weights = advantage.unsqueeze(-1).expand(tokens.shape)[real]
    return (losses * weights).mean()


def _with_ends(captions: Sequence[str]) -> list[list[str]]:
    return [[*tokenize(text), _END] for text in captions]
