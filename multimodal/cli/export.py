"""multimodal export: write a trained model as a folder, or with ``--onnx`` as ONNX graphs."""

import argparse
import sys
from pathlib import Path

from multimodal.cli.arguments import Arguments
from multimodal.cli.printing import printable

_EXAMPLES = """\
  multimodal export runs/captioning_scenes/version_0/checkpoints/best.ckpt captioner
  multimodal export best.ckpt captioner --half --overwrite
  multimodal caption captioner photo.jpg
  multimodal export captioning-scenes graphs --onnx
"""


def run(arguments: list[str]) -> int:
    """Write an exported folder with its card and scores, or ONNX graphs.

    Raises:
        FileNotFoundError: If there is no such checkpoint, or ``--test`` has no results.
        ModuleNotFoundError: If ``--onnx`` is given and the extra ``onnx`` is not installed.
        OSError: If the folder cannot be written, or exists.
        ValueError: If it is no checkpoint of ours.
    """
    options = _parser().parse_args(arguments)
    if options.onnx:
        _export_graphs(options)
    else:
        _export_model(options)
    return 0


def _export_model(options: argparse.Namespace) -> None:
    # Not before the arguments are read: torch takes a second to import.
    from multimodal.saving import halved, write_folder
    from multimodal.saving.card import write_card
    from multimodal.saving.checkpoint import read_checkpoint
    from multimodal.saving.runs import read_run

    saved = read_checkpoint(options.model)
    facts = read_run(options.model, options.test)
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
    sys.stdout.write(_summary(options.folder, saved.task, tested=bool(facts.test)))


def _export_graphs(options: argparse.Namespace) -> None:
    from multimodal.onnx import write_onnx
    from multimodal.saving import read_model

    if options.half or options.test:
        raise ValueError(
            "Graphs are in single precision and have no card. Leave out --half and --test."
        )
    graphs = write_onnx(
        read_model(options.model),
        options.folder,
        source=str(options.model),
        overwrite=options.overwrite,
    )
    shown = printable(str(options.folder))
    sys.stdout.write(f"{shown}: {', '.join(f'{graph.name}.onnx' for graph in graphs)}\n")


def _parser() -> Arguments:
    parser = Arguments(
        "export",
        about="Write a trained model as a folder: weights (safetensors), plain settings, a card "
        "written from the run, metrics.",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        type=Path,
        help="a .ckpt file of a run; with --onnx also an exported folder or a shipped name",
    )
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
        "--onnx",
        action="store_true",
        help="write ONNX graphs for other runtimes instead (extra onnx)",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a model that is there already"
    )
    return parser


def _summary(folder: Path, task: str, *, tested: bool) -> str:
    shown = printable(str(folder))
    size = sum(file.stat().st_size for file in folder.iterdir())
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
