"""Weights by name: extract a part of a larger model, load it, or report the differences."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from torch import Tensor, nn


def weights_below(weights: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
    """Extract one part of a larger model's weights by the names within that part.

    Returns:
        The weights below the part's prefix; all of them if there is no such part.

    Example:
        >>> import torch
        >>> weights = {"model.encoder.a": torch.zeros(1), "model.decoder.b": torch.zeros(1)}
        >>> list(weights_below(weights, ["a"]))
        ['a']
    """
    probe = next(iter(names))
    prefixes = [name.removesuffix(probe) for name in weights if f".{name}".endswith(f".{probe}")]
    prefix = min(prefixes, key=len, default="")
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in weights.items()
        if name.startswith(prefix)
    }


def load_named(module: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Copy tensors by name into a module, in its own precision.

    Raises:
        ValueError: If a weight is missing, superfluous, or has another shape or kind of number; the
            message names `source`.
    """
    named = OrderedDict(weights)
    # MNASNet refuses weights without a version; its parts must have none, since the vision
    # transformer then accepts the names of its older files too.
    setattr(named, "_metadata", {"": {"version": 2}})  # noqa: B010 - no declared attribute
    own = module.state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in own.items()}
    for name, tensor in named.items():
        if name in shapes and shapes[name] != tuple(tensor.shape):
            raise ValueError(
                f"{source} holds weights of another network: {name} has shape "
                f"{tuple(tensor.shape)}, expected {shapes[name]}."
            )
        if name in own and tensor.is_floating_point() != own[name].is_floating_point():
            raise ValueError(
                f"{source} holds weights of another network: {name} is of {tensor.dtype}, expected "
                f"{own[name].dtype}."
            )
    missing, unexpected = module.load_state_dict(named, strict=False)
    for names, problem in ((missing, "lacks"), (unexpected, "has unknown")):
        if names:
            raise ValueError(
                f"{source} holds weights of another network: it {problem} {len(names)} of "
                f"{len(shapes)} weights, first {names[0]}. Does the network's name fit the file?"
            )


def check_finite(weights: Mapping[str, Tensor], source: str) -> None:
    """Refuse weights that are NaN or infinite.

    Raises:
        ValueError: If one is; the message names it and `source`.

    Example:
        >>> import torch
        >>> check_finite({"bias": torch.zeros(3)}, "best.ckpt")
        >>> check_finite({"bias": torch.tensor([1.0, torch.nan])}, "best.ckpt")
        Traceback (most recent call last):
        ValueError: best.ckpt holds weights that are no numbers (NaN or infinite), first bias. ...
    """
    for name, tensor in weights.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise ValueError(
                f"{source} holds weights that are no numbers (NaN or infinite), first {name}. Take "
                "an earlier checkpoint, or train it again with a lower rate."
            )
