"""The shipped configurations: found by bare name, listed with a line each."""

import json
import sys
from difflib import get_close_matches
from pathlib import Path

from multimodal.cli.arguments import Arguments

FOLDER = Path(__file__).parent.parent / "configs"

_EXAMPLES = """\
  multimodal configs
  multimodal fit --config captioning_scenes
"""


def run(arguments: list[str]) -> int:
    """List the shipped configurations: name and first comment line."""
    parser = Arguments("configs", about="List the shipped configurations.", examples=_EXAMPLES)
    parser.add_argument(
        "--json", action="store_true", help="print a JSON array of objects: name, about, file"
    )
    options = parser.parse_args(arguments)
    found = [
        {
            "name": path.stem,
            "about": path.read_text(encoding="utf-8").split("\n", 1)[0].lstrip("# "),
            "file": str(path),
        }
        for path in sorted(FOLDER.glob("*.yaml"))
    ]
    if options.json:
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
    else:
        width = 2 + max(len(each["name"]) for each in found)
        lines = (f"{each['name']:<{width}}{each['about']}\n" for each in found)
        sys.stdout.write("".join(lines))
    return 0


def check_yaml(path: Path) -> None:
    """Check that a configuration file is YAML with a mapping at the top.

    Raises:
        ValueError: It is not; the message has file and line.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error)
        raise ValueError(f"{path}{line}: not valid YAML: {reason}.") from error
    if not isinstance(content, dict):
        raise ValueError(
            f"{path}: a configuration must be a mapping with the keys model, data and trainer, got "
            f"{type(content).__name__}. The shipped ones (multimodal configs) show the form."
        )


def find_config(name: str) -> Path:
    """Find a configuration by path or by the bare name of a shipped one.

    Raises:
        FileNotFoundError: There is none; the closest name is offered.
    """
    path = Path(name)
    shipped = FOLDER / f"{name}.yaml"
    if path.is_file():
        return path
    if shipped.is_file():
        return shipped
    names = [file.stem for file in sorted(FOLDER.glob("*.yaml"))]
    close = get_close_matches(path.stem, names, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise FileNotFoundError(
        f"No configuration {name!r}: neither a file nor a shipped one, which are "
        f"{', '.join(names)}.{hint}"
    )
