"""Stop cleanly: Ctrl-C and SIGTERM leave a checkpoint and an exit code that names the signal.

A queue system, a container or ``timeout`` ends a process with SIGTERM, and learns from its exit
code whether the work was finished. Lightning 2.6 exits with 0 after a SIGTERM, as if it was. Here
the current batch is finished, ``interrupted.ckpt`` is written into the run's checkpoint folder, and
the process exits with 128 + the signal's number, as a shell does. A run resumes from that file only
if it is named.

During a validation the run stops after the current validation batch; resumed, it validates anew.
"""

import os
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.exceptions import SIGTERMException
from typing_extensions import override

from multimodal.training.checkpoints import checkpoint_folder, precedes_validation

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_REPEAT = 1.0  # seconds in which `timeout` and terminals may send the same signal twice
INTERRUPTED = "interrupted.ckpt"


class Interrupted(SystemExit):
    """A signal stopped the run: an exit with code 128 + the signal's number.

    As a SystemExit it ends any script with the right code; its text names the saved checkpoint.

    Example:
        >>> Interrupted(15, "Stopped by SIGTERM.").code
        143
    """

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.code = 128 + number


class StopOnSignal(Checkpoint):
    """At SIGTERM or Ctrl-C finish the batch, write ``interrupted.ckpt`` and raise ``Interrupted``.

    A second Ctrl-C, a second or more after the first, stops at once without saving. Outside
    training (validate, test, predict) every signal stops at once.

    It is a ``Checkpoint``, because Lightning calls those after all other callbacks, whose work at
    the end of a batch is then saved.
    """

    def __init__(self) -> None:
        super().__init__()
        self._received: int | None = None
        self._received_at = 0.0
        self._training = False
        self._validation_is_pending = False

    @override
    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._take_over(trainer, training=False)

    on_test_start = on_sanity_check_start
    on_predict_start = on_sanity_check_start

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._take_over(trainer, training=True)

    @override
    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop after the batch, unless a validation is next: its hooks then stop the run."""
        if self._signalled(trainer) and not precedes_validation(trainer):
            self._stop(trainer)

    @override
    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop before a validation; a resumed run will start with it."""
        if trainer.state.fn != TrainerFn.FITTING:
            self._take_over(trainer, training=False)
        elif self._training and self._signalled(trainer):
            self._stop(trainer, validation_is_pending=True)

    @override
    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *_: Any
    ) -> None:
        """Stop within a validation; a resumed run will repeat it from its start."""
        if self._training and self._signalled(trainer):
            self._stop(trainer, validation_is_pending=True)

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._training and self._signalled(trainer):
            self._stop(trainer)

    on_train_epoch_end = on_validation_end  # of an epoch without a validation

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop although the training is done: what follows it is not wanted."""
        if self._signalled(trainer):
            self._stop(trainer)
        self._training = False

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Note in the counters that a validation has begun, so that Lightning resumes with it."""
        if not self._validation_is_pending:
            return
        begun = {"ready": 1, "started": 1, "processed": 0, "completed": 0}
        progress = checkpoint["loops"]["fit_loop"]["epoch_loop.val_loop.batch_progress"]
        progress["total"] = begun
        progress["current"] = dict.fromkeys(begun, 0)
        progress["is_last_batch"] = False

    def _take_over(self, trainer: Trainer, *, training: bool) -> None:
        # Lightning installs its own handlers just before these hooks, and restores the earlier
        # ones when it is done.
        self._training = training
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _SIGNALS:
            signal.signal(number, self._handle)
        if trainer.received_sigterm:
            self._handle(signal.SIGTERM, None)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 (Python's form)
        name = signal.Signals(number).name
        if not self._training:
            raise Interrupted(number, f"Stopped by {name}.")
        if self._received is None:
            self._received, self._received_at = number, time.monotonic()
            # Not logged: a handler may run in the middle of another write to the same stream.
            os.write(2, f"\n{name}: the batch is finished and saved first.\n".encode())
        elif number == signal.SIGINT and time.monotonic() - self._received_at > _REPEAT:
            raise Interrupted(number, "Stopped at once; the last steps were not saved.")

    def _signalled(self, trainer: Trainer) -> bool:
        """Return whether any process got a signal, so that all of them stop at the same batch."""
        received = self._received is not None
        if trainer.world_size == 1:
            return received
        return bool(trainer.strategy.reduce_boolean_decision(received, all=False))

    def _stop(self, trainer: Trainer, *, validation_is_pending: bool = False) -> None:
        number = signal.SIGTERM if self._received is None else self._received
        path = checkpoint_folder(trainer) / INTERRUPTED
        self._validation_is_pending = validation_is_pending
        try:
            trainer.save_checkpoint(path)
        finally:
            self._validation_is_pending = False
            self._received = None
        raise Interrupted(number, _stopped(number, trainer.global_step, path))


def exit_code(exception: BaseException) -> int:
    """Return the exit code for an exception: 128 + a signal's number, an exit's own, or 1.

    Example:
        >>> exit_code(KeyboardInterrupt()), exit_code(OSError("disk")), exit_code(SystemExit(3))
        (130, 1, 3)
    """
    if isinstance(exception, SIGTERMException):
        return 128 + signal.SIGTERM
    # Lightning turns a Ctrl-C outside of our hooks into SystemExit(1).
    if isinstance(exception, KeyboardInterrupt) or isinstance(
        exception.__context__, KeyboardInterrupt
    ):
        return 128 + signal.SIGINT
    if isinstance(exception, SystemExit):
        return (
            exception.code if isinstance(exception.code, int) else int(exception.code is not None)
        )
    return 1


def _stopped(number: int, step: int, path: Path) -> str:
    return (
        f"Stopped by {signal.Signals(number).name} after step {step}. "
        f"To go on, run the same command with --ckpt_path {path}"
    )
