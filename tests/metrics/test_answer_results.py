import importlib
import json

import pytest
from torch.testing import assert_close

from multimodal.metrics.answer_results import (
    Annotation,
    read_annotations,
    read_answers,
    score_answers,
)
from multimodal.metrics.vqa_accuracy import TypeScore

vqa_accuracy = importlib.import_module("multimodal.metrics.vqa_accuracy")


def _results(path, answers):
    entries = [{"question_id": key, "answer": answer} for key, answer in answers.items()]
    path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def _annotation(key, *answers, **types):
    return {"question_id": key, "answers": [{"answer": answer} for answer in answers], **types}


def _annotations(path, *entries):
    path.write_text(json.dumps({"annotations": list(entries)}), encoding="utf-8")
    return path


@pytest.fixture
def annotations(tmp_path):
    return _annotations(
        tmp_path / "a.json",
        _annotation(1, *10 * ["yes"], question_type="is it", answer_type="yes/no"),
        _annotation(2, *3 * ["two"], *7 * ["3"], question_type="how many", answer_type="number"),
    )


def test_a_results_file_is_scored_overall_and_by_type(tmp_path, annotations):
    report = score_answers(_results(tmp_path / "r.json", {2: "2", 1: "yes"}), annotations)
    assert report.questions == 2
    assert report.scores == {"accuracy": 0.5, "vqa_accuracy": 0.95}
    assert report.per_answer_type == (
        TypeScore("number", 1, 0.0, 0.9),
        TypeScore("yes/no", 1, 1.0, 1.0),
    )
    assert report.per_question_type == (
        TypeScore("how many", 1, 0.0, 0.9),
        TypeScore("is it", 1, 1.0, 1.0),
    )


def test_the_mode_can_be_lenient(tmp_path, annotations):
    results = _results(tmp_path / "r.json", {2: "2", 1: "Yes."})
    assert score_answers(results, annotations).scores["vqa_accuracy"] == 0.45
    assert score_answers(results, annotations, lenient=True).scores["vqa_accuracy"] == 0.95


def test_wups_is_added_on_demand(tmp_path, annotations, monkeypatch):
    monkeypatch.setattr(vqa_accuracy, "wups", lambda given, right, threshold: threshold)
    results = _results(tmp_path / "r.json", {2: "2", 1: "yes"})
    scores = score_answers(results, annotations, with_wups=True).scores
    assert scores["wups_0.9"] == 0.9
    assert "wups_0.9" not in score_answers(results, annotations).scores


def test_numbers_and_strings_name_the_same_question(tmp_path, annotations):
    results = _results(tmp_path / "r.json", {"2": "3", 1: "yes"})
    assert score_answers(results, annotations).scores["accuracy"] == 1


def test_questions_without_an_answer_are_named(tmp_path, annotations):
    results = _results(tmp_path / "r.json", {1: "yes"})
    with pytest.raises(
        ValueError, match=r"r.json has no answer to question_id 2 of .*a.json.*--partial"
    ):
        score_answers(results, annotations)
    report = score_answers(results, annotations, partial=True)
    assert (report.questions, report.scores["accuracy"]) == (1, 1)


def test_answers_to_unknown_questions_are_named(tmp_path, annotations):
    results = _results(tmp_path / "r.json", dict.fromkeys(range(1, 9), "yes"))
    with pytest.raises(
        ValueError,
        match=r"a.json has no question_id 3, 4, 5, \.\.\. \(6 questions\), answered in .*r.json",
    ):
        score_answers(results, annotations, partial=True)


BAD_RESULTS = {
    "{}": "must be a JSON list of objects with a question_id and an answer, got an object",
    "[]": "got an empty list",
    "null": "got null",
    "[7]": "entry 0 must be an object, got 7",
    '[{"answer": "a"}]': 'entry 0 has no "question_id"',
    '[{"question_id": 1, "anwser": "a"}]': 'entry 0 has no "answer". Did you mean "anwser"?',
    '[{"question_id": 1.5, "answer": "a"}]': '"question_id" must be a number or a string, got 1.5',
    '[{"question_id": true, "answer": "a"}]': "got True",
    '[{"question_id": 1, "answer": 2}]': 'entry 0: "answer" must be a string, got 2',
    '[{"question_id": 1, "answer": null}]': '"answer" must be a string, got null',
    '[{"question_id": 1, "answer": "a"}, {"question_id": "1", "answer": "a"}]': (
        "entry 1: question_id '1' is there a second time (first: 0). A results file has one answer"
    ),
    '[\n{"question_id": 1,}]': "r.json, line 2, column 1",
    "[" * 100_000: "line 1: not usable JSON",
    "1" * 5000: "line 1: not usable JSON",
}


@pytest.mark.parametrize("content", BAD_RESULTS, ids=lambda content: content[:40])
def test_a_bad_results_file_is_refused_by_entry(tmp_path, content):
    path = tmp_path / "r.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"r\.json") as caught:
        read_answers(path)
    assert BAD_RESULTS[content] in str(caught.value)


BAD_ANNOTATIONS = {
    "[]": 'a JSON object with a list under "annotations" that is not empty, got an empty list',
    '{"annotations": []}': "got an object",
    '{"questions": [{}]}': "got the questions file",
    '{"annotations": ["a"]}': "annotations[0] must be an object, got a string",
    '{"annotations": [{"answers": []}]}': 'annotations[0] has no "question_id"',
    '{"annotations": [{"question_id": 7}]}': (
        'annotations[0] (question_id 7): "answers" must be a list of at least one '
        '{"answer": ...}, it has none'
    ),
    '{"annotations": [{"question_id": 7, "answers": []}]}': "got an empty list",
    '{"annotations": [{"question_id": 7, "answers": "yes"}]}': "got a string",
    '{"annotations": [{"question_id": 7, "answers": ["yes"]}]}': (
        "(question_id 7), answers[0] must be an object, got a string"
    ),
    '{"annotations": [{"question_id": 7, "answers": [{"answer": 2}]}]}': (
        '(question_id 7), answers[0]: "answer" must be a string, got 2'
    ),
    '{"annotations": [{"question_id": 7, "answers": [{"answer": "2"}], "answer_type": 1}]}': (
        '(question_id 7): "answer_type" must be a string, got 1'
    ),
}


@pytest.mark.parametrize("content", BAD_ANNOTATIONS, ids=lambda content: content[:60])
def test_a_bad_annotations_file_is_refused_by_entry_and_key(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.json") as caught:
        read_annotations(path)
    assert BAD_ANNOTATIONS[content] in str(caught.value)


def test_an_annotation_is_there_once(tmp_path):
    path = _annotations(tmp_path / "a.json", _annotation(5, "a"), _annotation("5", "b"))
    with pytest.raises(
        ValueError,
        match=r"a.json, annotation 1: question_id '5' is there a second time \(first: 0\)",
    ):
        read_annotations(path)


TABLES = {
    "a.csv": 'question_id,answer,question_type,answer_type\n7,dog,what,other\nx,"2|two",how,\n',
    "a.tsv": "id\tanswer\ttype\tanswer_type\n7\tdog\twhat\tother\n\nx\t2|two\thow\t\n",
    "a.jsonl": (
        '{"id": "7", "answer": "dog", "type": "what", "answer_type": "other"}\n\n'
        '{"id": "x", "answers": [2, "two"], "type": "how"}\r\n'
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_hold_several_answers_in_a_row(tmp_path, name):
    path = tmp_path / name
    path.write_text(TABLES[name], encoding="utf-8")
    assert read_annotations(path) == {
        "7": Annotation(("dog",), "what", "other"),
        "x": Annotation(("2", "two"), "how", ""),
    }


def test_rows_without_an_id_are_numbered_from_one(tmp_path):
    path = tmp_path / "questions.csv"
    path.write_bytes(
        b"\xef\xbb\xbfimage,question,answer\r\na.png,What?,dog\r\n\r\na.png,Who?,me\r\n"
    )
    assert list(read_annotations(path)) == [1, 2]


def test_a_number_needs_no_quotes_in_jsonl(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"question_id": 7, "answer": 2}', encoding="utf-8")
    assert read_annotations(path) == {7: Annotation(("2",))}


BAD_TABLES = [
    ("a.csv", "", "has no questions in it"),
    ("a.csv", "question_id,answer\n", "has no questions in it"),
    ("a.csv", "question_id,anser\n1,a\n", 'line 2 has no "answer". Did you mean "anser"?'),
    (
        "a.csv",
        'question_id,answer\n1,"a\nb"\n2,a,b\n',
        "line 4: expected 2 fields as in the header",
    ),
    ("a.csv", 'question_id,answer\n1,"a"b\n', "line 2: malformed"),
    ("a.csv", "question_id,answer\n1,a\n2, \n", 'line 3: "answer" is empty, or one of its answers'),
    ("a.csv", "question_id,answer\n1,a|\n", "line 2"),
    ("a.csv", "question_id,answer\n1,a\n1,b\n", "line 3: question_id '1' is there a second time"),
    ("a.jsonl", "[1]", "line 1 must be an object, got a list"),
    ("a.jsonl", '{"id": 1, "answer": "a"}\n{', "line 2, column 2: not valid JSON"),
    ("a.jsonl", '{"id": null, "answer": "a"}', '"id" must be a number or a string, got null'),
    ("a.jsonl", '{"id": 1, "answer": []}', 'line 1: "answer" is empty'),
    ("a.jsonl", '{"id": 1, "answer": [true]}', '"answer" must be a string, got True'),
    ("a.jsonl", '{"id": 1, "answer": {}}', '"answer" must be a string, got an object'),
    ("a.jsonl", '{"id": 1}', 'line 1 has no "answer"'),
    ("a.txt", "1\ta", "are read from .json, .csv, .tsv and .jsonl files"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_TABLES)
def test_a_bad_table_is_refused_by_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=name.replace(".", r"\.")) as caught:
        read_annotations(path)
    assert message in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*none.json"):
        read_answers(tmp_path / "none.json")


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "r.json"
    path.write_bytes(b'["caf\xe9"]')
    with pytest.raises(ValueError, match=r"r.json is not text in UTF-8 \(byte 5\)"):
        read_answers(path)


@pytest.mark.data
def test_the_sample_gets_its_official_scores(data_folder):
    root = data_folder / "vqa_v2_format_sample"
    report = score_answers(
        root / "v2_OpenEnded_mscoco_sample_results.json", root / "v2_mscoco_sample_annotations.json"
    )
    expected = json.loads((root / "expected_accuracy.json").read_text("utf-8"))["accuracy"]
    assert_close(100 * report.scores["vqa_accuracy"], expected["overall"], atol=5e-5, rtol=0)
    assert {row.name: round(100 * row.vqa_accuracy, 4) for row in report.per_question_type} == (
        expected["perQuestionType"]
    )
