"""Closed tables of networks: the decoders, the fusions and the image encoders by name.

A saved model holds names and numbers, so its networks must come from a closed set. Adding one is a
file, a row and its golden test: the contract tests iterate over the table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=str)
Network = TypeVar("Network", covariant=True)


@dataclass(frozen=True)
class Choice(Generic[Network]):
    """One row of a table."""

    build: Callable[..., Network]  # the class: widths of its inputs, then its settings by keyword
    settings: tuple[str, ...]  # the settings of the model that it takes
    purpose: str


def build_choice(
    table: Mapping[Name, Choice[Network]], setting: str, settings: object, *widths: int
) -> Network:
    """Build the network whose name is the value of a `setting` of the model's `settings`.

    Raises:
        ValueError: If there is no network of this name.

    Example:
        >>> from types import SimpleNamespace
        >>> from torch import nn
        >>> table = {"gru": Choice(nn.GRU, ("num_layers",), "fewer weights than an LSTM")}
        >>> build_choice(table, "cell", SimpleNamespace(cell="gru", num_layers=2, width=9), 3, 4)
        GRU(3, 4, num_layers=2)
    """
    name = getattr(settings, setting)
    if name not in table:
        raise ValueError(f"`{setting}` must be one of {', '.join(table)}, got {name!r}.")
    row = table[name]
    return row.build(*widths, **{each: getattr(settings, each) for each in row.settings})
