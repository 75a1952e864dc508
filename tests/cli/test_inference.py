"""What holds for every command that uses a trained model."""

import subprocess
import sys
from dataclasses import fields

import pytest

from multimodal.cli.inference import run
from multimodal.cli.verbs import VERBS
from multimodal.tasks import TASKS


def test_every_task_has_its_command():
    assert {name: verb.task for name, verb in VERBS.items()} == {
        row.verb: row.name for row in TASKS.values()
    }


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


def test_a_model_of_another_task_is_refused_with_the_command_for_it(checkpoint):
    for name in VERBS.keys() - {"caption"}:
        arguments = {"write": ["x"], "sentiment": ["x"], "classify": ["x.png"]}
        with pytest.raises(
            ValueError, match=r"best\.ckpt is a checkpoint of the task 'captioning' and"
        ):
            run([name, str(checkpoint), *arguments.get(name, ["x.png", "Why?"])])


def test_reading_the_table_of_commands_imports_nothing_heavy():
    program = (
        "import sys, multimodal.cli.inference\n"
        "from multimodal.tasks import TASKS\n"
        "[row.load('options') for row in TASKS.values()]\n"
        "print({'torch', 'numpy', 'PIL', 'lightning', 'matplotlib'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
