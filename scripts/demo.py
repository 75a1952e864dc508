"""The shared parts of the demos: the command line, the inputs, and the drawing of the result."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from multimodal.inference.result import Result
from multimodal.worlds.reviews import sample_review
from multimodal.worlds.scenes import Scene, sample_scene


def make_parser(
    script: str, about: str, output: str, *, model: str | None = None
) -> argparse.ArgumentParser:
    """Build the parser of a demo: its first argument and its last option.

    Args:
        script: The demo's file, whose name comes before messages.
        about: The demo's docstring, whose first line the help shows.
        output: The default name of the drawing.
        model: The model that ships and is the default; None if there is none.
    """
    parser = argparse.ArgumentParser(prog=Path(script).name, description=about.split("\n", 1)[0])
    text = "a checkpoint, an exported folder, or a name"
    add_input(parser, "model", text, model)
    parser.add_argument(
        "--output", metavar="PICTURE", type=Path, default=Path(output),
        help=f"the drawing: .png, .jpg, .pdf or .svg (default: {output})",
    )  # fmt: skip
    return parser


def add_input(
    parser: argparse.ArgumentParser, name: str, text: str, default: str | None = None
) -> None:
    """Add an argument that may be left out if it has a default."""
    about = f"{text} (default: {default})" if default else text
    nargs = "?" if default else None
    parser.add_argument(name, metavar=name.upper(), nargs=nargs, default=default, help=about)


def add_image(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Add the argument of an image."""
    text = "a picture; or scene:INDEX, such as scene:7, for a test picture of the built-in world"
    add_input(parser, "image", text, default)


def run(
    parser: argparse.ArgumentParser,
    arguments: list[str] | None,
    predict: Callable[[argparse.Namespace], Result],
) -> int:
    """Draw a prediction; return the exit code.

    Args:
        parser: The demo's parser.
        arguments: The command line; None for that of the process.
        predict: Prints the prediction, and returns it.
    """
    options = parser.parse_args(arguments)
    try:
        predict(options).save(options.output)
    except (ValueError, OSError) as error:
        print(f"{Path(parser.prog).stem}: {error}", file=sys.stderr)
        return 1
    print(f"Drawn to {options.output}")
    return 0


def read_image(name: str) -> Path | Scene:
    """Return the file of an image, or for ``scene:7`` a test scene of the built-in world."""
    number = name.removeprefix("scene:")
    is_scene = number != name and number.isdecimal()
    return sample_scene(0, int(number), "test") if is_scene else Path(name)


def read_text(text: str) -> str:
    """Return a text, or for ``review:7`` a test review of the built-in world; print its label."""
    number = text.removeprefix("review:")
    if number == text or not number.isdecimal():
        return text
    review = sample_review(0, int(number), "test")
    print(f"The review is {review.label}, {review.stars:g} of 5 stars.")
    return review.text


def print_ranked(ranked: Sequence[tuple[str, float]]) -> None:
    """Print labels or answers with their probabilities."""
    for name, probability in ranked:
        print(f"{100 * probability:6.1f} %  {name}")
