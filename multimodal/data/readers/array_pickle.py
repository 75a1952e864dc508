"""Load a pickle of byte arrays, lists and texts without running any code in it.

A pickle is a program: it may name any function and call it. CIFAR's python version, which most
people have, consists of pickles. They are opened by an unpickler that knows five names and returns
none of numpy's own objects: stand-ins record an array's state, and the array is made afterwards
from bytes of the right number. Before anything is unpickled, the file is searched for instructions
that plain data does not need, such as one that allocates memory.

References:
    Python, "pickle", section "Restricting globals"; CIFAR-10's page, "python version".
"""

import io
import math
import pickle
import pickletools
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray


def load_arrays(data: bytes, name: str) -> dict[str, Any]:
    """Unpickle a dictionary of byte arrays and plain values; its keys become texts.

    A pickle that calls or loads anything else raises `ValueError` and is not opened; so does one
    that is damaged or holds no dictionary.

    Example:
        >>> load_arrays(pickle.dumps({"labels": [3, 8]}), "data_batch_1")
        {'labels': [3, 8]}
        >>> import os
        >>> load_arrays(pickle.dumps({"data": os.system}), "data_batch_1")
        Traceback (most recent call last):
        ValueError: data_batch_1 wants to load posix.system, which no such file needs; it may be \
hostile and was not opened. Get it from the set's own page.
    """
    try:
        _check_instructions(data)
        loaded = _ArrayUnpickler(io.BytesIO(data), encoding="bytes").load()
    except _RefusedError as refused:
        raise ValueError(
            f"{name} wants to {refused}, which no such file needs; it may be hostile and was not "
            "opened. Get it from the set's own page."
        ) from None
    except Exception as error:  # unpicklers raise whatever they meet in broken data
        reason = str(error).rstrip(".") or type(error).__name__
        raise ValueError(
            f"{name} cannot be unpickled ({reason:.200}); copy or download it again."
        ) from error
    if not isinstance(loaded, dict):
        raise ValueError(f"{name} must hold a dictionary, got {type(loaded).__name__}.")
    return {
        _text(key): _array(value, name) if isinstance(value, _Array) else value
        for key, value in loaded.items()
    }


class _RefusedError(Exception):
    """The pickle does something that plain data does not need."""


# The instructions for dictionaries, lists, numbers and texts in pickle's protocols 0 to 4, and the
# three that build an array: a name, a call, a state.
_INSTRUCTIONS = frozenset([
    "PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "GET", "BINGET", "LONG_BINGET", "PUT",
    "BINPUT", "LONG_BINPUT", "MEMOIZE", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS",
    "EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2",
    "TUPLE3", "NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG",
    "LONG1", "FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES",
    "SHORT_BINBYTES", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "GLOBAL", "STACK_GLOBAL",
    "REDUCE", "BUILD",
])  # fmt: skip
_MEMO = ("PUT", "BINPUT", "LONG_BINPUT")


def _check_instructions(data: bytes) -> None:
    for instruction, value, _ in pickletools.genops(data):
        if instruction.name not in _INSTRUCTIONS:
            raise _RefusedError(f"run the instruction {instruction.name}")
        # The unpickler allocates as many memo entries as the highest number it reads.
        if instruction.name in _MEMO and isinstance(value, int) and value > len(data):
            raise _RefusedError(f"use memo entry {value:,}")


class _Unchangeable:
    __slots__ = ()

    def __setstate__(self, state: object) -> NoReturn:
        raise _RefusedError("change what builds arrays")


class _MakeArray(_Unchangeable):
    """Replaces numpy's `_reconstruct`."""

    __slots__ = ()

    def __call__(self, *_: object) -> "_Array":
        return _Array()


class _MakeType(_Unchangeable):
    """Replaces numpy's `dtype`."""

    __slots__ = ()

    def __call__(self, code: object, *_: object) -> "_Type":
        return _Type(_text(code))


class _Encode(_Unchangeable):
    """Replaces `codecs.encode`, by which Python 3 writes bytes in old protocols."""

    __slots__ = ()

    def __call__(self, text: object, encoding: object) -> bytes:
        if not isinstance(text, str) or _text(encoding) not in ("latin1", "latin-1"):
            raise _RefusedError("encode something else than bytes")
        return text.encode("latin-1")


class _Array:
    """Records an array's state: version, shape, type, order, bytes."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state


class _Type:
    """Records the type of an array's values."""

    __slots__ = ("code",)

    def __init__(self, code: str) -> None:
        self.code = code

    def __setstate__(self, state: object) -> None:
        """Ignore byte order and alignment: a byte has none."""


_KNOWN = {
    "numpy.core.multiarray._reconstruct": _MakeArray(),
    "numpy._core.multiarray._reconstruct": _MakeArray(),
    "numpy.ndarray": "ndarray",  # handed to `_reconstruct`, and nothing else
    "numpy.dtype": _MakeType(),
    "_codecs.encode": _Encode(),
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        known = _KNOWN.get(f"{module}.{name}")
        if known is None:
            raise _RefusedError(f"load {module}.{name}"[:120])
        return known


def _array(array: _Array, name: str) -> NDArray[np.uint8]:
    match array.state:
        case (_, tuple(shape), _Type(code=code), _, bytes(values)):
            sizes = [size for size in shape if isinstance(size, int) and size >= 0]
            if code in ("u1", "|u1") and len(sizes) == len(shape):
                if math.prod(sizes) == len(values):
                    return np.frombuffer(values, np.uint8).reshape(sizes)
                raise ValueError(
                    f"{name}: an array claims {' x '.join(map(str, sizes))} bytes and has "
                    f"{len(values):,}; copy or download it again."
                )
    raise ValueError(f"{name} holds an array that is not of bytes; is it another data set?")


def _text(key: object) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else str(key)
