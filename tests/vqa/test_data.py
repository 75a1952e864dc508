import json
import shutil
from pathlib import Path

import pytest

from multimodal.data.transforms import TransformSettings
from multimodal.saving.checkpoint import SavedModel
from multimodal.text import SPECIALS
from multimodal.vqa.data import AnswerSettings, QuestionText, VQAData

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
SCENES = {"train": 12, "val": 4, "test": 4, "questions": 5}


def tiny(**changes) -> VQAData:
    settings = {"transform": TransformSettings(size=48), "batch_size": 4}
    scenes = {} if "format" in changes else {"options": SCENES}
    return VQAData(**{**settings, **scenes, **changes})


def test_scenes_come_with_questions_of_their_own():
    data = tiny()
    (first, *_) = data.train_dataloader()
    assert first.images.shape == (4, 3, 48, 48)
    assert len(first.questions) == 20
    assert len({question.question_id for question in data.questions("train")}) == 60
    assert data.vocabulary[:4] == ["<pad>", "<bos>", "<eos>", "<unk>"]
    assert set(data.answers) >= {q.answers[0] for q in data.questions("train")}


@pytest.mark.parametrize(
    ("format_", "sample"),
    [
        ("vqa", "vqa"),
        ("clevr", "clevr"),
        ("easy_vqa", "easy_vqa"),
        ("daquar", "daquar"),
        ("table", "questions_csv"),
        ("table", "questions_jsonl"),
        ("table", "questions_tsv"),
    ],
)
def test_every_accepted_format_gives_batches(format_, sample):
    data = tiny(format=format_, root=str(SAMPLES / sample))
    batches = list(data.train_dataloader())
    asked = list(data.questions("train"))
    assert sum(len(batch.questions) for batch in batches) == len(asked) > 0
    assert all(batch.labels.max() < len(data.answers) for batch in batches)


def test_a_holdout_keeps_the_questions_of_an_image_together():
    data = tiny(format="easy_vqa", root=str(SAMPLES / "easy_vqa"), holdout=0.5)
    train, val = data.examples("train"), data.examples("val")
    assert len(train) > 0
    assert len(val) > 0
    assert not {example.image_id for example in train} & {example.image_id for example in val}


def test_the_answers_of_a_checkpoint_replace_those_of_the_data():
    data = tiny()
    data.adopt(
        SavedModel("vqa", {}, [*SPECIALS, "is"], {"size": 56}, {}, {"answers": ["no", "yes"]})
    )
    assert data.answers == ["no", "yes"]
    assert data.vocabulary[4:] == ["is"]
    assert data.eval_transform["size"] == 56
    (first, *_) = data.train_dataloader()
    assert first.scores.shape[1] == 2
    assert -1 in first.labels.tolist()


def test_few_answers_can_be_asked_for():
    assert len(tiny(answers=AnswerSettings(max_answers=3)).answers) == 3


@pytest.mark.parametrize("answer", ["the", "?!", "a|an"])
def test_a_table_whose_answers_say_nothing_is_named(answer, tmp_path):
    folder = shutil.copytree(SAMPLES / "questions_csv", tmp_path / "mine")
    rows = [f"scene_0.png,Is it {word}?,{answer},train" for word in ("red", "blue")]
    (folder / "questions.csv").write_text("\n".join(["image,question,answer,split", *rows]))
    data = tiny(format="table", root=str(folder), options={"file": "questions.csv"})
    message = (
        r"The 2 training questions of .*mine/questions\.csv have no answers \(articles and pun"
    )
    with pytest.raises(ValueError, match=message):
        _ = data.answers


def test_annotations_whose_answers_say_nothing_are_named(tmp_path):
    folder = shutil.copytree(SAMPLES / "vqa", tmp_path / "vqa")
    path = folder / "v2_mscoco_train2014_annotations.json"
    content = json.loads(path.read_text("utf-8"))
    for annotation in content["annotations"]:
        annotation["answers"] = [{"answer": "the", "answer_id": 1}]
    path.write_text(json.dumps(content))
    questions = "v2_OpenEnded_mscoco_{split}2014_questions.json"
    annotations = "v2_mscoco_{split}2014_annotations.json"
    options = {"questions": questions, "annotations": annotations}
    data = tiny(format="vqa", root=str(folder), options=options)
    message = r"The 8 training questions of .*train2014_questions\.json have no answers .*`annot"
    with pytest.raises(ValueError, match=message):
        _ = data.answers


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({}, "the scenes"),
        ({"format": "vqa", "root": str(SAMPLES / "vqa")}, r".*samples/vqa"),
        ({"format": "easy_vqa", "root": str(SAMPLES / "easy_vqa")}, r".*samples/easy_vqa"),
    ],
    ids=["scenes", "vqa", "easy_vqa"],
)
def test_no_answer_that_is_common_enough_is_refused_by_the_settings_name(options, place):
    data = tiny(answers=AnswerSettings(min_count=1000), **options)
    message = rf"^No answer is the commonest of 1,000 training questions of {place}, so that none "
    with pytest.raises(
        ValueError, match=rf"{message}is left to learn\. Lower `answers\.min_count`\."
    ):
        _ = data.answers


def test_no_examples_leave_no_answers():
    few = AnswerSettings(max_answers=9)
    data = tiny(options={**SCENES, "train": 0}, answers=few)
    with pytest.raises(ValueError, match=r"The 0 training questions of the scenes have no answers"):
        _ = data.answers


@pytest.mark.parametrize(("name", "value", "least"), [("min_count", 0, 1), ("max_answers", -1, 0)])
def test_limits_of_the_answers_are_refused_by_the_settings_name(name, value, least):
    with pytest.raises(ValueError, match=rf"`answers.{name}` must be {least} or more"):
        _ = tiny(answers=AnswerSettings(**{name: value})).answers


def test_the_compositional_world_is_another():
    assert tiny(options={**SCENES, "compositional": True}).examples("train") != tiny().examples(
        "train"
    )


def test_questions_of_an_image_are_drawn_anew_in_each_epoch():
    loader = tiny(text=QuestionText(questions_per_image=2)).train_dataloader()
    first, second = ({q.question_id for batch in loader for q in batch.questions} for _ in range(2))
    assert len(first) == len(second) == 24
    assert first != second
