"""Weights by name: extract a part of a larger model, load it, or report the differences."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from torch import Tensor, nn


def weights_below(found: Mapping[str, Tensor], wanted: Iterable[str]) -> dict[str, Tensor]:
    """Extract the weights of one part of a larger model.

    Args:
        found: The weights of a file.
        wanted: The names of the part's own weights.

    Returns:
        The weights below the part's prefix; all of them if no prefix has the part.

    Example:
        >>> import torch
        >>> found = {"model.encoder.a": torch.zeros(1), "model.decoder.b": torch.zeros(1)}
        >>> list(weights_below(found, ["a"]))
        ['a']
    """
    probe = next(iter(wanted))
    prefixes = [name.removesuffix(probe) for name in found if f".{name}".endswith(f".{probe}")]
    prefix = min(prefixes, key=len, default="")
    return {name.removeprefix(prefix): found[name] for name in found if name.startswith(prefix)}


def load_named(module: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Copy named tensors into a module, in its own precision, or report what does not fit.

    Args:
        module: What receives the weights.
        weights: Tensor by name.
        source: Where they come from, for the message.

    Raises:
        ValueError: If a weight is missing, superfluous, or has another shape or kind of number.
    """
    named = OrderedDict(weights)
    # MNASNet refuses weights that do not say their version; that of its parts must stay unsaid,
    # since the vision transformer then accepts the names of its older files too.
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

    Args:
        weights: Tensor by name.
        source: Where they come from, for the message.

    Raises:
        ValueError: If one of them is NaN or infinite; the message names it.

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
