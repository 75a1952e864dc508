"""Where a predictor computes."""

import torch

from multimodal.hardware import choose_hardware


def find_device(device: str | torch.device) -> torch.device:
    """Turn a device's name into a device that is there.

    Args:
        device: ``auto`` takes a GPU if there is one; otherwise any device that torch knows.

    Returns:
        The device.

    Raises:
        ValueError: If it is not there, or torch does not know it.

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
