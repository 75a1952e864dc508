"""The settings of a model as plain data, as checkpoints and ``config.json`` hold them.

They are a frozen dataclass of numbers, strings, lists and further such dataclasses.
"""

from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, TypeVar, get_type_hints

Settings = TypeVar("Settings", bound="ModelSettings")  # typing.Self is refused by beartype


@dataclass(frozen=True)
class ModelSettings:
    """Settings that turn into JSON types and back.

    Example:
        >>> @dataclass(frozen=True)
        ... class Head(ModelSettings):
        ...     width: int = 3
        >>> @dataclass(frozen=True)
        ... class Network(ModelSettings):
        ...     head: Head = Head()
        >>> Network(Head(5)).to_dict()
        {'head': {'width': 5}}
        >>> Network.from_dict({"head": {"width": 5}})
        Network(head=Head(width=5))
    """

    @classmethod
    def from_dict(cls: type[Settings], values: dict[str, Any]) -> Settings:
        """Rebuild settings from the result of `to_dict`.

        Raises:
            TypeError: If there is no setting of a name.
        """
        types = get_type_hints(cls)
        return cls(
            **{
                name: types[name](**value) if is_dataclass(types.get(name)) else value
                for name, value in values.items()
            }
        )

    @classmethod
    def for_loading(cls: type[Settings], values: dict[str, Any]) -> Settings:
        """Rebuild settings for saved weights, without the file that the encoder started from."""
        if "encoder" in get_type_hints(cls):
            values = {**values, "encoder": {**values["encoder"], "weights": "none"}}
        return cls.from_dict(values)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return asdict(self)
