import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from torch.testing import assert_close

from multimodal.cli.main import main
from multimodal.cli.score import run
from multimodal.metrics import caption_scores
from multimodal.text import tokenize

vqa_accuracy = importlib.import_module("multimodal.metrics.vqa_accuracy")  # not the function


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
        (["captions", "a"], "REFERENCES is missing. `multimodal score captions --help`"),
        (["captions", "a", "b", "--jsn"], "Unknown option --jsn. Did you mean --json?"),
        (["vqa", "a"], "ANNOTATIONS is missing. `multimodal score vqa --help`"),
        (["vqa", "a", "b", "--lenent"], "Unknown option --lenent. Did you mean --lenient?"),
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


REFERENCES = {
    1: ["A dog runs over the green grass.", "A brown dog is running."],
    2: ["Two children play with a ball.", "Kids are playing football."],
}
CAPTIONS = {1: "a dog runs over the grass", 2: "two children play"}


@pytest.fixture
def captions_file(tmp_path):
    path = tmp_path / "results.json"
    entries = [{"image_id": key, "caption": text} for key, text in CAPTIONS.items()]
    path.write_text(json.dumps(entries))
    return path


@pytest.fixture
def references(tmp_path):
    path = tmp_path / "captions_val.json"
    notes = [
        {"image_id": key, "caption": text} for key, texts in REFERENCES.items() for text in texts
    ]
    path.write_text(json.dumps({"annotations": notes}))
    return path


@pytest.fixture(params=[True, False], ids=["with WordNet", "without WordNet"])
def wordnet(request, monkeypatch):
    """METEOR's corpus is there, or not, whatever this machine has."""
    monkeypatch.setattr("multimodal.metrics.meteor.wordnet_is_there", lambda: request.param)

    def scores(*arguments, with_meteor=True):
        found = caption_scores(*arguments, with_meteor=False)
        return {**found, **({"meteor": 0.25} if request.param and with_meteor else {})}

    monkeypatch.setattr("multimodal.metrics.captions.caption_scores", scores)
    return request.param


def expected():
    words = [tokenize(text) for text in CAPTIONS.values()]
    known = [[tokenize(text) for text in texts] for texts in REFERENCES.values()]
    return caption_scores(words, known, with_meteor=False)


def test_the_table_names_every_metric_times_100(captions_file, references, wordnet, capsys):
    assert run(["captions", str(captions_file), str(references)]) == 0
    title, *rows = capsys.readouterr().out.splitlines()
    assert title == f"{captions_file}: 2 captions; scores times 100, as in papers"
    names = ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D"]
    found = {row.rpartition(" ")[0].strip(): row.rpartition(" ")[2] for row in rows}
    assert list(found)[:6] == names
    for name, score in zip(names, expected().values(), strict=True):
        assert found[name] == f"{100 * score:.2f}"


def test_meteor_is_named_after_nltk_or_reported_as_missing(
    captions_file, references, wordnet, capsys
):
    assert run(["captions", str(captions_file), str(references)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    if wordnet:
        assert last == "METEOR (nltk)   25.00"
    else:
        assert last.startswith(
            "METEOR (nltk) was left out: WordNet is missing. Get it with `python"
        )


def test_meteor_is_left_out_on_demand(captions_file, references, wordnet, capsys):
    assert run(["captions", str(captions_file), str(references), "--no-meteor"]) == 0
    assert "METEOR" not in capsys.readouterr().out


def test_json_holds_fractions(captions_file, references, capsys):
    assert run(["captions", str(captions_file), str(references), "--json", "--no-meteor"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values == {"images": 2, **expected()}


def test_a_flickr_token_file_is_a_reference_file(tmp_path, capsys):
    lines = [f"{key}.jpg#{n}\t{text}" for key, texts in REFERENCES.items()
             for n, text in enumerate(texts)]  # fmt: skip
    (tmp_path / "token.txt").write_text("\n".join(lines))
    entries = [{"image_id": f"{key}.jpg", "caption": text} for key, text in CAPTIONS.items()]
    (tmp_path / "results.json").write_text(json.dumps(entries))
    call = [str(tmp_path / "results.json"), str(tmp_path / "token.txt")]
    assert run(["captions", *call, "--json", "--no-meteor"]) == 0
    assert json.loads(capsys.readouterr().out) == {"images": 2, **expected()}


def test_numbers_of_flickr_photos_name_the_photos(tmp_path, capsys):
    (tmp_path / "token.txt").write_text("1000_693b08cb0e.jpg#0\ta dog runs\n")
    (tmp_path / "results.json").write_text('[{"image_id": 1000, "caption": "a dog runs"}]')
    files = [str(tmp_path / "results.json"), str(tmp_path / "token.txt")]
    assert run(["captions", *files, "--json", "--no-meteor"]) == 0
    assert json.loads(capsys.readouterr().out)["bleu1"] == pytest.approx(1)


def test_images_without_references_are_named(captions_file, references, capsys):
    entries = [{"image_id": number, "caption": "A dog."} for number in range(1, 8)]
    captions_file.write_text(json.dumps(entries))
    assert main(["score", "captions", str(captions_file), str(references), "--partial"]) == 1
    error = capsys.readouterr().err
    assert f"{references} has no image_id 3, 4, 5, ... (5 images), which {captions_file}" in error


def test_some_of_the_images_need_partial(captions_file, references, capsys):
    captions_file.write_text(json.dumps([{"image_id": 1, "caption": CAPTIONS[1]}]))
    assert main(["score", "captions", str(captions_file), str(references)]) == 1
    assert "pass --partial" in capsys.readouterr().err
    assert run(["captions", str(captions_file), str(references), "--partial", "--no-meteor"]) == 0
    assert "1 captions" in capsys.readouterr().out


def test_a_missing_file_is_a_sentence_and_code_1(references, capsys):
    assert main(["score", "captions", "nothing.json", str(references)]) == 1
    assert capsys.readouterr().err == "multimodal: No file nothing.json. Check the path.\n"


def test_malformed_json_is_named_with_its_line(captions_file, references, capsys):
    captions_file.write_text('[{"image_id": 1,\n "caption"}]')
    assert main(["score", "captions", str(captions_file), str(references)]) == 1
    assert "results.json:2:" in capsys.readouterr().err


PEOPLE = {
    1: ("is it", "yes/no", 10 * ["yes"]),
    2: ("how many", "number", 3 * ["two"] + 7 * ["3"]),
    3: ("how many", "number", 10 * ["4"]),
}
GIVEN = {1: "Yes.", 2: "2", 3: "4"}


@pytest.fixture
def answers_file(tmp_path):
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


def test_the_tables_are_overall_and_by_type(answers_file, annotations, capsys):
    assert run(["vqa", str(answers_file), str(annotations)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{answers_file}: 3 answers; scores times 100, as in papers",
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


def test_the_lenient_mode_is_named(answers_file, annotations, capsys):
    assert run(["vqa", str(answers_file), str(annotations), "--lenient"]) == 0
    title, official, *_ = capsys.readouterr().out.splitlines()
    assert title.endswith("as in papers (VQA accuracy: lenient)")
    assert official == "VQA accuracy   96.67"


def test_json_holds_fractions_and_the_types(answers_file, annotations, capsys):
    assert run(["vqa", str(answers_file), str(annotations), "--json"]) == 0
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


def test_single_answers_have_no_official_accuracy(answers_file, table, capsys):
    assert run(["vqa", str(answers_file), str(table), "--lenient"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{answers_file}: 3 answers; scores times 100, as in papers",
        "accuracy   66.67",
        "",
        "question type  questions  accuracy",
        "how many               2     50.00",
        "is it                  1    100.00",
    ]
    assert run(["vqa", str(answers_file), str(table), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert "vqa_accuracy" not in values
    assert values["per_question_type"]["is it"] == {"questions": 1, "accuracy": 1}


def test_types_with_too_few_answers_have_a_dash(answers_file, tmp_path, capsys):
    path = tmp_path / "mixed.csv"
    path.write_text("id,type,answer\n1,is it,yes\n2,how,2|2|2|2|3\n3,how,4|4|4|4|3\n")
    assert run(["vqa", str(answers_file), str(path)]) == 0
    assert (
        capsys.readouterr().out.splitlines()[-1]
        == "is it                  1             -    100.00"
    )


def test_wups_is_listed_last(answers_file, table, monkeypatch, capsys):
    monkeypatch.setattr(vqa_accuracy, "wups", lambda given, right, threshold: 0.5 - threshold / 2)
    assert run(["vqa", str(answers_file), str(table), "--wups"]) == 0
    assert capsys.readouterr().out.splitlines()[1:4] == [
        "accuracy   66.67",
        "WUPS 0.9    5.00",
        "WUPS 0.0   50.00",
    ]


def test_some_of_the_questions_need_partial(answers_file, annotations, capsys):
    answers_file.write_text('[{"question_id": 2, "answer": "3"}]')
    assert main(["score", "vqa", str(answers_file), str(annotations)]) == 1
    error = capsys.readouterr().err
    assert "has no answer for question_id 1, 3 of" in error
    assert "pass --partial" in error
    assert run(["vqa", str(answers_file), str(annotations), "--partial"]) == 0
    assert "1 answers" in capsys.readouterr().out


def test_answers_to_unknown_questions_are_named(answers_file, annotations, capsys):
    answers_file.write_text('[{"question_id": 7, "answer": "3"}]')
    assert main(["score", "vqa", str(answers_file), str(annotations), "--partial"]) == 1
    assert f"{annotations} has no question_id 7, which {answers_file}" in capsys.readouterr().err


def test_a_mistake_in_a_file_is_a_sentence_and_code_1(answers_file, annotations, capsys):
    annotations.write_text('{"annotations": [{"question_id": 1, "answers": []}]}')
    assert main(["score", "vqa", str(answers_file), str(annotations)]) == 1
    assert capsys.readouterr().err == (
        f"multimodal: {annotations}: annotations[0] (question 1) has no answers; add some, or "
        "remove the annotation and its question.\n"
    )


@pytest.mark.data
def test_the_sample_prints_the_official_numbers(capsys):
    root = Path(os.environ["MULTIMODAL_DATA"]) / "vqa_v2_format_sample"
    files = ("v2_OpenEnded_mscoco_sample_results.json", "v2_mscoco_sample_annotations.json")
    assert run(["vqa", *[str(root / name) for name in files]]) == 0
    assert "VQA accuracy   74.33\n" in capsys.readouterr().out


@pytest.mark.data
def test_the_sample_gets_its_official_scores_by_type(capsys):
    root = Path(os.environ["MULTIMODAL_DATA"]) / "vqa_v2_format_sample"
    files = ("v2_OpenEnded_mscoco_sample_results.json", "v2_mscoco_sample_annotations.json")
    assert run(["vqa", *[str(root / name) for name in files], "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    expected = json.loads((root / "expected_accuracy.json").read_text("utf-8"))["accuracy"]
    assert_close(100 * scores["vqa_accuracy"], expected["overall"], atol=5e-5, rtol=0)
    by_type = scores["per_question_type"]
    assert {name: round(100 * row["vqa_accuracy"], 4) for name, row in by_type.items()} == (
        expected["perQuestionType"]
    )


@pytest.mark.data
def test_cocos_results_file_gets_its_stored_scores(capsys):
    root = Path(os.environ["MULTIMODAL_DATA"]) / "coco_tiny"
    results = root / "fakecap_50" / "fakecap_50_results.json"
    references = root / "annotations" / "captions_train2017.json"
    assert run(["captions", str(results), str(references), "--no-meteor", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    gold = json.loads((root / "fakecap_50" / "fakecap_50_gold.json").read_text("utf-8"))["scores"]
    del gold["METEOR"], scores["images"]
    assert_close(list(scores.values()), list(gold.values()), atol=1e-6, rtol=0)
