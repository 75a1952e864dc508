"""The contract of the commands that use a trained model."""

from abc import ABC, abstractmethod
from argparse import Namespace
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from multimodal.cli.arguments import Arguments
from multimodal.cli.inputs import Item
from multimodal.cli.printing import Column, Complaints

PROBABILITY: Final = Column("probability", len("probability"), right=True)
HIDDEN: Final = Column("", 0)
LEAST_WIDTH: Final = 12  # columns of a name, a question or an answer in a narrow terminal
LEAST_TEXT_WIDTH: Final = 20  # columns of a caption or a text in a narrow terminal


class Verb(ABC):
    """A command that uses a trained model: its part of `multimodal.cli.inference.run`.

    Attributes:
        task: The task of its models.
        about: Its description in the help.
        refusal: The end of "a checkpoint of the task 'vqa' and ...".
        json: Help of ``--json``.
        examples: Lines at the end of the help.
        defaults: Defaults of options that differ from those of a call.
        without: Options of a call that are no options of the command.
        noun: The results, in the line that counts them.
        note: The sentence with a result's note.
    """

    task: ClassVar[str]
    about: ClassVar[str]
    refusal: ClassVar[str]
    json: ClassVar[str]
    examples: ClassVar[str]
    defaults: ClassVar[Mapping[str, Any]] = {}
    without: ClassVar[tuple[str, ...]] = ()
    noun: ClassVar[str] = "pictures"
    note: ClassVar[str] = "{note}"

    def __init__(self, options: Namespace, complaints: Complaints) -> None:
        self.options = options
        self.complaints = complaints

    @staticmethod
    @abstractmethod
    def add_inputs(parser: Arguments) -> None:
        """Add its arguments and the options that only it has."""

    @staticmethod  # noqa: B027 (optional)
    def check(parser: Arguments, options: Namespace) -> None:
        """Exit with status 2 if the arguments look like a mistake."""

    def chosen(self) -> dict[str, Any]:
        """Return the options of the call that depend on other arguments."""
        return {}

    @abstractmethod
    def items(self) -> Iterable[Item]:
        """Read the inputs; a list where all are known at once."""

    def begin(self, predictor: Any, items: Iterable[Item]) -> None:  # noqa: B027 (optional)
        """Fit the columns of the table to the inputs, and to the terminal if there is one."""

    @abstractmethod
    def write(self, item: Item, result: Any) -> None:
        """Write a result into the table."""

    def draw(self, number: int, item: Item, result: Any) -> None:  # noqa: B027 (optional)
        """Draw the result of the input with this number, if a drawing is wanted."""
