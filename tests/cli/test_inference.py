"""The contract of every command that uses a trained model."""

import subprocess
import sys
from dataclasses import fields
from itertools import pairwise

import pytest
import tiny_answerer
import tiny_captioner
import tiny_writer

from multimodal.cli.inference import run
from multimodal.cli.main import main
from multimodal.cli.verbs import VERBS
from multimodal.tasks import TASKS

INPUTS = {
    "caption": ["RED"],
    "ask": ["RED", tiny_answerer.WHAT],
    "classify": ["RED"],
    "sentiment": ["The film is great!"],
    "write": ["roses", "--temperature", "0"],
}
RESULTS = {
    "caption": tiny_captioner.CAPTIONS["red"],
    "ask": "red",
    "classify": "red",
    "sentiment": "positive",
    "write": tiny_writer.TEXT,
}


@pytest.fixture
def models(tiny_models):
    return {name: str(tiny_models[verb.task]) for name, verb in VERBS.items()}


@pytest.fixture
def inputs(red):
    return {
        name: [str(red) if part == "RED" else part for part in parts]
        for name, parts in INPUTS.items()
    }


def test_every_task_has_its_command():
    assert {name: verb.task for name, verb in VERBS.items()} == {
        row.verb: row.name for row in TASKS.values()
    }
    assert INPUTS.keys() == VERBS.keys()


@pytest.mark.parametrize("name", VERBS)
def test_every_number_among_the_options_of_a_call_is_an_option_of_the_command(name, capsys):
    with pytest.raises(SystemExit) as stop:
        run([name, "--help"])
    assert stop.value.code == 0
    words = capsys.readouterr().out
    verb = VERBS[name]
    for each in fields(TASKS[verb.task].load("options")):
        shown = "within" in each.metadata and each.name not in verb.without
        assert (f"--{each.name.replace('_', '-')}" in words) == (shown or each.name == "explain")


def test_the_help_of_a_command_imports_nothing_heavy():
    program = (
        "import sys\n"
        "from multimodal.cli.inference import run\n"
        f"for name in {list(VERBS)}:\n"
        "    try:\n        run([name, '--help'])\n"
        "    except SystemExit as stop:\n        assert stop.code == 0\n"
        "print({'torch', 'numpy', 'PIL', 'lightning', 'matplotlib'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("\nset()\n")


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_either_precision_gives_the_result(name, precision, models, inputs, capsys):
    options = ["--precision", precision, "--device", "cpu"]
    assert run([name, models[name], *inputs[name], *options]) == 0
    printed = capsys.readouterr()
    first = printed.out if name == "write" else printed.out.splitlines()[1]
    assert RESULTS[name] in first
    assert printed.err == ""


@pytest.mark.parametrize(("name", "other"), list(pairwise([*VERBS, "caption"])))
def test_a_model_of_another_task_is_refused_with_the_command_for_it(
    name, other, models, inputs, capsys
):
    assert main([name, models[other], *inputs[name]]) == 1
    verb, row = VERBS[name], TASKS[VERBS[other].task]
    sentence = capsys.readouterr().err
    assert f"checkpoint of the task '{row.name}' and {verb.refusal}. Give" in sentence
    assert f"multimodal {other} {models[other]}" in sentence


def test_the_refusal_names_the_expected_run_and_the_other_command(models, red, capsys):
    assert main(["classify", models["sentiment"], str(red)]) == 1
    assert capsys.readouterr().err.endswith(
        "sentiment.ckpt is a checkpoint of the task 'sentiment' and classifies no pictures. Give a "
        "checkpoint of a run of image classification, or classify texts: multimodal sentiment "
        f"{models['sentiment']} TEXT...\n"
    )


@pytest.mark.parametrize("name", VERBS)
def test_a_missing_model_is_a_sentence_and_code_1(name, inputs, capsys):
    assert main([name, "nothing.ckpt", *inputs[name]]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("multimodal: No checkpoint at nothing.ckpt.")
    assert printed.out == ""


@pytest.mark.parametrize("name", VERBS)
def test_a_picture_instead_of_a_model_is_refused(name, inputs, red, capsys):
    assert main([name, str(red), *inputs[name]]) == 1
    assert "red.png is not a checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("name", VERBS)
def test_a_missing_device_is_refused(name, models, inputs, capsys):
    assert main([name, models[name], *inputs[name], "--device", "gpu"]) == 1
    assert "no kind of device called 'gpu'" in capsys.readouterr().err


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["table", "json"])
@pytest.mark.parametrize("name", VERBS)
def test_a_reader_that_closes_the_pipe_gets_no_message(
    name, form, models, *, inputs, capsys, monkeypatch
):
    def fail(text):
        raise BrokenPipeError(32, "Broken pipe")

    closed = []
    monkeypatch.setattr(sys.stdout, "write", fail)
    monkeypatch.setattr(sys.stdout, "fileno", lambda: -1)
    monkeypatch.setattr("multimodal.cli.inference.os.dup2", lambda *files: closed.append(files))
    assert run([name, models[name], *inputs[name], "--device", "cpu", *form]) == 1
    assert closed[0][1] == -1
    assert capsys.readouterr().err == ""
