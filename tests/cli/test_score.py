import json
import subprocess
import sys

import pytest

from multimodal.cli.main import main
from multimodal.cli.score import run


@pytest.fixture
def captions(tmp_path):
    (tmp_path / "results.json").write_text('[{"image_id": 1, "caption": "a dog runs"}]')
    (tmp_path / "truth.txt").write_text("1#0\ta dog runs\n")
    return ["captions", str(tmp_path / "results.json"), str(tmp_path / "truth.txt"), "--no-meteor"]


@pytest.fixture
def answers(tmp_path):
    (tmp_path / "results.json").write_text('[{"question_id": 1, "answer": "dog"}]')
    (tmp_path / "truth.csv").write_text("question_id,answer\n1,a dog\n")
    return ["vqa", str(tmp_path / "results.json"), str(tmp_path / "truth.csv")]


def test_captions_are_scored_as_captions(captions, capsys):
    assert main(["score", *captions]) == 0
    assert "BLEU-4" in capsys.readouterr().out


def test_answers_are_scored_as_answers(answers, capsys):
    assert main(["score", *answers]) == 0
    assert "accuracy  100.00" in capsys.readouterr().out


def test_options_may_stand_before_the_kind(answers, capsys):
    assert run(["--json", *answers]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "KIND, RESULTS and REFERENCES are missing."),
        (["answers", "a", "b"], "KIND must be one of captions, vqa, got 'answers'."),
        (["captions"], "RESULTS and REFERENCES are missing. `multimodal score captions --help`"),
        (["vqa", "a"], "ANNOTATIONS is missing. `multimodal score vqa --help`"),
    ],
)
def test_a_wrong_call_is_a_sentence_and_code_2(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as stop:
        run(arguments)
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith(f"multimodal: {sentence}")


PROGRAM = """
import sys
from multimodal.cli.score import run
for arguments in (["--help"], ["captions", "--help"], ["vqa", "--help"]):
    try:
        run(arguments)
    except SystemExit as stop:
        print(stop.code)
print(sorted({"torch", "numpy", "nltk", "lightning"} & set(sys.modules)))
"""


def test_the_help_imports_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("0\n[]\n")
    assert "multimodal score captions results.json captions_val2017.json --json" in done.stdout
    assert "multimodal score vqa results.json questions.csv --partial --json" in done.stdout
