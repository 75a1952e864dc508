"""The predictor of every task: a trained model as a function from one input, or many, to results.

`Predictor` rebuilds a saved model, opens inputs, groups them into batches and puts an error in the
place of an input that cannot be used. A task adds three methods: `build` makes the parts from a
saved model, `read` prepares an input, and `predict` turns a batch of prepared inputs into results.
A predictor keeps no state between calls, so any number of threads may share one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import (
    Any,
    ClassVar,
    Generic,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
    overload,
    runtime_checkable,
)

import torch
from torch import nn

from multimodal.inference.devices import Precision, check_precision, find_device
from multimodal.inference.options import read_options
from multimodal.saving import read_model
from multimodal.saving.checkpoint import SavedModel

Input = TypeVar("Input")
Prepared = TypeVar("Prepared")
Outcome = TypeVar("Outcome")
Keywords = ParamSpec("Keywords")
Own = TypeVar("Own", bound="Predictor[Any, Any, Any]")
Problem: TypeAlias = ValueError | FileNotFoundError


@runtime_checkable
class _Takes(Protocol[Keywords]):
    """A predictor whose calls take the keywords of its `Options`, for type checkers."""

    @property
    def Options(self) -> Callable[Keywords, object]: ...  # noqa: N802 - it is a class


class Predictor(ABC, Generic[Input, Prepared, Outcome]):
    """A trained model as a function.

    Args:
        model: The model; it is moved to the device and set to evaluation.
        device: ``auto`` takes a GPU if there is one; otherwise any device that torch knows.
        precision: ``float32``, or ``bfloat16``: faster where the hardware has it, and less exact.

    Attributes:
        task: The task's name in checkpoints.
        input_name: The name of an input in error messages.
        Options: The keywords of a call.
        stream_defaults: Defaults of options that differ in `stream`.

    Raises:
        ValueError: If the device does not exist, or `precision` is neither of the two.
    """

    task: ClassVar[str]
    input_name: ClassVar[str]
    Options: Any
    stream_defaults: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        model: nn.Module,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> None:
        check_precision(precision)
        self.device = find_device(device)
        self.precision = precision
        self.model: Any = model.to(self.device).eval()

    @classmethod
    def from_checkpoint(
        cls: type[Own],
        path: str | Path,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> Own:
        """Rebuild a predictor from a saved model, which is read as data and never executed.

        Args:
            path: The name of a shipped model, an exported folder, or a ``.ckpt`` file of a run of
                this task.
            device, precision: As for the class.

        Raises:
            FileNotFoundError: If there is no such model.
            ValueError: If it is a model of another task, or does not fit this version.
        """
        saved = read_model(path, task=cls.task)
        return cls.from_saved(saved, str(path), device=device, precision=precision)

    @classmethod
    def from_saved(
        cls: type[Own],
        saved: SavedModel,
        source: str,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> Own:
        """Rebuild a predictor from the result of `multimodal.saving.read_model`.

        Args:
            saved: Settings, words, transform and weights.
            source: The name of the model in error messages.
            device, precision: As for the class.

        Raises:
            ValueError: If the parts do not fit each other, or this version.
        """
        return cls(**cls.build(saved, source), device=device, precision=precision)

    @overload  # a str is an iterable of str too, but is one input: the first of the two counts
    def __call__(
        self: _Takes[Keywords], inputs: Input, *args: Keywords.args, **options: Keywords.kwargs
    ) -> Outcome: ...

    @overload
    def __call__(
        self: _Takes[Keywords],
        inputs: Iterable[Input],
        *args: Keywords.args,
        **options: Keywords.kwargs,
    ) -> list[Outcome]: ...

    def __call__(self, inputs: Any, **options: Any) -> Any:  # type: ignore[misc]  # no *args
        """Predict for one input, or for each of many.

        Args:
            inputs: One input; or any iterable of many, which gives a list in the same order. An
                array or a tensor of images with a batch axis is many.
            options: Fields of the predictor's `Options`.

        Raises:
            FileNotFoundError: If a file does not exist.
            TypeError: If an input is of the wrong type, or an option is unknown.
            ValueError: If an input cannot be used (`ImageError` for an image), or an option is out
                of range. The message names the input.
        """
        chosen = read_options(self.Options, options)
        one = self.is_single(inputs)
        if not one and (not isinstance(inputs, Iterable) or isinstance(inputs, bytes)):
            raise TypeError(
                f"A predictor takes {self.input_name} or a sequence of them, got "
                f"{type(inputs).__name__}."
            )
        results: list[Outcome] = []
        for result in self._each([inputs] if one else inputs, chosen, numbered=not one):
            if isinstance(result, ValueError | FileNotFoundError):
                raise result if one else self.locate(result, len(results))
            results.append(result)
        return results[0] if one else results

    def stream(
        self: _Takes[Keywords],
        inputs: Iterable[Input],
        *args: Keywords.args,  # noqa: ARG002 - options are keywords, a ParamSpec has both
        **options: Keywords.kwargs,
    ) -> Iterator[Outcome | Problem]:
        """Predict one batch after another, for more inputs than fit into memory.

        Args:
            inputs: Any iterable, from which a batch is taken at a time.
            args: Never given: options are keywords.
            options: As for a call.

        Yields:
            For each input, in order, its result, or its error if it cannot be used.

        Raises:
            TypeError: If an input is of the wrong type, or an option is unknown.
            ValueError: If an option is out of range.
        """
        assert isinstance(self, Predictor)
        chosen = read_options(self.Options, {**self.stream_defaults, **options})
        return self._each(inputs, chosen, numbered=True)

    @classmethod
    @abstractmethod
    def build(cls, saved: SavedModel, source: str) -> dict[str, Any]:
        """Return the arguments of the constructor for a saved model, as `from_saved` takes it."""

    def is_single(self, inputs: object) -> bool:
        """Return whether these are one input and not many; of texts, a string is one."""
        return isinstance(inputs, str)

    @abstractmethod
    def read(self, given: Input, number: int | None) -> Prepared:
        """Prepare an input for the model.

        Args:
            given: The input.
            number: Its index among many, for error messages; None if it is alone.

        Raises:
            FileNotFoundError: If its file does not exist.
            TypeError: If it is of the wrong type, which stops a stream.
            ValueError: If it cannot be used.
        """

    @abstractmethod
    def predict(self, items: list[Prepared], options: Any) -> list[Outcome]:
        """Return the results of a batch of at least one input that `read` prepared."""

    def read_batch(
        self, batch: list[tuple[int, Input]], *, numbered: bool = True
    ) -> list[Prepared | Problem]:
        """Prepare a batch of inputs, each with its index; errors come in their inputs' places."""
        read, prepared = self.reader(), list[Prepared | Problem]()
        for number, given in batch:
            try:
                prepared.append(read(given, number if numbered else None))
            except (ValueError, FileNotFoundError) as error:
                prepared.append(error)
        return prepared

    def reader(self) -> Callable[[Input, int | None], Prepared]:
        """Return the function that prepares the inputs of one batch."""
        return self.read

    def start(self, options: Any) -> Callable[[list[Prepared]], list[Outcome]]:
        """Return the function that predicts the batches of one call."""
        return lambda items: self.predict(items, options)

    def locate(self, error: Problem, number: int) -> Problem:
        """Return an error that names its input; by default the error does so already."""
        del number
        return error

    def _each(
        self, inputs: Iterable[Input], options: Any, *, numbered: bool
    ) -> Iterator[Outcome | Problem]:
        predict = self.start(options)
        items = enumerate(inputs)
        while batch := list(islice(items, options.batch_size)):
            prepared = self.read_batch(batch, numbered=numbered)
            usable = [
                each for each in prepared if not isinstance(each, ValueError | FileNotFoundError)
            ]
            results = iter(predict(usable) if usable else ())
            for each in prepared:
                yield each if isinstance(each, ValueError | FileNotFoundError) else next(results)


def check_sizes(**sizes: tuple[object, int]) -> None:
    """Refuse a model whose layers do not fit its vocabulary, its labels or its answers.

    Args:
        sizes: For each of them, the size of the model's layer and the expected size.

    Raises:
        ValueError: If they differ.
    """
    for name, (size, expected) in sizes.items():
        if size != expected:
            raise ValueError(
                f"The model has {size} {name}, expected {expected}. Take the model, its vocabulary "
                "and its labels from the same training."
            )
