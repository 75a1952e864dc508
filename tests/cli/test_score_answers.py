import importlib
import json
import os
from pathlib import Path

import pytest

from multimodal.cli.main import main
from multimodal.cli.score_answers import run

module = importlib.import_module("multimodal.metrics.vqa_accuracy")  # not the function

PEOPLE = {
    1: ("is it", "yes/no", 10 * ["yes"]),
    2: ("how many", "number", 3 * ["two"] + 7 * ["3"]),
    3: ("how many", "number", 10 * ["4"]),
}
GIVEN = {1: "Yes.", 2: "2", 3: "4"}


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps([{"question_id": k, "answer": a} for k, a in GIVEN.items()]))
    return path


@pytest.fixture
def annotations(tmp_path):
    path = tmp_path / "annotations.json"
    entries = [
        {
            "question_id": key,
            "question_type": question_type,
            "answer_type": answer_type,
            "answers": [{"answer": answer, "answer_id": n} for n, answer in enumerate(answers, 1)],
        }
        for key, (question_type, answer_type, answers) in PEOPLE.items()
    ]
    path.write_text(json.dumps({"annotations": entries}))
    return path


def test_the_tables_are_overall_and_by_type(results, annotations, capsys):
    assert run([str(results), str(annotations)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{results}: 3 answers; scores times 100, as in papers",
        "VQA accuracy   63.33",
        "accuracy       66.67",
        "",
        "answer type  questions  VQA accuracy  accuracy",
        "number               2         95.00     50.00",
        "yes/no               1          0.00    100.00",
        "",
        "question type  questions  VQA accuracy  accuracy",
        "how many               2         95.00     50.00",
        "is it                  1          0.00    100.00",
    ]


def test_the_lenient_mode_is_named(results, annotations, capsys):
    assert run([str(results), str(annotations), "--lenient"]) == 0
    title, official, *_ = capsys.readouterr().out.splitlines()
    assert title.endswith("as in papers (VQA accuracy: lenient)")
    assert official == "VQA accuracy   96.67"


def test_json_holds_fractions_and_the_types(results, annotations, capsys):
    assert run([str(results), str(annotations), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert list(values) == [
        "questions",
        "accuracy",
        "vqa_accuracy",
        "per_answer_type",
        "per_question_type",
    ]
    assert values["vqa_accuracy"] == pytest.approx(1.9 / 3)
    row = {"questions": 2, "accuracy": 0.5, "vqa_accuracy": pytest.approx(0.95)}
    assert values["per_answer_type"]["number"] == values["per_question_type"]["how many"] == row


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "questions.csv"
    path.write_text("id,type,answer\n1,is it,yes\n2,how many,2\n3,how many,5\n")
    return path


def test_single_answers_have_no_official_accuracy(results, table, capsys):
    assert run([str(results), str(table), "--lenient"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{results}: 3 answers; scores times 100, as in papers",
        "accuracy   66.67",
        "",
        "question type  questions  accuracy",
        "how many               2     50.00",
        "is it                  1    100.00",
    ]
    assert run([str(results), str(table), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert "vqa_accuracy" not in values
    assert values["per_question_type"]["is it"] == {"questions": 1, "accuracy": 1}


def test_types_with_too_few_answers_have_a_dash(results, tmp_path, capsys):
    path = tmp_path / "mixed.csv"
    path.write_text("id,type,answer\n1,is it,yes\n2,how,2|2|2|2|3\n3,how,4|4|4|4|3\n")
    assert run([str(results), str(path)]) == 0
    assert (
        capsys.readouterr().out.splitlines()[-1]
        == "is it                  1             -    100.00"
    )


def test_wups_stands_below(results, table, monkeypatch, capsys):
    monkeypatch.setattr(module, "wups", lambda given, right, threshold: 0.5 - threshold / 2)
    assert run([str(results), str(table), "--wups"]) == 0
    assert capsys.readouterr().out.splitlines()[1:4] == [
        "accuracy   66.67",
        "WUPS 0.9    5.00",
        "WUPS 0.0   50.00",
    ]


def test_some_of_the_questions_need_partial(results, annotations, capsys):
    results.write_text('[{"question_id": 2, "answer": "3"}]')
    assert main(["score", "vqa", str(results), str(annotations)]) == 1
    error = capsys.readouterr().err
    assert "has no answer to question_id 1, 3 of" in error
    assert "pass --partial" in error
    assert run([str(results), str(annotations), "--partial"]) == 0
    assert "1 answers" in capsys.readouterr().out


def test_a_mistake_in_a_file_is_a_sentence_and_code_1(results, annotations, capsys):
    annotations.write_text('{"annotations": [{"question_id": 1, "answers": []}]}')
    assert main(["score", "vqa", str(results), str(annotations)]) == 1
    assert capsys.readouterr().err == (
        f'multimodal: {annotations}, annotations[0] (question_id 1): "answers" must be a list of '
        'at least one {"answer": ...}, got an empty list.\n'
    )


def test_a_wrong_option_is_a_sentence_and_code_2(capsys):
    with pytest.raises(SystemExit) as stop:
        run(["a", "b", "--lenent"])
    assert stop.value.code == 2
    assert "Unknown option --lenent. Did you mean --lenient?" in capsys.readouterr().err


@pytest.mark.data
def test_the_sample_prints_the_official_numbers(capsys):
    root = Path(os.environ["MULTIMODAL_DATA"]) / "vqa_v2_format_sample"
    files = ("v2_OpenEnded_mscoco_sample_results.json", "v2_mscoco_sample_annotations.json")
    assert run([str(root / name) for name in files]) == 0
    assert "VQA accuracy   74.33\n" in capsys.readouterr().out
