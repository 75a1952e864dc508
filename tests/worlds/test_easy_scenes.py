import json
from collections import Counter, defaultdict

import numpy as np
import pytest

from multimodal.data.images import load_image
from multimodal.data.readers.easy_vqa import read_easy_vqa
from multimodal.worlds.easy_scenes import (
    ANSWERS,
    PAINTS,
    SHAPES,
    SIDE,
    ask_easy_scene,
    draw_easy_scene,
    sample_easy_scene,
    write_easy_vqa,
)


def questions(split: str, count: int) -> list[tuple[str, str]]:
    return [
        pair
        for number in range(count)
        for pair in ask_easy_scene(sample_easy_scene(0, split, number), 0, split, number)
    ]


@pytest.fixture(scope="module")
def train():
    return questions("train", 4000)


def test_a_scene_is_a_function_of_its_key():
    scene = sample_easy_scene(0, "train", 7)
    assert sample_easy_scene(0, "train", 7) == scene
    others = [sample_easy_scene(*key) for key in ((1, "train", 7), (0, "test", 7), (0, "train", 8))]
    assert scene not in others


def test_shapes_and_colours_are_equally_often_and_vary_in_size_and_place():
    scenes = [sample_easy_scene(0, "train", number) for number in range(2400)]
    pairs = Counter((scene.shape, scene.colour) for scene in scenes)
    assert len(pairs) == 24
    assert min(pairs.values()) > 60
    widths = {scene.box[2] - scene.box[0] for scene in scenes}
    assert widths == set(range(12, 45))
    assert {scene.box[0] for scene in scenes} == set(range(1, 52))
    assert max(scene.box[3] for scene in scenes) == SIDE - 1


@pytest.mark.parametrize("number", range(12))
def test_the_shape_is_painted_within_its_box_and_nowhere_else(number):
    scene = sample_easy_scene(0, "train", number)
    pixels = np.asarray(draw_easy_scene(scene))
    assert pixels.shape == (SIDE, SIDE, 3)
    left, top, right, bottom = scene.box
    rows, columns = np.nonzero((pixels != scene.ground).any(axis=2))
    assert (columns.min(), rows.min()) >= (left, top)
    assert (columns.max(), rows.max()) <= (right - 1, bottom - 1)
    middle = pixels[(top + bottom) // 2, (left + right) // 2]
    assert tuple(middle) == scene.paint
    nearest = min(PAINTS, key=lambda name: np.abs(np.subtract(PAINTS[name], scene.paint)).sum())
    assert nearest == scene.colour
    area = len(rows) / ((right - left) * (bottom - top))
    expected = {"rectangle": 1.0, "circle": np.pi / 4, "triangle": 0.5}[scene.shape]
    assert abs(area - expected) < 0.15


@pytest.mark.parametrize("number", range(40))
def test_answers_are_true_of_the_scene(number):
    scene = sample_easy_scene(0, "test", number)
    for question, answer in ask_easy_scene(scene, 0, "test", number):
        words = question.rstrip("?").split()
        if answer in ("yes", "no"):
            (thing,) = [word for word in words if word in (*SHAPES, *PAINTS)]
            there = thing in (scene.shape, scene.colour)
            assert answer == ("yes" if there != ("no" in words or "not" in words) else "no")
        else:
            assert answer == (scene.colour if "color" in words else scene.shape)


def test_the_set_has_the_numbers_of_the_published_one(train):
    assert abs(len(train) - 38_600) < 500
    assert len({question for question, _ in train}) == 107
    assert {answer for _, answer in train} == set(ANSWERS)
    assert len(ANSWERS) == 13
    assert max(len(question.replace("?", " ?").split()) for question, _ in train) == 9
    yes_no = sum(answer in ("yes", "no") for _, answer in train) / len(train)
    assert abs(yes_no - 0.736) < 0.01


def test_the_question_alone_predicts_about_two_answers_of_three(train):
    counts = defaultdict(Counter)
    for question, answer in train:
        counts[question][answer] += 1
    test = questions("test", 1000)
    right = sum(counts[question].most_common(1)[0][0] == answer for question, answer in test)
    assert abs(right / len(test) - 0.67) < 0.015


def test_a_set_is_written_and_read_in_the_published_layout(tmp_path):
    root = tmp_path / "set"
    summary = write_easy_vqa(root, train=5, test=2)
    records = json.loads((root / "data" / "train" / "questions.json").read_text())
    assert summary.startswith(
        f"5 train images with {len(records)} questions and 2 test images with"
    )
    assert len((root / "data" / "answers.txt").read_text().split()) == 13
    examples = read_easy_vqa(root, "train")
    assert sorted(example.image_id for example in examples) == [0, 1, 2, 3, 4]
    assert [(q.text, *q.answers) for q in examples[0].questions] == ask_easy_scene(
        sample_easy_scene(0, "train", 0), 0, "train", 0
    )
    drawn = np.asarray(draw_easy_scene(sample_easy_scene(0, "train", 0)))
    assert (load_image(examples[0].image).permute(1, 2, 0).numpy() == drawn).all()


def test_a_folder_with_files_is_not_overwritten(tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(FileExistsError, match="is not empty; name a new folder"):
        write_easy_vqa(tmp_path, train=1, test=1)


def test_a_set_has_pictures_in_both_splits(tmp_path):
    with pytest.raises(ValueError, match="`train` and `test` must be at least 1, got 0 and 1"):
        write_easy_vqa(tmp_path / "set", train=0, test=1)
