"""Greedy search and sampling: hypotheses that never branch.

References:
    Fan et al. 2018, "Hierarchical Neural Story Generation", section 5.4 (top-k sampling).
    Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration", section 3.1 (nucleus).
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from multimodal.decoding.loop import Hypotheses, Step, Tensors, count_images, run
from multimodal.decoding.rules import Rules, check_at_least
from multimodal.text import BOS_ID, EOS_ID, PAD_ID


def greedy(
    step: Step,
    state: Tensors,
    context: Tensors = (),
    *,
    max_length: int = 20,
    min_length: int = 0,
    no_repeat_ngram: int = 0,
    banned: Sequence[int] = (),
) -> Hypotheses:
    """Choose the most likely word at every step: one caption for each image, as `beam_search`.

    Example:
        >>> def step(tokens, state, context):  # the next word is always three further
        ...     return torch.eye(12)[tokens + 3], state, None
        >>> greedy(step, (torch.zeros(1, 1),), max_length=3).tokens
        tensor([[[ 4,  7, 10]]])
    """
    rules = Rules(
        max_length=max_length,
        min_length=min_length,
        no_repeat_ngram=no_repeat_ngram,
        banned=banned,
    )
    images, device = count_images(state, context)

    def most_likely(log_probs: Tensor, rows: Tensor) -> Tensor:  # noqa: ARG001 (any chooser's form)
        return log_probs.argmax(-1)

    chains = _Chains(images, 1, max_length, device=device, choose=most_likely)
    return run(chains, step, state, context, rules)


def sample(
    step: Step,
    state: Tensors,
    context: Tensors = (),
    *,
    generator: torch.Generator,
    samples: int = 1,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    max_length: int = 20,
    min_length: int = 0,
    no_repeat_ngram: int = 0,
    banned: Sequence[int] = (),
) -> Hypotheses:
    """Draw captions word by word from the model's distribution.

    Forbidden words are masked first; then `temperature`, `top_k` and `top_p` apply, in this order.

    Args:
        step: This and all other arguments: see `beam_search`.
        generator: Source of all randomness; one of the CPU draws the same on every device.
        samples: Captions drawn for each image.
        temperature: Divides the logits: below 1 favours likely words, above 1 rare ones.
        top_k: Draw from this number of likeliest words; 0 from all.
        top_p: Draw from the fewest words that together have this probability (the nucleus); 1 from
            all.

    Returns:
        `samples` captions for each image in the order drawn. Their log-probabilities are the
        model's own, at temperature 1 and over all words.

    Raises:
        ValueError: As `beam_search`.

    Example:
        >>> logits = torch.tensor([-9.0, -9, 1, -9, 1, 1])  # <eos> and the words 4 and 5
        >>> def step(tokens, state, context):
        ...     return logits.expand(*tokens.shape, 6), state, None
        >>> seed = torch.Generator().manual_seed(0)
        >>> drawn = sample(step, (torch.zeros(1, 1),), generator=seed, samples=50)
        >>> drawn.tokens.unique()  # and padding
        tensor([0, 2, 4, 5])
    """
    check_at_least(1, samples=samples)
    check_at_least(0, top_k=top_k)
    if not temperature > 0:
        raise ValueError(
            f"`temperature` must be more than 0, got {temperature}. "
            "For captions without randomness use greedy search."
        )
    if not 0 < top_p <= 1:
        raise ValueError(f"`top_p` must be in (0, 1], got {top_p}. 1 draws from all words.")
    rules = Rules(
        max_length=max_length,
        min_length=min_length,
        no_repeat_ngram=no_repeat_ngram,
        banned=banned,
    )
    images, device = count_images(state, context)

    def draw(log_probs: Tensor, rows: Tensor) -> Tensor:
        # For the whole batch, so that no image's captions depend on when the others end.
        uniform = torch.rand(images, samples, generator=generator, device=generator.device)
        return _draw(log_probs / temperature, uniform.to(device)[rows], top_k, top_p)

    chains = _Chains(images, samples, max_length, device=device, choose=draw)
    return run(chains, step, state, context, rules)


class _Chains:
    """Hypotheses side by side, each extended by the word chosen for it."""

    def __init__(
        self,
        images: int,
        chains: int,
        max_length: int,
        *,
        device: torch.device,
        choose: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        self.tokens = torch.full((images, 1), BOS_ID, device=device)
        self.done = torch.zeros(images, dtype=torch.bool, device=device)
        self._choose = choose
        self._chains = chains
        self._rows = torch.arange(images, device=device)
        self._open = torch.ones((images, chains), dtype=torch.bool, device=device)
        self._tokens = torch.full((images, chains, max_length), PAD_ID, device=device)
        self._log_probs = torch.zeros((images, chains), device=device)

    def extend(self, log_probs: Tensor, time: int) -> Tensor | None:
        parents = None
        if log_probs.shape[1] < self._chains:  # the first word branches into all chains
            parents = self.tokens.new_zeros((len(log_probs), self._chains))
            log_probs = log_probs.expand(-1, self._chains, -1)
        tokens = self._choose(log_probs, self._rows)  # (images, chains)
        added = log_probs.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
        continues = self._open & ~added.isneginf()  # -inf: every word is forbidden
        self.tokens = tokens.where(continues, PAD_ID)
        self._tokens[self._rows, :, time] = self.tokens
        self._log_probs[self._rows] += added.where(continues, 0)
        self._open = continues & (tokens != EOS_ID)
        self.done = ~self._open.any(1)
        return parents

    def keep(self, rows: Tensor) -> None:
        self.tokens, self.done = self.tokens[rows], self.done[rows]
        self._rows, self._open = self._rows[rows], self._open[rows]

    def result(self) -> tuple[Hypotheses, Tensor]:
        lengths = (self._tokens != PAD_ID).sum(-1)
        chains = torch.arange(self._chains, device=lengths.device).view(1, -1, 1)
        beams = chains.repeat(len(lengths), 1, self._tokens.shape[-1])
        beams[..., 0] = 0  # all chains branch from one beam
        return Hypotheses(self._tokens, lengths, self._log_probs, self._log_probs), beams


def _draw(
    logits: Float[Tensor, "images samples vocab"],
    uniform: Float[Tensor, "images samples"],
    top_k: int,
    top_p: float,
) -> Int[Tensor, "images samples"]:
    """Draw a word by inverting the cumulative distribution of the words sorted by probability.

    Where all words may be drawn they need no sorting, which takes twice as long as all the rest.
    """
    if not top_k and top_p == 1:
        cumulative = logits.double().softmax(-1).cumsum(-1)
        goal = uniform.unsqueeze(-1).double() * cumulative[..., -1:]
        words = torch.searchsorted(cumulative, goal, right=True).squeeze(-1)
        return words.clamp(max=logits.shape[-1] - 1)
    kept = min(top_k, logits.shape[-1]) if top_k else logits.shape[-1]
    logits, words = logits.topk(kept)
    cumulative = logits.double().softmax(-1).cumsum(-1)
    # The nucleus ends with the word whose probability makes the sum top_p ...
    last = (cumulative < top_p).sum(-1, keepdim=True)
    # ... and, whatever the rounding, before the words of probability 0, which come last.
    last = torch.minimum(last, (~logits.isneginf()).sum(-1, keepdim=True) - 1).clamp(min=0)
    goal = uniform.unsqueeze(-1).double() * cumulative.gather(-1, last)
    rank = torch.searchsorted(cumulative, goal, right=True)
    return words.gather(-1, torch.minimum(rank, last)).squeeze(-1)
