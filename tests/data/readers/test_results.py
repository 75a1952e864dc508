import json

import pytest

from multimodal.data.readers.results import Answers, read_answers, read_references, read_results

CAPTIONS = {"1": "A dog runs.", "2": "A cat sleeps, there.", "3": ""}


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def annotation(key, *answers, **types):
    return {"question_id": key, "answers": [{"answer": answer} for answer in answers], **types}


def test_results_are_read_by_id_after_a_byte_order_mark(tmp_path):
    entries = [{"image_id": int(key), "caption": text} for key, text in CAPTIONS.items()]
    path = tmp_path / "r.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(entries).encode())
    assert read_results(path, "image_id", "caption") == CAPTIONS


BAD_RESULTS = {
    "{}": "must be a JSON list of objects with 'question_id' and 'answer', got dict",
    "[]": "got an empty list",
    "null": "got NoneType",
    "[7]": "r.json: entry 0 must be an object {...}, got 7",
    '[{"answer": "a"}]': "entry 0 has no 'question_id'",
    '[{"question_id": 1, "anwser": "a"}]': "entry 0 has no 'answer'; did you mean 'anwser'?",
    '[{"question_id": 1.5, "answer": "a"}]': "'question_id' must be a number or a text, got 1.5",
    '[{"question_id": true, "answer": "a"}]': "got True",
    '[{"question_id": 1, "answer": 2}]': "entry 0: 'answer' must be a text, got 2",
    '[{"question_id": 1, "answer": null}]': "'answer' must be a text, got null",
    '[{"question_id": 1, "answer": "a"}, {"question_id": "1", "answer": "a"}]': (
        "entry 1: the id '1' is already used at"
    ),
    '[\n{"question_id": 1,}]': "r.json:2:",
    "[" * 100_000: "r.json:1 is not usable JSON",
    "1" * 5000: "r.json:1 is not usable JSON",
    "": "r.json is empty",
}


@pytest.mark.parametrize("content", BAD_RESULTS, ids=lambda content: content[:40])
def test_a_bad_results_file_is_refused_by_entry(tmp_path, content):
    path = write(tmp_path / "r.json", content)
    with pytest.raises(ValueError, match=r"r\.json") as caught:
        read_results(path, "question_id", "answer")
    assert BAD_RESULTS[content] in str(caught.value)


def test_cocos_captions_are_references(tmp_path):
    notes = [{"image_id": 1, "caption": "A dog ."}, {"image_id": 1, "caption": "One dog ."}]
    path = write(tmp_path / "a.json", {"images": [], "annotations": notes})
    assert read_references(path) == {"1": ["A dog .", "One dog ."]}


def test_flickr_token_files_are_references(tmp_path):
    lines = "a#1.jpg#0\tA dog , here .\na#1.jpg#1\tDog\n\nb.jpg#0\tEin Hund läuft\n"
    path = write(tmp_path / "Flickr8k.token.txt", lines)
    assert read_references(path) == {
        "a#1.jpg": ["A dog , here .", "Dog"],
        "b.jpg": ["Ein Hund läuft"],
    }


def test_flickr_captions_files_are_references(tmp_path):
    lines = 'image,caption\na.jpg,A dog .\na.jpg,"A dog , here ."\nb.jpg,A cat\n'
    path = write(tmp_path / "captions.txt", lines)
    assert read_references(path) == {"a.jpg": ["A dog .", "A dog , here ."], "b.jpg": ["A cat"]}


BAD_REFERENCES = [
    ("a.json", "[]", "a.json must be an object {...}, got a list"),
    ("a.json", '{"annotations": 5}', "'annotations' must be a list, got 5"),
    ("a.json", '{"annotations": [{"image_id": 1}]}', "annotations[0] has no 'caption'"),
    ("a.json", '{"annotations": []}', "has no captions"),
    ("a.txt", "", "has no captions"),
    ("a.txt", "a.jpg#0\tA\nsomething", "a.txt:2 must read NAME#NUMBER, a tab and a caption"),
    ("a.txt", "image,caption\na.jpg,b\na.jpg,A dog, here\n", "a.txt:3 has 3 fields"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_REFERENCES)
def test_a_bad_references_file_is_refused_by_line(tmp_path, name, content, message):
    path = write(tmp_path / name, content)
    with pytest.raises(ValueError, match=name.replace(".", r"\.")) as caught:
        read_references(path)
    assert message in str(caught.value)


def test_annotations_hold_all_answers_and_the_types(tmp_path):
    entries = [annotation(7, "Yes.", "no", question_type="is it", answer_type="yes/no")]
    path = write(tmp_path / "a.json", {"annotations": entries})
    assert read_answers(path) == {"7": Answers(("Yes.", "no"), "is it", "yes/no")}


BAD_ANNOTATIONS = {
    "[]": "a.json must be an object {...}, got a list",
    '{"annotations": []}': "has no questions",
    '{"questions": [{}]}': "has no 'annotations'; there is 'questions'",
    '{"annotations": ["a"]}': "annotations[0] must be an object {...}, got a text",
    '{"annotations": [{"answers": []}]}': "annotations[0] has no 'question_id'",
    '{"annotations": [{"question_id": 7}]}': "annotations[0] has no 'answers'",
    '{"annotations": [{"question_id": 7, "answers": []}]}': "(question 7) has no answers",
    '{"annotations": [{"question_id": 7, "answers": "yes"}]}': "'answers' must be a list",
    '{"annotations": [{"question_id": 7, "answers": [7]}]}': (
        "annotations[0].answers must be an object {...}, got 7"
    ),
    '{"annotations": [{"question_id": 7, "answers": [{"answer": 2}]}]}': (
        "annotations[0].answers: 'answer' must be a text, got 2"
    ),
    '{"annotations": [{"question_id": 7, "answers": [{"answer": "2"}], "answer_type": 1}]}': (
        "annotations[0]: 'answer_type' must be a text, got 1"
    ),
}


@pytest.mark.parametrize("content", BAD_ANNOTATIONS, ids=lambda content: content[:60])
def test_a_bad_annotations_file_is_refused_by_entry_and_key(tmp_path, content):
    path = write(tmp_path / "a.json", content)
    with pytest.raises(ValueError, match=r"a\.json") as caught:
        read_answers(path)
    assert BAD_ANNOTATIONS[content] in str(caught.value)


def test_a_question_is_annotated_once(tmp_path):
    entries = [annotation(5, "a"), annotation("5", "b")]
    path = write(tmp_path / "a.json", {"annotations": entries})
    with pytest.raises(ValueError, match=r"a\.json: annotations\[1\]: the id '5' is already used"):
        read_answers(path)


TABLES = {
    "a.csv": 'question_id,answer,question_type,answer_type\n7,dog,what,other\nx,"2|two",how,\n',
    "a.tsv": "id\tanswer\ttype\tanswer_type\n7\tdog\twhat\tother\n\nx\t2|two\thow\t\n",
    "a.jsonl": (
        '{"id": 7, "answer": "dog", "type": "what", "answer_type": "other"}\n\n'
        '{"id": "x", "answers": [2, "two"], "type": "how"}\r\n'
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_hold_several_answers_in_a_row(tmp_path, name):
    assert read_answers(write(tmp_path / name, TABLES[name])) == {
        "7": Answers(("dog",), "what", "other"),
        "x": Answers(("2", "two"), "how", ""),
    }


def test_rows_without_an_id_are_numbered_from_one(tmp_path):
    path = tmp_path / "questions.csv"
    path.write_bytes(
        b"\xef\xbb\xbfimage,question,answer\r\na.png,What?,dog\r\n\r\na.png,Who?,me\r\n"
    )
    assert list(read_answers(path)) == ["1", "2"]


BAD_TABLES = [
    ("a.csv", "", "the file is empty"),
    ("a.csv", "question_id,answer\n", "has no questions"),
    ("a.csv", "question_id,anser\n1,a\n", "a.csv:2 has no 'answer'; did you mean 'anser'?"),
    ("a.csv", 'question_id,answer\n1,"a\nb"\n2,a,b\n', "a.csv:4 has 3 fields, the header has 2"),
    ("a.csv", 'question_id,answer\n1,"a"b\n', "a.csv:2 is malformed"),
    ("a.csv", "question_id,answer\n1,a\n2, \n", "a.csv:3: the answer is empty"),
    ("a.csv", "question_id,answer\n1,a|\n", "a.csv:2: the answer is empty"),
    ("a.csv", "question_id,answer\n1,a\n1,b\n", "a.csv:3: the id '1' is already used at"),
    ("a.jsonl", "[1]", "a.jsonl:1 must be an object {...}, got [1]"),
    ("a.jsonl", '{"id": 1, "answer": "a"}\n{', "a.jsonl:2:2 is not valid JSON"),
    ("a.jsonl", '{"id": null, "answer": "a"}', "'id' must be a number or a text, got None"),
    ("a.jsonl", '{"id": 1, "answer": []}', "a.jsonl:1: the question has no answers"),
    ("a.jsonl", '{"id": 1, "answer": [true]}', "'answer' must be a text or a list of texts"),
    ("a.jsonl", '{"id": 1, "answer": {}}', "'answer' must be a text or a list of texts"),
    ("a.jsonl", '{"id": 1}', "a.jsonl:1 has no 'answer'"),
    ("a.txt", "1\ta", "are read from .json, .csv, .tsv and .jsonl files"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_TABLES)
def test_a_bad_table_is_refused_by_line(tmp_path, name, content, message):
    path = write(tmp_path / name, content)
    with pytest.raises(ValueError, match=name.replace(".", r"\.")) as caught:
        read_answers(path)
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No file .*none\.json"):
        read_results(tmp_path / "none.json", "image_id", "caption")


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "r.json"
    path.write_bytes(b'["caf\xe9"]')
    with pytest.raises(ValueError, match=r"r\.json:1 is not UTF-8 \(byte 0xe9\)"):
        read_results(path, "image_id", "caption")
