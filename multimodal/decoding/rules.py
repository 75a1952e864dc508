"""Forbidden words: lengths, banned words and repeated n-grams, for every search.

References:
    Paulus et al. 2018, "A Deep Reinforced Model for Abstractive Summarization", section 2.5 (no
    n-gram twice).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from multimodal.text import BOS_ID, EOS_ID, PAD_ID, UNK_ID


class Rules:
    """Lengths, banned words and repeated n-grams.

    Args:
        max_length: Most tokens of a caption, ``<eos>`` counted.
        min_length: Fewest words of a caption, ``<eos>`` not counted.
        no_repeat_ngram: Length of the word sequences that must not repeat; 0 allows all.
        banned: Word ids that never occur, beside ``<pad>``, ``<bos>`` and ``<unk>``.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> log_probs = torch.zeros(1, 1, 6)
        >>> Rules(max_length=5, min_length=1, banned=[4]).forbid(log_probs, 0, ())
        >>> log_probs
        tensor([[[-inf, -inf, -inf, -inf, -inf, 0.]]])
    """

    def __init__(
        self,
        *,
        max_length: int,
        min_length: int = 0,
        no_repeat_ngram: int = 0,
        banned: Sequence[int] = (),
    ) -> None:
        check_at_least(1, max_length=max_length)
        check_at_least(0, min_length=min_length, no_repeat_ngram=no_repeat_ngram)
        if min_length > max_length:
            raise ValueError(
                f"`min_length` must be at most `max_length`, got {min_length} and {max_length}."
            )
        if any(word < 0 for word in banned):
            raise ValueError(f"`banned` must hold word ids of 0 or more, got {list(banned)}.")
        self.max_length = max_length
        self.no_repeat_ngram = no_repeat_ngram
        self._min_length = min_length
        self._banned = torch.tensor(sorted({PAD_ID, BOS_ID, UNK_ID, *banned}))

    def check_logits(self, logits: Tensor, tokens: Tensor) -> None:
        """Check a step's first logits against its input tokens ``(images, beams)``.

        Raises:
            ValueError: If the shape is not (images, beams, vocab), or the vocabulary lacks a
                banned word.
        """
        if logits.shape[:-1] != tokens.shape:
            raise ValueError(
                "The step must return logits (images, beams, vocab) = "
                f"({tokens.shape[0]}, {tokens.shape[1]}, vocab), got {tuple(logits.shape)}."
            )
        if logits.shape[-1] <= int(self._banned.max()):
            raise ValueError(
                f"`banned` must hold ids below the vocabulary's size {logits.shape[-1]}, got "
                f"{self._banned.tolist()} (<pad>, <bos> and <unk>, 0, 1 and 3, are always banned)."
            )
        self._banned = self._banned.to(logits.device)

    def forbid(self, log_probs: Tensor, time: int, history: tuple[Tensor, ...]) -> None:
        """Set the log-probability of forbidden words to -inf, in place.

        Args:
            log_probs: Log-probabilities of the next word ``(images, beams, vocab)``.
            time: Number of words so far.
            history: These words in one tensor ``(images, beams, time)``; empty if n-grams may
                repeat or there are no words yet.
        """
        log_probs.index_fill_(-1, self._banned, -torch.inf)
        if time < self._min_length:
            log_probs[..., EOS_ID] = -torch.inf
        if self.no_repeat_ngram and time >= self.no_repeat_ngram:
            windows = history[0].unfold(-1, self.no_repeat_ngram, 1)  # (images, beams, start, n)
            prefix = history[0][..., time - self.no_repeat_ngram + 1 :]  # the last n - 1 words
            repeated = (windows[..., :-1] == prefix.unsqueeze(-2)).all(-1)
            words = windows[..., -1].where(repeated, PAD_ID)  # <pad> is banned already
            log_probs.scatter_(-1, words, -torch.inf)


def check_at_least(least: int, **values: int) -> None:
    """Check that no argument is below its least value.

    Example:
        >>> check_at_least(1, beam_size=0)
        Traceback (most recent call last):
        ValueError: `beam_size` must be 1 or more, got 0.
    """
    for name, value in values.items():
        if value < least:
            raise ValueError(f"`{name}` must be {least} or more, got {value}.")
