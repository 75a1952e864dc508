"""Beam search as one tensor program over images x beams.

A hypothesis that ends still occupies its slot, so the beam narrows until all have ended, or until
no open hypothesis can still beat the best finished one. Hence a beam of one is greedy search, and a
beam as wide as the number of sentences is exhaustive search. Words and attention are stored with
back-pointers and gathered at the end; only the model's state is reordered at every step.

References:
    Xu et al. 2015, "Show, Attend and Tell" (the narrowing beam, as in its published code).
    Wu et al. 2016, "Google's Neural Machine Translation System", equation 14 (length penalty).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from multimodal.decoding.loop import Hypotheses, Step, Tensors, count_images, run
from multimodal.decoding.rules import Rules, check_at_least
from multimodal.text import BOS_ID, EOS_ID, PAD_ID

LengthPenalty: TypeAlias = float | int | Literal["average"]

_GROUP = 100  # words in a group of the two-level search for the best words
_TWO_LEVEL_FROM = 2000  # words in a vocabulary from which that search is the faster


def beam_search(
    step: Step,
    state: Tensors,
    context: Tensors = (),
    *,
    beam_size: int = 5,
    n_best: int = 1,
    max_length: int = 20,
    min_length: int = 0,
    length_penalty: LengthPenalty = 0.0,
    no_repeat_ngram: int = 0,
    banned: Sequence[int] = (),
) -> Hypotheses:
    """Search for the captions of highest score, all images together.

    Captions that ended come first; those cut off at `max_length` only fill up the `n_best`.

    Args:
        step: See `Step`.
        state: Initial state, tensors ``(images, ...)``.
        context: Tensors ``(images, ...)``.
        beam_size: Hypotheses kept for each image; 1 is greedy search.
        n_best: Captions returned for each image; at most `beam_size`.
        max_length: This and `min_length`, `no_repeat_ngram` and `banned`: see `Rules`.
        length_penalty: Exponent alpha of ``((5 + length) / 6) ** alpha``, by which a caption's
            log-probability is divided: 0 favours short captions, up to 1 ever longer ones.
            "average" divides by the length. ``<eos>`` is counted.

    Returns:
        `n_best` captions for each image, best first.

    Raises:
        ValueError: If an argument is out of range, the tensors do not agree in their first axis,
            or the step returns logits of another shape, NaN or infinity.

    Example:
        >>> next_word = torch.zeros(6, 6)  # greedy search chooses 4, then has half a chance
        >>> next_word[1, 4], next_word[1, 5] = 0.6, 0.4
        >>> next_word[4, 2], next_word[4, 5], next_word[5, 2] = 0.5, 0.5, 1.0
        >>> def step(tokens, state, context):
        ...     return next_word.log()[tokens], state, None
        >>> best = beam_search(step, (torch.zeros(1, 1),), beam_size=2)
        >>> best.tokens, best.log_probs.exp()
        (tensor([[[5, 2]]]), tensor([[0.4000]]))
    """
    check_at_least(1, beam_size=beam_size, n_best=n_best)
    if n_best > beam_size:
        raise ValueError(
            f"`n_best` must be at most `beam_size`, got {n_best} of {beam_size}. Widen the beam."
        )
    if length_penalty != "average" and (isinstance(length_penalty, str) or not length_penalty >= 0):
        raise ValueError(
            f"`length_penalty` must be 0 or more, or 'average', got {length_penalty!r}. "
            "0 divides by nothing."
        )
    rules = Rules(
        max_length=max_length,
        min_length=min_length,
        no_repeat_ngram=no_repeat_ngram,
        banned=banned,
    )
    images, device = count_images(state, context)
    penalties = [_penalty(length, length_penalty) for length in range(1, max_length + 1)]
    beam = _Beam(images, beam_size, n_best, penalties=penalties, device=device)
    return run(beam, step, state, context, rules)


def _penalty(length: int, length_penalty: LengthPenalty) -> float:
    if length_penalty == "average":
        return float(length)
    return float(((5 + length) / 6) ** length_penalty)


class _Move(NamedTuple):
    """One step of the beam; all but `rows` are ``(images, beams)``."""

    rows: Tensor  # indices of the images that were still searched
    parents: Tensor
    tokens: Tensor
    totals: Tensor  # log-probability so far; -inf: no hypothesis here
    ended: Tensor


class _Beam:
    """The open hypotheses of every image, and the back-pointers of all earlier ones."""

    def __init__(
        self,
        images: int,
        beam_size: int,
        n_best: int,
        *,
        penalties: list[float],
        device: torch.device,
    ) -> None:
        self.tokens = torch.full((images, 1), BOS_ID, device=device)
        self.done = torch.zeros(images, dtype=torch.bool, device=device)
        self._totals = torch.zeros((images, 1), device=device)
        self._rows = torch.arange(images, device=device)
        self._slots = torch.full((images, 1), beam_size, device=device)  # minus those that ended
        self._kept = torch.full((images, n_best), -torch.inf, device=device)  # best ended scores
        self._penalties = penalties
        self._ranks = torch.arange(beam_size, device=device)
        self._moves: list[_Move] = []

    def extend(self, log_probs: Tensor, time: int) -> Tensor:
        totals, parents, tokens = _best_continuations(self._totals, log_probs, len(self._ranks))
        missing = (self._ranks[: totals.shape[1]] >= self._slots) | totals.isneginf()
        totals = totals.masked_fill(missing, -torch.inf)
        ended = (tokens == EOS_ID) & ~missing
        self._moves.append(_Move(self._rows, parents, tokens, totals, ended))
        self._slots = self._slots - ended.sum(1, keepdim=True)
        scores = (totals / self._penalties[time]).masked_fill(~ended, -torch.inf)
        self._kept = torch.cat([self._kept, scores], dim=1).topk(self._kept.shape[1]).values
        totals = totals.masked_fill(ended, -torch.inf)
        # Log-probabilities only fall, so no open hypothesis can reach more than this.
        reachable = totals.amax(1) / self._penalties[-1]
        self.done = reachable <= self._kept[:, -1]
        self._totals = totals.masked_fill(self.done.unsqueeze(1), -torch.inf)
        self.tokens = tokens
        return parents

    def keep(self, rows: Tensor) -> None:
        self.tokens, self.done, self._rows = self.tokens[rows], self.done[rows], self._rows[rows]
        self._totals, self._slots = self._totals[rows], self._slots[rows]
        self._kept = self._kept[rows]

    def result(self) -> tuple[Hypotheses, Tensor]:
        """Rank finished captions, then those cut off, and follow the pointers of the best."""
        parents, tokens, totals, ended = self._trace()  # each (time, images, beams)
        steps, images, beams = tokens.shape
        time = torch.arange(steps, device=tokens.device).view(-1, 1, 1)
        exists = ~totals.isneginf()
        last = (exists.any(-1, keepdim=True) * time).amax(0)  # (images, 1)
        cut_off = exists & ~ended & (time == last)
        kind = torch.where(ended, 0, torch.where(cut_off, 1, 2)).transpose(0, 1).flatten(1)
        scores = totals / totals.new_tensor(self._penalties[:steps]).view(-1, 1, 1)
        scores = scores.transpose(0, 1).flatten(1)  # (images, time * beams)
        order = scores.argsort(dim=1, descending=True, stable=True)
        order = order.gather(1, kind.gather(1, order).argsort(dim=1, stable=True))
        order = order[:, : self._kept.shape[1]]  # (images, n)
        real = kind.gather(1, order) < 2
        end, beam = order // beams, order % beams
        words = torch.full((*order.shape, steps), PAD_ID, device=tokens.device)
        beams_before = torch.zeros_like(words)
        row = torch.arange(images, device=tokens.device).unsqueeze(1)
        for back in reversed(range(steps)):
            inside = real & (end >= back)
            words[..., back] = tokens[back, row, beam].where(inside, PAD_ID)
            beam = parents[back, row, beam].where(inside, beam)
            beams_before[..., back] = beam.where(inside, 0)
        log_probs = totals.transpose(0, 1).flatten(1).gather(1, order).where(real, -torch.inf)
        scores = scores.gather(1, order).where(real, -torch.inf)
        return Hypotheses(words, (end + 1).where(real, 0), scores, log_probs), beams_before

    def _trace(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Stack all moves over the whole batch, also for images that had left it."""
        device = self.tokens.device
        shape = (len(self._moves), len(self._moves[0].rows), len(self._ranks))
        parents = torch.zeros(shape, dtype=torch.long, device=device)
        tokens = torch.full(shape, PAD_ID, device=device)
        totals = torch.full(shape, -torch.inf, device=device)
        ended = torch.zeros(shape, dtype=torch.bool, device=device)
        for time, move in enumerate(self._moves):
            width = move.tokens.shape[1]
            parents[time][move.rows, :width] = move.parents
            tokens[time][move.rows, :width] = move.tokens
            totals[time][move.rows, :width] = move.totals
            ended[time][move.rows, :width] = move.ended
        return parents, tokens, totals, ended


def _best_continuations(
    totals: Float[Tensor, "images beams"],
    log_probs: Float[Tensor, "images beams vocab"],
    count: int,
) -> tuple[Float[Tensor, "images width"], Int[Tensor, "images width"], Int[Tensor, "images width"]]:
    """Return log-probability, beam and word of each image's `count` best pairs, best first.

    The words of a large vocabulary are divided into groups, and only the `count` groups of highest
    maximum can contain a result: maxima are cheap, and few words remain to be sorted.
    """
    images, beams, vocab = log_probs.shape
    groups = vocab // _GROUP
    if vocab < _TWO_LEVEL_FROM or count > groups:
        sums = (log_probs + totals.unsqueeze(-1)).flatten(1)
        best, index = sums.topk(min(count, beams * vocab))
        return best, index // vocab, index % vocab
    grouped = log_probs[..., : groups * _GROUP].view(images, beams, groups, _GROUP)
    maxima = (grouped.amax(-1) + totals.unsqueeze(-1)).flatten(1)  # (images, beams * groups)
    chosen = maxima.topk(count).indices
    first = chosen // groups * vocab + chosen % groups * _GROUP
    every = torch.arange(beams * vocab, device=log_probs.device).view(beams, vocab)
    tail = every[:, groups * _GROUP :].reshape(1, -1).expand(images, -1)  # belongs to no group
    index = torch.cat([(first.unsqueeze(-1) + every[0, :_GROUP]).flatten(1), tail], dim=1)
    sums = log_probs.flatten(1).gather(1, index) + totals.gather(1, index // vocab)
    best, chosen = sums.topk(count)
    index = index.gather(1, chosen)
    return best, index // vocab, index % vocab
