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

# Relative and absolute. Numbers in single precision differ by some 1e-7 of their size between
# machines, and explanations are differences of such numbers: without the vector instructions of the
# machine that recorded them (ATEN_CPU_CAPABILITY=default), results stayed within 6e-7 of their size
# and explanations within 4e-6, but for those near 0. What a command prints is rounded to four
# digits, of which the last may fall to the other side. In a run differences grow with each step.
RESULTS = (1e-6, 1e-7)
EXPLANATIONS = (1e-4, 1e-6)
ROUNDED = (1e-6, 1.01e-4)
RUNS = (1e-4, 1e-4)

LARGE = ("captioning-scenes", "vqa-scenes")  # which take seconds to explain


@pytest.fixture(autouse=True)
def _workplace(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    with before.workplace():
        yield


def assert_close(found, expected, tolerance, where):
    """Texts, labels, whole numbers and keys are equal; of other numbers, almost."""
    assert type(found) is type(expected), where
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for key in expected.keys() - {"sha256"}:  # of numbers that need not be equal to the bit
            assert_close(found[key], expected[key], tolerance, f"{where} > {key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for index, pair in enumerate(zip(found, expected, strict=True)):
            assert_close(*pair, tolerance, f"{where}[{index}]")
    elif isinstance(expected, float):
        relative, absolute = tolerance
        assert found == pytest.approx(expected, rel=relative, abs=absolute), where
    else:
        assert found == expected, where


def is_slow(model, call):
    return model in LARGE and call.startswith("explain")


def assert_calls(model, calls):
    recorded = before.read(f"outputs/{before.file_name(model)}")["calls"]
    for call in calls:
        tolerance = EXPLANATIONS if call.startswith("explain") else RESULTS
        assert_close(before.answer_of_call(call), recorded[call], tolerance, call)


@pytest.mark.parametrize("model", before.all_models())
def test_a_model_answers_as_before(model):
    recorded = before.read(f"outputs/{before.file_name(model)}")
    assert list(recorded["commands"]) == before.commands(model)
    for line, expected in recorded["commands"].items():
        assert_close(before.answer_of_command(line), expected, ROUNDED, line)
    assert_calls(model, [call for call in before.calls(model) if not is_slow(model, call)])


@pytest.mark.slow
@pytest.mark.parametrize("model", LARGE)
def test_a_shipped_model_is_explained_as_before(model):
    assert_calls(model, [call for call in before.calls(model) if is_slow(model, call)])


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, marks=() if task == "sentiment" else pytest.mark.slow)
        for task in before.TASKS
    ],
)
def test_a_run_goes_on_from_an_old_checkpoint(task):
    expected = before.read("resumed")[task]
    assert_close(before.metrics_of_resumed(task), expected, RUNS, task)


@pytest.mark.slow
@pytest.mark.parametrize("task", before.TASKS)
def test_a_smoke_run_learns_as_before(task):
    expected = before.read("runs")[task]
    assert_close(before.metrics_of_run(task), expected, RUNS, task)


# Options that are gone on purpose, with the reason; more options than before are fine.
REMOVED_OPTIONS = {}


def test_every_verb_and_option_is_still_there():
    now = before.all_options()
    gone = {
        f"{verb} {option}"
        for verb, options in before.read("options").items()
        for option in {*options} - {*now.get(verb, [])}
    }
    assert gone == set(REMOVED_OPTIONS)
    assert before.read("options").keys() <= now.keys()


def test_a_folder_says_what_its_checkpoint_says():
    for task in before.TASKS:
        folder = before.read(f"outputs/{task}-folder")["commands"]
        checkpoint = before.read(f"outputs/{task}.ckpt")["commands"]
        assert list(folder.values()) == list(checkpoint.values())
