"""The device and the precision of a predictor."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import Any, Literal, TypeAlias

import torch

from multimodal.hardware import choose_hardware

Precision: TypeAlias = Literal["float32", "bfloat16"]

_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_WITHOUT_CUDNN = Lock()


def find_device(device: str | torch.device) -> torch.device:
    """Return a device that exists; ``auto`` takes a GPU if there is one.

    Raises:
        ValueError: If it does not exist, or torch does not know it.

    Example:
        >>> find_device("cpu")
        device(type='cpu')
    """
    if device == "auto":
        accelerator = choose_hardware().accelerator
        device = "cuda" if accelerator == "gpu" else accelerator
    try:
        known = torch.device(device)
    except RuntimeError as error:
        raise ValueError(
            f"There is no kind of device called {device!r}. Take `auto`, `cpu` or `cuda`."
        ) from error
    try:
        return torch.empty(0, device=known).device
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built with CUDA
        reason = str(error).split(". ", 1)[0].split("\n", 1)[0].rstrip(".")
        raise ValueError(
            f"The device {str(device)!r} is not there: {reason}. Take `auto` or `cpu`."
        ) from error


def check_precision(precision: str) -> None:
    """Refuse a precision that is neither ``float32`` nor ``bfloat16``.

    Raises:
        ValueError: If it is neither of the two.
    """
    if precision not in _PRECISIONS:
        raise ValueError(f"`precision` must be {' or '.join(_PRECISIONS)}, got {precision!r}.")


def arithmetic(device: torch.device, precision: Precision) -> AbstractContextManager[Any]:
    """Return the autocast context of a predictor's model.

    Example:
        >>> with arithmetic(torch.device("cpu"), "bfloat16"):
        ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
        torch.bfloat16
    """
    dtype = _PRECISIONS[precision]
    if dtype == torch.float32 and not torch.is_autocast_enabled(device.type):
        return nullcontext()  # an idle autocast takes as long as a small layer
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


@contextmanager
def recurrent_gradients(device: torch.device) -> Iterator[None]:
    """Turn cuDNN off on a CUDA device, for all threads.

    It computes no gradients of a recurrent network in evaluation mode.
    """
    if device.type != "cuda":
        yield
        return
    with _WITHOUT_CUDNN, torch.backends.cudnn.flags(enabled=False):  # a setting of all threads
        yield
