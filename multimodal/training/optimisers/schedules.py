"""How the learning rate changes over a run.

References:
    Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", equation 5
    (half a cosine); Goyal et al. 2017, "Accurate, large minibatch SGD", section 2.2 (warm-up).
"""

import math
from collections.abc import Callable

_LEAST = 0.01  # share of the peak at the end


def warmup_cosine(warmup: int, steps: int) -> Callable[[int], float]:
    """Rise linearly to 1, then fall as half a cosine to a hundredth.

    Args:
        warmup: Steps of the rise.
        steps: Steps of the whole run.

    Example:
        >>> factor = warmup_cosine(2, 12)
        >>> [round(factor(step), 2) for step in (0, 1, 2, 7, 12, 99)]
        [0.5, 1.0, 1.0, 0.51, 0.01, 0.01]
    """

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        progress = min(1.0, (step - warmup) / max(1, steps - warmup))
        return _LEAST + (1 - _LEAST) * (1 + math.cos(math.pi * progress)) / 2

    return factor
