"""The loop of all searches, word by word over a batch of images.

At each word it calls the step, masks forbidden words, extends the search, and gives every
hypothesis its parent's state. Finished images leave the batch once they are a quarter of it, so
that one long caption does not slow all others down.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from multimodal.decoding.rules import Rules

Tensors: TypeAlias = tuple[Tensor, ...]
Step: TypeAlias = Callable[[Tensor, Tensors, Tensors], tuple[Tensor, Tensors, Tensor | None]]
"""``(tokens (images, beams), state, context) -> (logits (images, beams, vocab), state, attention)``

The state is tensors ``(images, beams, ...)``, the context tensors ``(images, ...)``; the attention
weights are ``(images, beams, regions)``, or None for a model that does not attend.
"""

_DROP_SHARE = 0.25  # finished images leave once they are this share of the batch
_CHECK_EVERY = 4  # steps between two reads from a GPU, each of which waits for it


class Hypotheses(NamedTuple):
    """The captions of a search: `n` for every image.

    Attributes:
        tokens: Word ids ``(images, n, time)``, padded with ``<pad>``; no ``<bos>``, and ``<eos>``
            if the caption ended.
        lengths: Tokens of each caption ``(images, n)``, ``<eos>`` counted; 0 if there is no n-th
            caption.
        scores: Ranking scores ``(images, n)``.
        log_probs: The model's log-probability of each caption ``(images, n)``.
        attention: The step's attention weights for each word ``(images, n, time, regions)``, 0 at
            the padding; None if the step returns none.
    """

    tokens: Tensor
    lengths: Tensor
    scores: Tensor
    log_probs: Tensor
    attention: Tensor | None = None


class _Attention(NamedTuple):
    """The attention weights of one step."""

    rows: Tensor  # indices of the images that were still searched
    weights: Tensor  # (rows, beams, regions)


@runtime_checkable
class Search(Protocol):
    """The interface between the loop and a search.

    Attributes:
        tokens: The last words ``(images, beams)``.
        done: The images that need no more words ``(images,)``.
    """

    tokens: Tensor
    done: Tensor

    def extend(self, log_probs: Tensor, time: int) -> Tensor | None:
        """Choose the next words, and return the beams they continue (None: each its own)."""

    def keep(self, rows: Tensor) -> None:
        """Continue with these images only."""

    def result(self) -> tuple[Hypotheses, Tensor]:
        """Return the captions, and the beam that each word continued ``(images, n, time)``."""


def count_images(state: Tensors, context: Tensors) -> tuple[int, torch.device]:
    """Return the number of images, and their device.

    Raises:
        ValueError: If there are no images, or the tensors differ in their number.
    """
    sizes = [tensor.shape[0] for tensor in (*state, *context)]
    if not sizes or min(sizes) != max(sizes) or sizes[0] == 0:
        raise ValueError(
            "`state` and `context` must hold tensors (images, ...) of one or more images, "
            f"got first axes {sizes}."
        )
    return sizes[0], (*state, *context)[0].device


def run(search: Search, step: Step, state: Tensors, context: Tensors, rules: Rules) -> Hypotheses:
    """Run a search until its last image is done or the captions have their greatest length.

    Raises:
        ValueError: If the step returns logits of another shape, NaN or infinity.
    """
    with torch.inference_mode():
        attention = _extend_until_done(search, step, state, context, rules)
        captions, beams = search.result()
    if bool(captions.log_probs.isnan().any()):
        raise ValueError(
            "The step returned logits that are NaN or infinite. "
            "Look for a non-finite weight or input."
        )
    tokens = captions.tokens[..., : int(captions.lengths.max())]
    # Tensors of inference mode cannot be trained on, as sampled captions are.
    return Hypotheses(
        tokens=tokens.clone(),
        lengths=captions.lengths.clone(),
        scores=captions.scores.clone(),
        log_probs=captions.log_probs.clone(),
        attention=_gather(attention, beams, captions.lengths),
    )


def _extend_until_done(
    search: Search, step: Step, state: Tensors, context: Tensors, rules: Rules
) -> list[_Attention]:
    images, device = count_images(state, context)
    remaining = torch.arange(images, device=device)
    attention: list[_Attention] = []
    state = tuple(tensor.unsqueeze(1) for tensor in state)  # each (images, 1, ...)
    history: Tensors = ()
    for time in range(rules.max_length):
        logits, state, weights = step(search.tokens, state, context)
        if weights is not None:
            attention.append(_Attention(remaining, weights))
        if time == 0:
            rules.check_logits(logits, search.tokens)
        log_probs = F.log_softmax(logits, dim=-1, dtype=torch.float32)  # (images, beams, vocab)
        rules.forbid(log_probs, time, history)
        parents, keep = search.extend(log_probs, time), None
        if not log_probs.is_cuda or time % _CHECK_EVERY == _CHECK_EVERY - 1:
            active, done = search.done.numel(), int(search.done.sum())
            if done == active:
                break
            if done >= _DROP_SHARE * active:
                keep = (~search.done).nonzero().squeeze(1)
                parents = None if parents is None else parents[keep]
                context = tuple(tensor[keep] for tensor in context)
                search.keep(keep)
                remaining = remaining[keep]
        state = _follow(state, keep, parents)
        if rules.no_repeat_ngram:
            last = search.tokens.unsqueeze(-1)  # (images, beams, 1)
            history = (torch.cat([*_follow(history, keep, parents), last], dim=-1),)
    return attention


def _gather(attention: list[_Attention], beams: Tensor, lengths: Tensor) -> Tensor | None:
    """Gather each caption's weights along its beams, once at the end."""
    if not attention:
        return None
    longest = int(lengths.max())
    gathered = torch.zeros(
        (*beams.shape[:2], longest, attention[0].weights.shape[-1]),
        dtype=attention[0].weights.dtype,
        device=beams.device,
    )
    for time, (rows, weights) in enumerate(attention[:longest]):
        index = beams[rows, :, time].unsqueeze(-1).expand(-1, -1, weights.shape[-1])
        gathered[rows, :, time] = weights.gather(1, index)
    padding = torch.arange(longest, device=beams.device) >= lengths.unsqueeze(-1)
    return gathered.masked_fill_(padding.unsqueeze(-1), 0)


def _follow(state: Tensors, keep: Tensor | None, parents: Tensor | None) -> Tensors:
    """Reorder the state by the hypotheses' parents, for the remaining images."""
    if not state:
        return state
    if parents is None:
        return state if keep is None else tuple(tensor[keep] for tensor in state)
    images, beams = state[0].shape[:2]
    rows = torch.arange(images, device=parents.device) if keep is None else keep
    index = (rows.unsqueeze(1) * beams + parents).flatten()
    return tuple(
        tensor.flatten(0, 1).index_select(0, index).reshape(*parents.shape, *tensor.shape[2:])
        for tensor in state
    )
