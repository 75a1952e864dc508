"""The callbacks of every training, whoever builds the Trainer."""

from lightning.pytorch import Callback

from multimodal.training.checkpoints import AtomicCheckpoints
from multimodal.training.connection import Connection
from multimodal.training.guard import NonFiniteGuard
from multimodal.training.report import SplitSizes
from multimodal.training.resume import ExactResume
from multimodal.training.signals import StopOnSignal


def trusted_callbacks(seed: int | None = None) -> list[Callback]:
    """Return the callbacks that every task needs.

    Args:
        seed: Seed of dropout; by default the one given to Lightning's ``seed_everything``, or 0.

    Example:
        >>> [type(callback).__name__ for callback in trusted_callbacks(seed=0)][1:]
        ['AtomicCheckpoints', 'ExactResume', 'NonFiniteGuard', 'StopOnSignal', 'SplitSizes']
    """
    return [
        Connection(),
        AtomicCheckpoints(),
        ExactResume(seed),
        NonFiniteGuard(),
        StopOnSignal(),
        SplitSizes(),
    ]
