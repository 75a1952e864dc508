"""multimodal data preview and data check: look at a configuration's data before training on it.

The preview draws training pictures with their augmentations.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from multimodal.cli.arguments import EXIT_USAGE, Arguments, whole_number
from multimodal.cli.data_check import DataAlone, check
from multimodal.cli.lightning import command, run_with_messages
from multimodal.data.examples import (
    CaptionExample,
    ImageExample,
    QuestionExample,
    TextExample,
)
from multimodal.figures.page import save_figure
from multimodal.figures.variations import variation_figure

_USAGE = "usage: multimodal data preview|check --config CONFIG [options]\n"
_EXAMPLES = """\
  multimodal data preview --config classification_folder --data.root photos.zip
  multimodal data preview --config classification_cifar10 --data.augmentation strong
  multimodal data check --config captioning_csv --data.root my_folder
"""


def run(arguments: list[str]) -> int:
    """Preview or check a configuration's data.

    Returns:
        The exit code: 0 done, 2 for a wrong call.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write(f"{_USAGE}examples:\n{_EXAMPLES}")
        return 0 if arguments else EXIT_USAGE
    if arguments[0] == "check":
        return check(arguments[1:])
    if arguments[0] != "preview":
        sys.stderr.write(f"multimodal: data can preview or check, got {arguments[0]!r}.\n{_USAGE}")
        return EXIT_USAGE
    return preview(arguments[1:])


def preview(arguments: list[str]) -> int:
    """Draw training pictures as they are and as augmented in some epochs; return the exit code."""
    options, rest = _parser().parse_known_args(arguments)

    def draw() -> None:
        data = command(["fit", *rest], DataAlone).datamodule
        _draw(data, options.pictures, options.epochs, options.output)
        sys.stdout.write(f"Wrote {options.output}.\n")

    return run_with_messages(draw)


def _draw(data: Any, pictures: int, epochs: int, path: Path) -> None:
    examples = data.examples("train") if hasattr(data, "examples") else []
    if not examples or isinstance(examples[0], TextExample):
        raise ValueError(
            f"{type(data).__name__} has no pictures to look at; preview one of captioning, "
            "questions or classification."
        )
    plain, varied = data.in_order("train").dataset, data.train_dataloader().dataset
    count = len(varied)
    # Spread over the data, which may be sorted by class.
    indices = [number * count // min(pictures, count) for number in range(min(pictures, count))]
    originals, notes = _images_and_notes(plain, 0, indices)
    variations = [_images_and_notes(varied, epoch, indices)[0] for epoch in range(epochs)]
    figure = variation_figure(
        originals,
        list(zip(*variations, strict=True)),
        notes,
        title=f"{len(indices)} of {count:,} training pictures, and what the network sees",
    )
    save_figure(figure, path)


def _images_and_notes(
    dataset: Any, epoch: int, indices: Sequence[int]
) -> tuple[list[Tensor], list[str]]:
    """Return pictures of three channels, and a caption, question or label of each."""
    # One at a time: a picture that cannot be read is left out of a batch, here it must be named.
    batches = [dataset.__getitems__([(epoch, index)]) for index in indices]
    images = [batch.images[0].expand(3, -1, -1) for batch in batches]
    return images, [_note(batch.examples[0]) for batch in batches]


def _note(example: CaptionExample | QuestionExample | ImageExample) -> str:
    if isinstance(example, CaptionExample):
        return example.captions[0]
    if isinstance(example, QuestionExample):
        question = example.questions[0]
        return f"{question.text} {question.answers[0] if question.answers else ''}".strip()
    label = example.label
    return ", ".join(label) if isinstance(label, tuple) else str(label)


def _parser() -> Arguments:
    parser = Arguments(
        "data preview",
        about="Draw training pictures as they are, and as the network sees them in some epochs. "
        "All other options are those of `multimodal fit`.",
        examples=_EXAMPLES,
    )
    parser.add_argument("--pictures", type=whole_number(1), default=8, help="how many pictures (8)")
    parser.add_argument("--epochs", type=whole_number(1), default=7, help="how many epochs (7)")
    parser.add_argument(
        "--output", type=Path, default=Path("preview.png"), help="where to (preview.png)"
    )
    return parser
