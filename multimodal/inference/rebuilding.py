"""Rebuild a network from a file that may be damaged or hostile.

Settings are plain data. Numbers in them are bounded before anything is built, the network may not
allocate much more memory than the weights take, and every error becomes one sentence that names the
file. In all functions `source` is the name of the file in error messages.
"""

import contextlib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from multimodal.data.transforms import EvalTransform, TransformSettings
from multimodal.nn.weights import check_finite, load_named
from multimodal.saving.checkpoint import SavedModel
from multimodal.text import Vocabulary

Network = TypeVar("Network", bound=nn.Module)

_WIDEST = 4096  # of a layer, unless a weight is wider
_MOST = 64  # layers, heads, steps of attention, slots
_MOST_PIXELS = 4096  # of a side of the model's image
_SPARE_ELEMENTS, _SPARE_CALLS = 10_000_000, 2_000
_FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.eye)


def rebuild(build: Callable[[], Network], saved: SavedModel, source: str) -> Network:
    """Build a network and load its weights.

    Args:
        build: Makes the network of the saved settings.
        saved: Settings and weights.
        source: The name of the file in error messages.

    Raises:
        ValueError: If the settings are not of this version, or too large for the weights; if the
            weights do not fit the network, or are not finite.

    Example:
        >>> weights = {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}
        >>> saved = SavedModel("sentiment", {"width": 2}, [], {}, weights, {})
        >>> rebuild(lambda: nn.Linear(saved.settings["width"], 1), saved, "best.ckpt")
        Linear(in_features=2, out_features=1, bias=True)
    """
    with refusing(source):
        _check_values(saved.settings, max(_WIDEST, _widest(saved.state_dict)))
        with _Bounded(saved.state_dict):
            network = build()
    check_finite(saved.state_dict, source)
    load_named(network, saved.state_dict, source)
    return network


@contextlib.contextmanager
def refusing(source: str) -> Iterator[None]:
    """Turn every error of saved settings into one sentence.

    Raises:
        ValueError: Instead of any other error.

    Example:
        >>> with refusing("best.ckpt"):
        ...     _ = TransformSettings(colour="red")
        Traceback (most recent call last):
        ValueError: best.ckpt has settings that this version of multimodal does not know (...
    """
    try:
        yield
    except Exception as error:  # settings of the wrong kind raise errors of every kind
        reason = str(error).split("\n", 1)[0][:200] or type(error).__name__
        raise ValueError(
            f"{source} has settings that this version of multimodal does not know ({reason}). Was "
            "it written by another version?"
        ) from error


def read_transform(saved: SavedModel, source: str) -> EvalTransform:
    """Rebuild a model's evaluation transform.

    Raises:
        ValueError: If there is none, or it is out of range.
    """
    with refusing(source):
        settings = TransformSettings(**saved.transform)
        if type(settings.size) is not int or settings.size > _MOST_PIXELS:
            raise ValueError(f"a size of {str(settings.size)[:20]} pixels")
        return EvalTransform(settings)


def read_vocabulary(saved: SavedModel, source: str) -> Vocabulary:
    """Rebuild a model's vocabulary.

    Raises:
        ValueError: If it is not one.
    """
    try:
        return Vocabulary(saved.vocabulary)
    except (TypeError, ValueError) as error:
        raise ValueError(f"The words of {source} cannot be used: {error}") from error


def read_labels(saved: SavedModel, source: str) -> list[str]:
    """Return the names of a classifier's classes; none if the model gives a number.

    Raises:
        ValueError: If they are no list of strings.
    """
    labels = saved.extra.get("labels")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError(
            f"{source} has no list of labels. Was it changed by hand? Copy or train it again."
        )
    return labels


def read_number(saved: SavedModel, name: str, default: float) -> float:
    """Return a number that a task keeps beside its settings.

    Raises:
        TypeError: If it is not a number.
    """
    value = saved.extra.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"`{name}` is a {type(value).__name__}")
    return float(value)


class _Bounded(TorchFunctionMode):
    """Refuse a network that allocates far more memory than its weights take."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.elements = _SPARE_ELEMENTS + 2 * sum(value.numel() for value in weights.values())
        self.calls = _SPARE_CALLS + 20 * len(weights)

    @override
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _FACTORIES:
            self.calls -= 1
            self.elements -= _elements(func, args)
            if self.calls < 0 or self.elements < 0:
                raise ValueError("a network much larger than the weights")
        return func(*args, **(kwargs or {}))


def _elements(func: Any, args: tuple[Any, ...]) -> int:
    sizes = args[:1] if func is torch.full else args
    flat = [size for part in sizes for size in (part if isinstance(part, Iterable) else [part])]
    whole = [size for size in flat if isinstance(size, int)]
    if func is torch.eye and len(whole) == 1:
        whole *= 2
    return math.prod(whole)


def _widest(weights: Mapping[str, Tensor]) -> int:
    return max((size for value in weights.values() for size in value.shape), default=0)


def _check_values(settings: Any, widest: int, name: str = "settings") -> None:
    """Refuse numbers that are too large for the weights, and strings that are no plain names."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            if key != "weights":  # a path that is never opened
                _check_values(value, _MOST if key.startswith("num_") else widest, key)
    elif isinstance(settings, list):
        if len(settings) > _MOST:
            raise ValueError(f"`{name}` has {len(settings):,} entries")
        for value in settings:
            _check_values(value, widest, name)
    elif isinstance(settings, int | float) and abs(settings) > widest:
        raise ValueError(f"`{name}` is {str(settings)[:20]}")
    elif isinstance(settings, str) and not re.fullmatch(r"[\w-]{1,60}", settings):
        raise ValueError(f"`{name}` is {settings[:40]!r}")
