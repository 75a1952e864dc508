"""Choose the device and the precision for this machine, and tune the CPU on request.

Nothing happens on import: the command line chooses the hardware once, logs it in one line, and
calls :func:`tune_cpu`, which changes the whole process and must not be called by a library.

bfloat16 is chosen only where the hardware computes in it: processors and graphics cards without it
emulate it, which is slower than single precision.

References:
    glibc's malloc, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD: ``man 3 mallopt``.
    torch.set_float32_matmul_precision: https://docs.pytorch.org/docs/stable/generated/
    torch.set_float32_matmul_precision.html
"""

import ctypes
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

Accelerator = Literal["gpu", "mps", "cpu"]
Precision = Literal["bf16-mixed", "32-true"]

_CPU_INFO = Path("/proc/cpuinfo")
_BF16_FLAGS = ("avx512_bf16", "amx_bf16")
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_MMAP_THRESHOLDS = (1 << 30, 32 << 20)  # some versions of glibc refuse more than 32 MiB
# Rounding in single precision gives about 1e-4 at 512 products, in bfloat16 about 4e-1.
_LARGEST_ERROR = 2e-3


@dataclass(frozen=True, slots=True)
class Hardware:
    """The hardware of a run, as arguments of Lightning's Trainer, and the reason for its precision.

    Example:
        >>> print(Hardware("gpu", 1, "bf16-mixed", "the GPU computes in bfloat16"))
        Using gpu x 1 in bf16-mixed: the GPU computes in bfloat16.
    """

    accelerator: Accelerator
    devices: int
    precision: Precision
    reason: str

    def __str__(self) -> str:
        return f"Using {self.accelerator} x {self.devices} in {self.precision}: {self.reason}."


def choose_hardware() -> Hardware:
    """Choose the fastest available device, and bfloat16 if it computes in it.

    One device is chosen even if there are several, so that a run gives the same result on every
    machine; the Trainer's own arguments choose more.
    """
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Hardware("gpu", 1, "bf16-mixed", f"{name} computes in bfloat16")
        return Hardware("gpu", 1, "32-true", f"{name} does not compute in bfloat16")
    if torch.backends.mps.is_available():
        return Hardware("mps", 1, "32-true", "bfloat16 is no faster on this device")
    flags = [flag for flag in _BF16_FLAGS if flag in _cpu_info("flags").split()]
    if flags:
        return Hardware("cpu", 1, "bf16-mixed", f"the processor computes in bfloat16 ({flags[0]})")
    return Hardware("cpu", 1, "32-true", "the processor does not compute in bfloat16")


def tune_cpu() -> tuple[str, ...]:
    """Make products of single-precision matrices and large tensors faster on the CPU.

    Two changes, each only where it is known to help and to leave results in single precision:

    - On AMD processors MKL runs at half speed, and oneDNN replaces it. oneDNN may then compute in
      bfloat16 if the processor has matrix units (AMX), so the error is measured, and the change is
      undone if the error is larger than that of single precision.
    - glibc returns the memory of every large tensor to the system and has to map its pages again at
      the next step; it is set to keep them.

    Both affect the whole process, so only programs call this, never a library. The changes made are
    returned as phrases.
    """
    changes = []
    if _use_onednn():
        changes.append("matrix products through oneDNN")
    if _keep_memory():
        changes.append("large tensors kept by glibc")
    return tuple(changes)


def _cpu_info(key: str) -> str:
    """Read the first value of a key from Linux's description of the processor, or nothing."""
    if not _CPU_INFO.is_file():
        return ""
    for line in _CPU_INFO.read_text(errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _use_onednn() -> bool:
    has_amx = any(flag.startswith("amx") for flag in _cpu_info("flags").split())
    if _cpu_info("vendor_id") != "AuthenticAMD" or has_amx:
        return False
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    if _matmul_error() > _LARGEST_ERROR:
        torch.set_float32_matmul_precision(before)
        return False
    return True


def _matmul_error() -> float:
    """Measure the largest error of a product in single precision against double precision."""
    generator = torch.Generator().manual_seed(0)
    left = torch.randn(128, 512, generator=generator)
    right = torch.randn(512, 128, generator=generator)
    return float((left @ right - left.double() @ right.double()).abs().max())


def _keep_memory() -> bool:
    if os.name != "posix" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # In this order: naming one threshold switches glibc's own adjustment of both off.
    kept = any(mallopt(_M_MMAP_THRESHOLD, size) == 1 for size in _MMAP_THRESHOLDS)
    return kept and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1) == 1
