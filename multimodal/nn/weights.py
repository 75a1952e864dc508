"""Weights by name: find a network's own among a larger model's, load them or say what differs."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from torch import Tensor, nn


def weights_below(found: Mapping[str, Tensor], wanted: Iterable[str]) -> dict[str, Tensor]:
    """Cut one part's weights out of a larger model's, by the names that the part wants.

    Args:
        found: The weights of a file.
        wanted: The names of the part's own weights.

    Returns:
        The weights below the prefix that holds the part; all of them if no prefix does.

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
    """Copy named tensors into a module, in its own precision, or say what does not fit.

    Args:
        module: What receives the weights.
        weights: Tensor by name.
        source: Where they come from, for the message.

    Raises:
        ValueError: If a weight is missing, superfluous, or has another shape.
    """
    named = OrderedDict(weights)
    # MNASNet refuses weights that do not say their version; that of its parts must stay unsaid,
    # since the vision transformer then accepts the names of its older files too.
    setattr(named, "_metadata", {"": {"version": 2}})  # noqa: B010 - no declared attribute
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    for name, tensor in named.items():
        if name in shapes and shapes[name] != tuple(tensor.shape):
            raise ValueError(
                f"{source} holds weights of another network: {name} has shape "
                f"{tuple(tensor.shape)}, expected {shapes[name]}."
            )
    missing, unexpected = module.load_state_dict(named, strict=False)
    for names, problem in ((missing, "lacks"), (unexpected, "has unknown")):
        if names:
            raise ValueError(
                f"{source} holds weights of another network: it {problem} {len(names)} of "
                f"{len(shapes)} weights, first {names[0]}. Does the network's name fit the file?"
            )
