import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from samples import SAMPLES, edit_json

from multimodal.data.examples import ImageFile, Question, QuestionExample
from multimodal.data.readers.vqa import read_vqa

SAMPLE = SAMPLES / "vqa"
QUESTIONS = "v2_OpenEnded_mscoco_{}_questions.json"
ANNOTATIONS = "v2_mscoco_{}_annotations.json"


def rename(root: Path, subset: str, questions: str, annotations: str) -> None:
    for old, new in ((QUESTIONS, questions), (ANNOTATIONS, annotations)):
        (root / new).parent.mkdir(exist_ok=True)
        (root / old.format(subset)).rename(root / new)


@pytest.mark.parametrize("split", ["train", "train2014"])
def test_the_sample_is_read_exactly_from_its_archive(split):
    first, second = read_vqa(SAMPLE, split)
    member = "train2014/COCO_train2014_000000000001.jpg"
    assert first == QuestionExample(
        ImageFile(SAMPLE / "train2014.zip", member),
        (
            Question(
                "How many objects are there?",
                ("4",) * 8 + ("four",) * 2, 10, "how many", "number",
            ),
            Question(
                "Is there a red circle?", ("yes",) * 8 + ("no",) * 2, 11, "is there a", "yes/no"
            ),
            Question(
                "What color is the circle?",
                ("red",) * 8 + ("bright red",) * 2, 12, "what color is the", "other",
            ),
            Question(
                "Are there more squares than stars?",
                ("no",) * 8 + ("yes",) * 2, 13, "are there", "yes/no",
            ),
        ),
        1,
    )  # fmt: skip
    assert [question.question_id for question in second.questions] == [20, 21, 22, 23]


@pytest.mark.parametrize("split", ["val", "dev", "val2014"])
def test_another_split_has_its_own_folder(split):
    (example,) = read_vqa(SAMPLE, split)
    assert example.image == ImageFile(SAMPLE / "val2014" / "COCO_val2014_000000000001.jpg")


def test_a_test_split_may_lack_its_answers():
    (example,) = read_vqa(SAMPLE, "test")
    assert example.image.name == "COCO_test2015_000000000001.jpg"
    assert example.questions[0] == Question("How many objects are there?", (), 10)


def test_test_dev_asks_about_the_pictures_of_test(root):
    shutil.copy(root / QUESTIONS.format("test2015"), root / QUESTIONS.format("test-dev2015"))
    assert read_vqa(root, "test-dev") == read_vqa(root, "test")


def test_version_1_has_other_names_and_folders(root):
    rename(
        root, "val2014",
        "Questions/OpenEnded_mscoco_val2014_questions.json",
        "Annotations/mscoco_val2014_annotations.json",
    )  # fmt: skip
    shutil.copy(
        root / "Questions" / "OpenEnded_mscoco_val2014_questions.json",
        root / "Questions" / "MultipleChoice_mscoco_val2014_questions.json",
    )
    assert read_vqa(root, "val") == read_vqa_of_sample(root, "val")


def read_vqa_of_sample(root: Path, split: str) -> list[QuestionExample]:
    return [
        QuestionExample(ImageFile(root / e.image.path.relative_to(SAMPLE)), e.questions, e.image_id)
        for e in read_vqa(SAMPLE, split)
    ]


def test_files_and_pictures_may_be_named(root):
    rename(root, "val2014", "my_val_q.json", "my_val_a.json")
    (root / "val2014").rename(root / "photos")
    (root / "photos" / "COCO_val2014_000000000001.jpg").rename(root / "photos" / "p1.jpg")
    (example,) = read_vqa(
        root, "val", questions="my_{split}_q.json", annotations="my_{split}_a.json",
        images="photos", image_names="p{id}.jpg",
    )  # fmt: skip
    assert example.image == ImageFile(root / "photos" / "p1.jpg")
    assert len(example.questions[3].answers) == 10


def test_annotations_go_by_the_name_of_the_questions(root):
    rename(root, "val2014", "mine_val_questions.json", "mine_val_annotations.json")
    assert (
        len(read_vqa(root, "val", images="val2014", image_names="COCO_val2014_{id:012d}.jpg")) == 1
    )


def test_other_usual_names_of_pictures_are_found(root):
    folder = root / "val2014"
    (folder / "COCO_val2014_000000000001.jpg").rename(folder / "000000000001.jpg")
    assert read_vqa(root, "val")[0].image.name == "000000000001.jpg"


def test_an_image_id_may_be_a_file_name(root):
    for path in (root / QUESTIONS.format("val2014"), root / ANNOTATIONS.format("val2014")):
        text = path.read_text().replace(
            '"image_id": 1', '"image_id": "COCO_val2014_000000000001.jpg"'
        )
        path.write_text(text)
    (example,) = read_vqa(root, "val")
    assert example.image_id == example.image.name


def test_answers_stay_as_people_wrote_them_and_equal_ones_are_one_object(root):
    path = root / ANNOTATIONS.format("val2014")

    def change(content):
        for answer in content["annotations"][0]["answers"]:
            answer["answer"] = "Two "
        content["annotations"][0]["answers"][9]["answer"] = ""

    edit_json(path, change)
    answers = read_vqa(root, "val")[0].questions[0].answers
    assert answers == ("Two ",) * 9 + ("",)
    assert len(set(map(id, answers))) == 2


def test_types_may_be_missing_and_answers_plain_texts(root):
    def change(content):
        for note in content["annotations"]:
            del note["question_type"], note["answer_type"]
            note["answers"] = [answer["answer"] for answer in note["answers"]]

    edit_json(root / ANNOTATIONS.format("val2014"), change)
    (example,) = read_vqa(root, "val")
    assert [q.answer_type for q in example.questions] == ["number", "yes/no", "other", "yes/no"]
    assert {q.question_type for q in example.questions} == {""}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("questions"), r"questions\.json has no 'questions'; there is 'task_type'"),
        (lambda c: c.update(questions=[]), r"train2014_questions\.json has no questions"),
        (lambda c: c["questions"].append(7), r"questions\[8\] must be an object \{\.\.\.\}, got 7"),
        (lambda c: c["questions"][2].pop("question"), r"questions\[2\] has no 'question'"),
        (lambda c: c["questions"][2].update(question=" "), r"questions\[2\]: the question is"),
        (lambda c: c["questions"][2].pop("question_id"), r"questions\[2\] has no 'question_id'"),
        (lambda c: c["questions"][2].pop("image_id"), r"questions\[2\] has no 'image_id'"),
        (
            lambda c: c["questions"][2].update(image_id=None),
            r"questions\[2\]: 'image_id' must be a number or a text, got None",
        ),
        (
            lambda c: c["questions"][2].update(question_id=10),
            r"questions\[2\]: the question id 10 is already used at questions\[0\]; ids must",
        ),
        (
            lambda c: c["questions"].append({**c["questions"][0], "question_id": 99}),
            r"questions\.json asks 1 questions that v2_mscoco_train2014_annotations\.json does not "
            r"answer: ids 99\. Use two files that belong together",
        ),
    ],
)  # fmt: skip
def test_a_wrong_question_is_named(root, change, message):
    edit_json(root / QUESTIONS.format("train2014"), change)
    with pytest.raises(ValueError, match=message) as caught:
        read_vqa(root, "train")
    assert QUESTIONS.format("train2014") in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("annotations"), r"annotations\.json has no 'annotations'"),
        (
            lambda c: c["annotations"][3].update(answers=[]),
            r"annotations\[3\] \(question 13\) has no answers; add some",
        ),
        (
            lambda c: c["annotations"][3].update(answers=[{"answer": " ", "answer_id": 1}]),
            r"annotations\[3\] \(question 13\) has no answers",
        ),
        (lambda c: c["annotations"][3].pop("answers"), r"annotations\[3\] has no 'answers'"),
        (
            lambda c: c["annotations"][3].update(answers="yes"),
            r"annotations\[3\]: 'answers' must be a list, got a text",
        ),
        (
            lambda c: c["annotations"][3]["answers"][0].pop("answer"),
            r"annotations\[3\]\.answers has no 'answer'",
        ),
        (
            lambda c: c["annotations"][3]["answers"][0].update(answer=None),
            r"annotations\[3\]\.answers: 'answer' must be a text, got null",
        ),
        (
            lambda c: c["annotations"][3].update(answer_type=7),
            r"annotations\[3\]: 'answer_type' must be a text, got 7",
        ),
        (
            lambda c: c["annotations"][3].update(question_id=10),
            r"annotations\[3\]: the question id 10 is already used at annotations\[0\]",
        ),
        (
            lambda c: c["annotations"].append({**c["annotations"][0], "question_id": "x"}),
            r"annotations\.json answers 1 questions that v2_OpenEnded_mscoco_train2014_questions"
            r"\.json does not ask: ids x\. Use two files",
        ),
        (
            lambda c: c.update(annotations=c["annotations"][:3]),
            r"questions\.json asks 5 questions that .* does not answer: ids 13, 20, 21 \.\.\.",
        ),
        (
            lambda c: c["annotations"][3].update(image_id=2),
            r"annotations\[3\] says that question 13 is about image 2, "
            r"v2_OpenEnded_mscoco_train2014_questions\.json: questions\[3\] says image 1\. Use two",
        ),
    ],
)
def test_a_wrong_annotation_is_named(root, change, message):
    edit_json(root / ANNOTATIONS.format("train2014"), change)
    with pytest.raises(ValueError, match=message) as caught:
        read_vqa(root, "train")
    assert ANNOTATIONS.format("train2014") in str(caught.value)


@pytest.mark.parametrize("name", [QUESTIONS, ANNOTATIONS])
def test_an_empty_file_is_named(root, name):
    path = root / name.format("train2014")
    path.write_text("")
    with pytest.raises(ValueError, match=rf"{path.name} is empty; it should hold JSON"):
        read_vqa(root, "train")


@pytest.mark.parametrize("pattern", ["image.jpg", "{number}.jpg", "{}.jpg", "{id", "{id:x.y}.jpg"])
def test_a_pattern_without_the_number_is_refused(pattern):
    with pytest.raises(ValueError, match=r"`image_names` must hold .* such as image\{id\}\.jpg or"):
        read_vqa(SAMPLE, "train", image_names=pattern)


def test_only_test_may_lack_its_annotations(root):
    (root / ANNOTATIONS.format("val2014")).unlink()
    message = r"No v2_mscoco_val2014_annotations\.json in .* for v2_OpenEnded_mscoco_val2014_quest"
    with pytest.raises(FileNotFoundError, match=message):
        read_vqa(root, "val")


def test_two_versions_need_a_choice(root):
    shutil.copy(
        root / QUESTIONS.format("val2014"), root / "OpenEnded_mscoco_val2014_questions.json"
    )
    message = r"several files \*val\*_questions\.json: OpenEnded_mscoco_.*\. Name one with `que"
    with pytest.raises(ValueError, match=message):
        read_vqa(root, "val")
    assert len(read_vqa(root, "val", questions=QUESTIONS.format("val2014"))) == 1


def test_a_missing_file_of_questions_is_named(root):
    message = r"No \*part\*_questions\.json in .* there is v2_Op"
    with pytest.raises(FileNotFoundError, match=message):
        read_vqa(root, "part")
    with pytest.raises(FileNotFoundError, match=r"No file .*none\.json\. Check the path"):
        read_vqa(root, "val", questions="none.json", annotations=ANNOTATIONS.format("val2014"))


def test_reading_needs_no_torch():
    code = "import sys, multimodal.data.readers; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.data
def test_the_format_sample_is_read_without_its_images(data_folder, tmp_path):
    root = Path(shutil.copytree(data_folder / "vqa_v2_format_sample", tmp_path / "sample"))
    with pytest.raises(FileNotFoundError, match=r"that are not there: COCO_sample_000000000500"):
        read_vqa(root, "sample")
    (root / "sample").mkdir()
    questions = json.loads((root / QUESTIONS.format("sample")).read_text())["questions"]
    for record in questions:
        (root / "sample" / f"COCO_sample_{record['image_id']:012d}.jpg").touch()
    examples = [q for example in read_vqa(root, "sample") for q in example.questions]
    assert len(examples) == 60
    assert {len(question.answers) for question in examples} == {10}
    assert examples[0].answers[:2] == ("10:30", "half past ten")


@pytest.mark.data
def test_daquar_in_this_layout_is_read_from_its_archive(data_folder):
    examples = read_vqa(data_folder / "daquar", "train")
    assert len(examples) == 794
    assert sum(len(example.questions) for example in examples) == 6795
    assert examples[0].image == ImageFile(
        data_folder / "daquar" / "images_train.zip", "images/image3.jpg"
    )
    assert examples[0].questions[2].answers == ("book, scissor, papers, tape_dispenser",)
