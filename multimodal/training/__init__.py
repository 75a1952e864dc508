"""What Lightning lacks for a training one can trust: resuming to the bit, stopping in time."""

from multimodal.training.callbacks import trusted_callbacks
from multimodal.training.checkpoints import AtomicCheckpointIO, LastCheckpoint
from multimodal.training.guard import NonFiniteError, NonFiniteGuard
from multimodal.training.resume import ExactResume
from multimodal.training.signals import Interrupted, StopOnSignal, exit_code

__all__ = [
    "AtomicCheckpointIO",
    "ExactResume",
    "Interrupted",
    "LastCheckpoint",
    "NonFiniteError",
    "NonFiniteGuard",
    "StopOnSignal",
    "exit_code",
    "trusted_callbacks",
]
