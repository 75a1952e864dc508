from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.data.examples import CaptionExample, ImageFile, Question, QuestionExample
from multimodal.data.readers.splits import canonical_split, holdout, split_by_hash, split_names


def examples(count: int) -> list[CaptionExample]:
    return [CaptionExample(ImageFile(Path(f"{n}.jpg")), ("a",), n) for n in range(count)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("train", "train"), ("val", "val"), ("test", "test"), ("dev", "val"), ("valid", "val"),
     ("validation", "val"), (" Train ", "train")],
)  # fmt: skip
def test_splits_have_one_name_each(name, expected):
    assert canonical_split(name) == expected


def test_every_name_of_a_split_leads_back_to_it():
    for split in ("train", "val", "test"):
        assert {canonical_split(name) for name in split_names(split)} == {split}


def test_a_wrong_split_is_named_with_the_nearest():
    with pytest.raises(ValueError, match=r"split must be .*, got 'trian'; did you mean 'train'\?"):
        canonical_split("trian")
    with pytest.raises(
        ValueError, match=r"a\.csv:3: the split must be train, val or test, got ''\."
    ):
        canonical_split("", "a.csv:3")


def test_a_hash_splits_about_80_10_10():
    splits = [split_by_hash(f"{n}.jpg") for n in range(5000)]
    assert abs(splits.count("train") - 4000) < 100
    assert abs(splits.count("val") - 500) < 70
    assert abs(splits.count("test") - 500) < 70


def test_the_hash_is_the_same_on_every_machine():
    names = ("red_square.png", "green_triangle.png", "40.jpg", "2008_c0de.png")
    assert [split_by_hash(name) for name in names] == ["train", "val", "val", "test"]


@settings(max_examples=20)
@given(st.floats(0.05, 0.95), st.integers(0, 3))
def test_a_holdout_parts_the_examples_in_order(fraction, seed):
    all_examples = examples(200)
    kept, held = holdout(all_examples, fraction, seed)
    assert sorted(kept + held, key=lambda e: e.image_id) == all_examples
    assert [e.image_id for e in kept] == sorted(e.image_id for e in kept)
    assert abs(len(held) - 200 * fraction) < 35
    assert holdout(all_examples, fraction, seed) == (kept, held)


def test_an_example_stays_where_it_is_when_others_come():
    _, held = holdout(examples(100), 0.2)
    _, more = holdout(examples(1000), 0.2)
    assert [e for e in more if e.image_id < 100] == held


def test_all_questions_about_an_image_stay_on_one_side():
    asked = [
        QuestionExample(
            ImageFile(Path(f"{n}.jpg")), tuple(Question("Why?", (), 3 * n + k) for k in range(3)), n
        )
        for n in range(100)
    ]
    kept, held = holdout(asked, 0.2)
    assert len(kept) + len(held) == 100
    assert {len(example.questions) for example in kept + held} == {3}
    captioned, _ = holdout(examples(100), 0.2)
    assert [e.image_id for e in kept] == [e.image_id for e in captioned]


def test_another_seed_holds_out_others():
    assert holdout(examples(100), 0.2, 0) != holdout(examples(100), 0.2, 1)


def test_nothing_is_held_out_by_zero():
    assert holdout(examples(5), 0.0) == (examples(5), [])


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(ValueError, match="`fraction` must be at least 0 and below 1, got"):
        holdout(examples(5), fraction)


def test_a_holdout_that_leaves_a_side_empty_is_refused():
    with pytest.raises(ValueError, match=r"holdout of 0.001 of 5 examples leaves 5 .* and 0 held"):
        holdout(examples(5), 0.001)
