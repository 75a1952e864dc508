"""The callbacks that every training of ours has, whoever builds the Trainer."""

from lightning.pytorch import Callback

from multimodal.training.checkpoints import AtomicCheckpoints
from multimodal.training.guard import NonFiniteGuard
from multimodal.training.resume import ExactResume
from multimodal.training.signals import StopOnSignal
from multimodal.training.splits import SplitSizes


def trusted_callbacks(seed: int | None = None) -> list[Callback]:
    """Return what a task's ``configure_callbacks`` should return, so that it cannot be forgotten.

    Args:
        seed: Seed of dropout; by default the one given to Lightning's ``seed_everything``, or 0.

    Returns:
        Atomic checkpoints, exact resumption, the guard against NaN, clean stops on signals, and the
        sizes of the splits.

    Example:
        >>> [type(callback).__name__ for callback in trusted_callbacks(seed=0)]
        ['AtomicCheckpoints', 'ExactResume', 'NonFiniteGuard', 'StopOnSignal', 'SplitSizes']
    """
    return [
        AtomicCheckpoints(),
        ExactResume(seed),
        NonFiniteGuard(),
        StopOnSignal(),
        SplitSizes(),
    ]
