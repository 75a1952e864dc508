"""Ensembles: average the probabilities of several models' next words.

Each model has its own state and context; the search gets one step whose state and context are those
of all models side by side. The models must share their word ids.

References:
    Vinyals et al. 2015, "Show and tell", section 4.3 (an ensemble of captioners).
    Hansen and Salamon 1990, "Neural network ensembles".
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from multimodal.decoding.loop import Step, Tensors


def ensemble(members: Sequence[tuple[Step, Tensors, Tensors]]) -> tuple[Step, Tensors, Tensors]:
    """Join the steps of several models into one.

    Args:
        members: Step, initial state and context of each model.

    Returns:
        Step, state and context for a search. The logits are the logarithm of the mean probability,
        the attention is the members' mean: None if they do not all attend to the same number of
        regions.

    Raises:
        ValueError: If there is no member.

    Example:
        >>> def always(word):
        ...     def step(tokens, state, context):
        ...         return torch.eye(5)[word].mul(9).expand(*tokens.shape, 5), state, None
        ...     return step, (torch.zeros(1, 1),), ()
        >>> step, state, context = ensemble([always(4), always(4), always(3)])
        >>> logits, *_ = step(torch.tensor([[1]]), state, context)
        >>> logits[0, 0].exp()[3:].round(decimals=2)
        tensor([0.3300, 0.6700])
    """
    if not members:
        raise ValueError("An ensemble needs one model or more, got none.")
    steps = [step for step, _, _ in members]
    states = [len(state) for _, state, _ in members]
    contexts = [len(context) for _, _, context in members]

    def step(
        tokens: Tensor, state: Tensors, context: Tensors
    ) -> tuple[Tensor, Tensors, Tensor | None]:
        log_probs: list[Tensor] = []
        after: list[Tensor] = []
        attention: list[Tensor | None] = []
        parts = zip(steps, _split(state, states), _split(context, contexts), strict=True)
        for member, own_state, own_context in parts:
            logits, own_state, weights = member(tokens, own_state, own_context)
            attention.append(weights)
            log_probs.append(logits.float().log_softmax(dim=-1))
            after.extend(own_state)
        mean = torch.stack(log_probs).logsumexp(dim=0) - math.log(len(steps))
        return mean, tuple(after), _mean_attention(attention)

    joined_state = tuple(part for _, state, _ in members for part in state)
    joined_context = tuple(part for _, _, context in members for part in context)
    return step, joined_state, joined_context


def _mean_attention(attention: Sequence[Tensor | None]) -> Tensor | None:
    attending = [weights for weights in attention if weights is not None]
    if len(attending) < len(attention) or len({weights.shape for weights in attending}) > 1:
        return None
    return torch.stack(attending).mean(dim=0)


def _split(parts: Tensors, counts: Sequence[int]) -> list[Tensors]:
    split, start = [], 0
    for count in counts:
        split.append(parts[start : start + count])
        start += count
    return split
