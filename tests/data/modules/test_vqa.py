from pathlib import Path

import pytest

from multimodal.data.modules import SceneCounts, VQAData
from multimodal.data.transforms import TransformSettings

SAMPLES = Path(__file__).parents[3] / "data" / "samples"


def tiny(**changes) -> VQAData:
    settings = {
        "scenes": SceneCounts(train=12, val=4, test=4),
        "scene_questions": 5,
        "transform": TransformSettings(size=48),
        "batch_size": 4,
    }
    return VQAData(**{**settings, **changes})


def test_scenes_come_with_questions_of_their_own():
    data = tiny()
    (first, *_) = data.train_dataloader()
    assert first.images.shape == (4, 3, 48, 48)
    assert len(first.asked) == 20
    assert len({question.question_id for question in data.asked("train")}) == 60
    assert data.vocabulary[:4] == ["<pad>", "<bos>", "<eos>", "<unk>"]
    assert set(data.answers) == {q.answers[0] for q in data.asked("train")}


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
    asked = list(data.asked("train"))
    assert sum(len(batch.asked) for batch in batches) == len(asked) > 0
    assert all(batch.labels.max() < len(data.answers) for batch in batches)


def test_a_holdout_keeps_the_questions_of_an_image_together():
    data = tiny(format="easy_vqa", root=str(SAMPLES / "easy_vqa"), holdout=0.5)
    train, val = data.examples("train"), data.examples("val")
    assert len(train) > 0
    assert len(val) > 0
    assert not {example.image_id for example in train} & {example.image_id for example in val}


def test_the_answers_of_a_checkpoint_replace_those_of_the_data():
    data = tiny(known_answers=["no", "yes"], tokens=["<pad>", "<bos>", "<eos>", "<unk>", "is"])
    assert data.answers == ["no", "yes"]
    assert data.vocabulary[4:] == ["is"]
    (first, *_) = data.train_dataloader()
    assert first.scores.shape[1] == 2
    assert -1 in first.labels.tolist()


def test_few_answers_can_be_asked_for():
    assert len(tiny(max_answers=3).answers) == 3


def test_the_compositional_world_is_another():
    counts = SceneCounts(train=12, val=4, test=4, compositional=True)
    assert tiny(scenes=counts).examples("train") != tiny().examples("train")


def test_an_unknown_format_is_refused():
    data = tiny()
    data.format = "yaml"
    with pytest.raises(ValueError, match="`format` must be one of scenes, vqa, clevr"):
        data.examples("train")
