"""What the package did before its files were moved, it still does: tests/golden/before/ has it.

Old checkpoints and folders load, and they and the shipped models give the recorded results; runs
learn and resume with the recorded numbers; every option is still there. On the machine that
recorded them all numbers are equal to the bit, which `make_before.py --check` compares. Another
processor, or another version of a kernel, adds the same products in another order.
"""

import importlib.util
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parent / "golden" / "make_before.py"
_SPEC = importlib.util.spec_from_file_location("make_before", _SCRIPT)
before = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(before)

# Results in single precision differ by some 1e-7 of their size between machines: RELATIVE and
# ABSOLUTE leave room for that and for nothing else. Numbers that a command prints are rounded to
# four digits, and the last may fall to the other side. In a run differences grow with each step.
RELATIVE, ABSOLUTE = 1e-6, 1e-7
ROUNDED = 1.01e-4
OF_RUNS = 1e-4

QUICK_RUNS = ("sentiment", "classification")


@pytest.fixture(autouse=True)
def _workplace(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    with before.workplace():
        yield


def assert_close(found, expected, relative, absolute, where=""):
    """Texts, labels, whole numbers and keys are equal; of other numbers, almost."""
    assert type(found) is type(expected), where
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for key in expected.keys() - {"sha256"}:  # of numbers that need not be equal to the bit
            assert_close(found[key], expected[key], relative, absolute, f"{where} > {key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for index, pair in enumerate(zip(found, expected, strict=True)):
            assert_close(*pair, relative, absolute, f"{where}[{index}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=relative, abs=absolute), where
    else:
        assert found == expected, where


@pytest.mark.parametrize("model", before.all_models())
def test_a_model_answers_as_before(model):
    recorded = before.read(f"outputs/{before.file_name(model)}")
    for line, expected in recorded["commands"].items():
        assert_close(before.answer_of_command(line), expected, RELATIVE, ROUNDED, line)
    for call, expected in recorded["calls"].items():
        assert_close(before.answer_of_call(call), expected, RELATIVE, ABSOLUTE, call)


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, marks=() if task == "sentiment" else pytest.mark.slow)
        for task in before.TASKS
    ],
)
def test_a_run_goes_on_from_an_old_checkpoint(task):
    expected = before.read("resumed")[task]
    assert_close(before.metrics_of_resumed(task), expected, OF_RUNS, OF_RUNS, task)


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, marks=() if task in QUICK_RUNS else pytest.mark.slow)
        for task in before.TASKS
    ],
)
def test_a_smoke_run_learns_as_before(task):
    expected = before.read("runs")[task]
    assert_close(before.metrics_of_run(task), expected, OF_RUNS, OF_RUNS, task)


def test_every_verb_and_option_is_still_there():
    assert before.all_options() == before.read("options")


def test_a_folder_says_what_its_checkpoint_says():
    for task in before.TASKS:
        folder = before.read(f"outputs/{task}-folder")["commands"]
        checkpoint = before.read(f"outputs/{task}.ckpt")["commands"]
        assert list(folder.values()) == list(checkpoint.values())
