"""multimodal caption: captions for pictures, folders and zip archives, as a table or as JSON.

Rows appear batch by batch, so a folder of any size starts to answer at once. A picture that cannot
be used is named on stderr, the others are captioned all the same, and the exit code is 1.
"""

import json
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from multimodal.cli.arguments import Arguments, whole_number

if TYPE_CHECKING:
    from multimodal.captioning.result import Caption
    from multimodal.data.examples import ImageFile

EXIT_ERROR = 1

_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
    | {".ppm", ".pgm", ".pbm", ".pnm"}
)
_GAP = "  "
_SCORE = 7  # columns of a score
_LEAST_CAPTION = 20  # columns of a caption in a narrow terminal
_PROGRESS_SECONDS = 0.5

_EXAMPLES = """\
  multimodal caption captioning-scenes photo.jpg
  multimodal caption best.ckpt holiday/ more.zip --alternatives 2
  multimodal caption best.ckpt holiday/ --json > captions.json
"""


def run(arguments: list[str]) -> int:
    """Caption pictures and print a table, or JSON.

    Args:
        arguments: What follows ``caption`` on the command line.

    Returns:
        The exit code: 0 if every picture got its caption, 1 if one did not, 2 for a wrong call.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If the model cannot be used.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.alternatives >= options.beam_size:
        parser.error(
            f"argument --alternatives: must be below --beam-size, got {options.alternatives} of "
            f"{options.beam_size}"
        )
    # Only now: torch takes a second to import.
    from multimodal.captioning.predictor import CaptionPredictor
    from multimodal.hardware import tune_cpu
    from multimodal.saving import read_model

    saved = read_model(options.model)
    if saved.task != "captioning":
        hint = f", or ask it: multimodal ask {options.model} IMAGE QUESTION..."
        raise ValueError(
            f"{options.model} is a checkpoint of the task {saved.task!r} and writes no captions. "
            f"Give a captioner's{hint * (saved.task == 'vqa')}."
        )
    tune_cpu()
    predictor = CaptionPredictor.from_saved(saved, str(options.model), device=options.device)
    pictures, problems = find_pictures(options.images)
    for problem in problems:
        _complain(problem)
    found = predictor.stream(
        pictures,
        beam_size=options.beam_size,
        n_best=options.alternatives + 1,
        max_length=options.max_length,
        batch_size=options.batch_size,
    )
    names = [printable(str(picture)) for picture in pictures]
    printer = _Json() if options.json else _Table(names)
    try:
        failed = len(problems) + _print_all(names, found, printer)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the table, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    return EXIT_ERROR if failed else 0


def find_pictures(places: Sequence[Path]) -> tuple[list["ImageFile"], list[str]]:
    """List the pictures of files, folders and zip archives.

    Folders are searched with all folders in them, by the pictures' suffixes, in the order of their
    names; what begins with a dot is passed over. A file that is named is taken as it is.

    Args:
        places: What to look at.

    Returns:
        The pictures, and a sentence for each place that has none.
    """
    from multimodal.data.examples import ImageFile

    pictures: list[ImageFile] = []
    problems: list[str] = []
    for place in places:
        try:
            if place.is_dir():
                found = [ImageFile(path) for path in _walk(place, problems)]
            elif place.suffix.lower() == ".zip":
                found = [ImageFile(place, member) for member in _members(place)]
            else:
                found = [ImageFile(place)]
        except (OSError, ValueError) as error:
            problems.append(str(error))
            continue
        if not found:
            suffixes = ", ".join(sorted(suffix[1:] for suffix in _SUFFIXES))
            problems.append(f"{place} has no pictures in it (files that end in {suffixes}).")
        pictures += found
    return pictures, problems


def printable(name: str) -> str:
    r"""Write a name so that a terminal only shows it: control characters become escapes.

    Args:
        name: A file's name, which may hold anything.

    Returns:
        The name on one line.

    Example:
        >>> printable("a\x1b[2Jb\n")
        'a\\x1b[2Jb\\n'
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name)


def _parser() -> Arguments:
    parser = Arguments(
        "caption",
        about="Write captions for pictures with a trained model.",
        examples=_EXAMPLES,
    )
    parser.add_model("a captioning run", "captioning-scenes")
    parser.add_argument(
        "images",
        metavar="IMAGE",
        type=Path,
        nargs="+",
        help="a picture, a folder (searched with all folders in it), or a zip archive",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a JSON array, an object a line: image, caption, score, alternatives (or error)",
    )
    parser.add_argument(
        "--beam-size",
        type=whole_number(1),
        default=5,
        metavar="N",
        help="captions searched side by side; 1 is fastest (default: 5)",
    )
    parser.add_argument(
        "--alternatives",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="how many of the next best captions to show (default: 0)",
    )
    parser.add_argument(
        "--max-length",
        type=whole_number(1),
        default=20,
        metavar="N",
        help="longest caption, in words (default: 20)",
    )
    parser.add_argument(
        "--batch-size",
        type=whole_number(1),
        default=32,
        metavar="N",
        help="pictures that go through the model together (default: 32)",
    )
    parser.add_argument(
        "--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps (default: auto)"
    )
    return parser


def _walk(folder: Path, problems: list[str]) -> Iterator[Path]:
    def complain(error: OSError) -> None:
        problems.append(f"{error.filename} cannot be read: {error.strerror}.")

    for root, folders, files in os.walk(folder, onerror=complain):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root, name) for name in sorted(files) if _is_picture(name))


def _members(archive: Path) -> list[str]:
    from multimodal.data.archives import member_names

    return [name for name in member_names(archive) if _is_picture(name.rpartition("/")[2])]


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in _SUFFIXES  # noqa: PTH122 - a million names


def _complain(problem: object) -> None:
    sys.stderr.write(f"multimodal: {printable(str(problem))}\n")


def _print_all(
    names: list[str],
    found: Iterator["Caption | ValueError | OSError"],
    printer: "_Json | _Table",
) -> int:
    """Print each caption, or what went wrong, as it comes; return how often something did."""
    progress = _Progress(len(names))
    failed = 0
    printer.begin()
    for name, caption in zip(names, found, strict=True):
        if isinstance(caption, Exception):
            failed += 1
            progress.clear()
            _complain(caption)
        printer.row(name, caption)
        progress.step()
    progress.clear()
    printer.end()
    return failed


class _Json:
    """One array, an object a line, so that it can be read while it is written."""

    def __init__(self) -> None:
        self.separator = "["

    def begin(self) -> None:
        pass

    def row(self, name: str, caption: "Caption | ValueError | OSError") -> None:
        values: dict[str, object] = {"image": name}
        if isinstance(caption, Exception):
            values["error"] = str(caption)
        else:
            values |= {"caption": caption.text, "score": round(caption.score, 4)}
            values["alternatives"] = [
                {"caption": other.text, "score": round(other.score, 4)}
                for other in caption.alternatives
            ]
        sys.stdout.write(f"{self.separator}\n{json.dumps(values, ensure_ascii=False)}")
        self.separator = ","

    def end(self) -> None:
        sys.stdout.write("\n]\n" if self.separator == "," else "[]\n")


class _Table:
    """Columns: image, score, caption; fitted to the terminal's width if there is one."""

    def __init__(self, names: list[str]) -> None:
        longest = max(map(len, names), default=0)
        self.name_width, self.caption_width = longest, sys.maxsize
        if sys.stdout.isatty():
            width = shutil.get_terminal_size().columns
            self.name_width = min(longest, max(12, width * 2 // 5))
            left = width - self.name_width - _SCORE - 2 * len(_GAP)
            self.caption_width = max(_LEAST_CAPTION, left)

    def begin(self) -> None:
        if self.name_width:
            self._line("image", "score", "caption")

    def row(self, name: str, caption: "Caption | ValueError | OSError") -> None:
        if isinstance(caption, Exception):
            return  # it has been named on stderr
        self._entry(self._shortened(name), caption.score, caption.text)
        for other in caption.alternatives:
            self._entry("", other.score, other.text)

    def end(self) -> None:
        pass

    def _entry(self, name: str, score: float, text: str) -> None:
        first, *rest = textwrap.wrap(text, self.caption_width) or [""]
        self._line(name, f"{score:.2f}", first)
        for line in rest:
            self._line("", "", line)

    def _line(self, name: str, score: str, caption: str) -> None:
        sys.stdout.write(f"{name:<{self.name_width}}{_GAP}{score:>{_SCORE}}{_GAP}{caption}\n")

    def _shortened(self, name: str) -> str:
        """The end of a path tells more than its beginning."""
        spare = self.name_width - 3
        return name if len(name) <= self.name_width else f"...{name[-spare:]}"


class _Progress:
    """A line on stderr that counts, where someone watches it and the captions go elsewhere."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.shown = sys.stderr.isatty() and not sys.stdout.isatty()
        self.start = self.last = time.monotonic()

    def step(self) -> None:
        self.done += 1
        now = time.monotonic()
        if self.shown and now - self.last >= _PROGRESS_SECONDS:
            self.last = now
            rate = self.done / (now - self.start)
            sys.stderr.write(f"\r{self.done:,} of {self.total:,} pictures, {rate:.1f} a second")
            sys.stderr.flush()

    def clear(self) -> None:
        if self.shown:
            sys.stderr.write("\r\x1b[K")
