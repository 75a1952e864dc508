"""multimodal export: write a trained model as a folder, to be kept, shared and shipped."""

import sys
from pathlib import Path

from multimodal.cli.arguments import Arguments
from multimodal.cli.caption import printable

_EXAMPLES = """\
  multimodal export runs/captioning_scenes/version_0/checkpoints/best.ckpt captioner
  multimodal export best.ckpt captioner --half --overwrite
  multimodal caption captioner photo.jpg
"""


def run(arguments: list[str]) -> int:
    """Write a model's folder, with its card and what was measured.

    Args:
        arguments: What follows ``export`` on the command line.

    Returns:
        The exit code: 0 when the folder is written.

    Raises:
        FileNotFoundError: If there is no such checkpoint, or no results of a test where they were
            said to be.
        OSError: If the folder cannot be written, or is taken.
        ValueError: If it is no checkpoint of ours.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    options = _parser().parse_args(arguments)
    # Only now: torch takes a second to import.
    from multimodal.cli.cards import write_card
    from multimodal.cli.runs import read_run
    from multimodal.folders import halved, write_folder
    from multimodal.saving import read_checkpoint

    saved = read_checkpoint(options.checkpoint)
    facts = read_run(options.checkpoint, options.test)
    if options.half:
        saved = halved(saved)
    name = options.folder.absolute().name
    write_folder(
        saved,
        options.folder,
        card=write_card(saved, facts, name),
        metrics={"test": facts.test, "val": facts.val},
        overwrite=options.overwrite,
    )
    sys.stdout.write(_said(options.folder, saved.task, tested=bool(facts.test)))
    return 0


def _parser() -> Arguments:
    parser = Arguments(
        "export",
        about="Write a trained model as a folder: weights (safetensors), plain settings, a card "
        "written from the run, metrics.",
        examples=_EXAMPLES,
    )
    parser.add_argument("checkpoint", metavar="CHECKPOINT", type=Path, help="a .ckpt file of a run")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where the model goes")
    parser.add_argument(
        "--half",
        action="store_true",
        help="round matrices to half precision: half of the size, nearly the same answers",
    )
    parser.add_argument(
        "--test",
        type=Path,
        metavar="RUN",
        help="the folder of the test whose results go into the card (default: the newest test of "
        "this checkpoint beside its run)",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a model that is there already"
    )
    return parser


def _said(folder: Path, task: str, *, tested: bool) -> str:
    shown = printable(str(folder))
    size = sum(found.stat().st_size for found in folder.iterdir())
    lines = [
        f"{shown}: a model of the task {task}, {size / 1e6:.2f} MB",
        f'  use it:         multimodal.load("{shown}")',
        f"  its card:       {shown}/README.md",
    ]
    if not tested:
        lines.append(
            "  no test of this checkpoint was found: the card says that its scores are unknown"
        )
    return "\n".join(lines) + "\n"
