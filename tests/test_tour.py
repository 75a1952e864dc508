"""The tour is stored without outputs, and its cells run in order; without Jupyter, as here, too."""

import ast
import json
import re
import socket
import tempfile
from pathlib import Path
from pkgutil import resolve_name

import numpy as np
import pytest

from multimodal.cli.configs import find_config
from multimodal.cli.main import _VERBS

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "docs" / "tour.ipynb"
TOUR = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
CODE = [cell for cell in TOUR["cells"] if cell["cell_type"] == "code"]
TEXT = "\n".join("".join(cell["source"]) for cell in TOUR["cells"] if cell not in CODE)
TERMS = re.findall(r"`([^`\n]+)`", TEXT)


def is_slow(cell):
    return "slow" in cell["metadata"].get("tags", ())


def run_cell(cell, namespace):
    """Run a cell as a notebook does; return the value of an expression in its last line."""
    tree = ast.parse("".join(cell["source"]))
    shown = isinstance(tree.body[-1], ast.Expr)
    last = ast.Expression(tree.body.pop().value) if shown else None
    exec(compile(tree, cell["id"], "exec"), namespace)
    return eval(compile(last, cell["id"], "eval"), namespace) if last else None


def display(value):
    """Return what a notebook shows of a value: HTML, a PNG file, or its text."""
    for name in ("_repr_html_", "_repr_png_"):
        if hasattr(value, name):
            return getattr(value, name)()
    return repr(value)


def refuse(*_):
    raise AssertionError("The tour needs the network.")


@pytest.fixture
def _apart(tmp_path, monkeypatch):
    """In a folder of its own, without a window or the network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_the_notebook_is_one_of_format_4_5_for_python():
    assert (TOUR["nbformat"], TOUR["nbformat_minor"]) == (4, 5)
    assert TOUR["metadata"]["kernelspec"]["name"] == "python3"
    for cell in TOUR["cells"]:
        assert cell["cell_type"] in ("markdown", "code")
        assert re.fullmatch("[a-zA-Z0-9_-]{1,64}", cell["id"])
        assert all(line.endswith("\n") for line in cell["source"][:-1])
        outputs = {"outputs", "execution_count"} if cell in CODE else set()
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | outputs
    ids = [cell["id"] for cell in TOUR["cells"]]
    assert len(set(ids)) == len(ids)


def test_no_output_is_stored():
    for cell in CODE:
        assert (cell["outputs"], cell["execution_count"]) == ([], None), cell["id"]


def test_what_the_tour_mentions_is_there():
    paths = [
        term for term in TERMS if re.fullmatch(r"[\w.-]+(/[\w.-]*)+|[\w-]+\.(py|md|yaml)", term)
    ]
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []
    links = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert [link for link in links if not (NOTEBOOK.parent / link).exists()] == []


def test_commands_and_names_of_the_tour_are_ours():
    commands = [term.split() for term in TERMS if term.startswith("multimodal ")]
    for _, verb, *rest in commands:
        assert verb in _VERBS
        if "--config" in rest:
            find_config(rest[rest.index("--config") + 1])
    for term in TERMS:
        if re.fullmatch(r"multimodal(\.\w+)+", term):
            assert resolve_name(term)


@pytest.mark.usefixtures("_apart")
def test_the_cells_run_in_order_and_show_what_they_should():
    namespace = {"__name__": "tour"}
    shown = {cell["id"]: display(run_cell(cell, namespace)) for cell in CODE if not is_slow(cell)}
    pictures = {id_ for id_, value in shown.items() if isinstance(value, bytes)}
    assert all(shown[id_].startswith(b"\x89PNG") for id_ in pictures)
    drawn = {"scene-code", "caption-code", "answer-code", "digit-code", "why-code", "why-two-code"}
    assert pictures == drawn
    assert shown["review-code"].startswith("<div><b>positive")
    assert (namespace["folder"] / "caption.png").stat().st_size > 0
    assert "object at 0x" not in "".join(shown[id_] for id_ in set(shown) - pictures)
    # What the text says of them.
    assert namespace["caption"].text == "a yellow circle above a red ring"
    assert shown["alternatives-code"].count("True)") == 3
    answers = namespace["answers"]
    assert [str(each) for each in answers[:5]] == ["red", "2", "yes", "triangle", "no"]
    assert [bool(each.note) for each in answers] == [False] * 4 + [True] * 2
    assert "never saw the words and, boring, minute" in shown["reviews-code"]
    assert namespace["steps"][0][2] == "two"
    assert namespace["steps"][1][2] == "a picture"
    for (score, text), (their_score, their_text) in zip(
        namespace["by_hand"], namespace["by_search"], strict=True
    ):
        assert text == their_text
        assert score == pytest.approx(their_score, abs=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("_apart")
def test_the_model_that_the_tour_trains_reads_digits(capsys):
    namespace = {"__name__": "tour"}
    needed = ("scene-code", "digit-code")  # the folder, and the digits
    for cell in CODE:
        if cell["id"] in needed or is_slow(cell):
            last = run_cell(cell, namespace)
    assert display(last).startswith(b"\x89PNG")
    assert "Best val/loss" in capsys.readouterr().out
    digits = namespace["digits"]
    grey = (digits.images * (255 / 16)).round().astype(np.uint8)
    said = namespace["mine"](list(np.repeat(grey[..., None], 3, axis=-1)))
    right = np.mean([int(str(each)) for each in said] == digits.target)
    assert right > 0.9
