"""Draw the module map from the import rule in pyproject.toml: upper rows import lower ones.

Run `python scripts/draw_modules.py docs/modules.png` after the rule has changed.
"""

import argparse
import tomllib
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

ROOT = Path(__file__).parent.parent
ABOUT = {
    "cli": "the command",
    "app": "the page",
    "onnx": "for other runtimes",
    "loading": "open any model",
    "tasks": "the table of tasks",
    "captioning": "images to sentences",
    "vqa": "answers",
    "sentiment": "texts to labels",
    "classification": "images to labels",
    "language_model": "next words",
    "attribution": "explanations",
    "training": "tasks, resumption",
    "inference": "predictors",
    "data": "readers, batches",
    "saving": "checkpoints, folders",
    "nn": "building blocks",
    "decoding": "searches",
    "metrics": "scores",
    "figures": "drawings",
    "vectors": "of words",
    "worlds": "built-in data",
    "text": "words and ids",
    "files": "atomic writes",
    "hardware": "device, precision",
    "tables": "Markdown",
}
COLOURS = ("#4C72B0", "#55799F", "#5E8F8A", "#6AA070", "#8DA864", "#B0A85C", "#C99A54", "#CC7F4F")


def layers() -> list[list[str]]:
    """Read the rows of the import rule, from the top down."""
    rule = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = rule["tool"]["importlinter"]["contracts"]
    (rows,) = [each["layers"] for each in contracts if each["type"] == "layers"]
    return [[name.strip() for name in row.split("|")] for row in rows]


def draw(rows: list[list[str]]) -> Figure:
    """Draw a box for each module and an arrow for the direction of imports."""
    figure = Figure(figsize=(10, 0.85 * len(rows)), dpi=110)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 10), ylim=(-len(rows), 0))
    axes.set_axis_off()
    for number, names in enumerate(rows):
        width = 9.0 / len(names)
        for place, name in enumerate(names):
            left, colour = 0.1 + place * width, COLOURS[number % len(COLOURS)]
            box = (left, -number - 0.86), width - 0.12, 0.72
            style = {"boxstyle": "round,pad=0,rounding_size=0.08", "linewidth": 0}
            axes.add_patch(FancyBboxPatch(*box, facecolor=colour, **style))
            middle = left + (width - 0.12) / 2
            text = {"ha": "center", "va": "center", "color": "white"}
            axes.text(middle, -number - 0.38, name, fontsize=13, weight="bold", **text)
            axes.text(middle, -number - 0.67, ABOUT.get(name, ""), fontsize=9, **text)
    axes.annotate(
        "",
        (9.45, -len(rows) + 0.2),
        (9.45, -0.2),
        arrowprops={"arrowstyle": "-|>", "color": "#555555", "lw": 2},
    )
    axes.text(9.7, -len(rows) / 2, "imports", rotation=270, va="center", ha="center", fontsize=12)
    return figure


def main() -> None:
    """Read the options and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="a PNG file")
    draw(layers()).savefig(parser.parse_args().output)


if __name__ == "__main__":
    main()
