from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.data.examples import (
    CaptionExample,
    ImageExample,
    ImageFile,
    PixelImage,
    Question,
    QuestionExample,
    TextExample,
)
from multimodal.data.readers.splits import (
    canonical_split,
    holdout,
    split_by_hash,
    split_names,
    take_fold,
    text_key,
    texts_of_split,
)


def captions(count: int) -> list[CaptionExample]:
    return [CaptionExample(ImageFile(Path(f"{n}.jpg")), ("a",), f"{n}.jpg") for n in range(count)]


def texts(count: int) -> list[TextExample]:
    return [TextExample(f"Text {n} .", "ab"[n % 2], str(n)) for n in range(count)]


def images(labels) -> list[ImageExample]:
    return [ImageExample(PixelImage("x", n), label, n) for n, label in enumerate(labels)]


def name(example) -> int:
    value = example.text_id if isinstance(example, TextExample) else example.image_id
    return int(str(value).removesuffix(".jpg"))


def names(examples) -> list[int]:
    return [name(example) for example in examples]


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [("train", "train"), ("val", "val"), ("test", "test"), ("dev", "val"), ("valid", "val"),
     ("validation", "val"), (" Train ", "train")],
)  # fmt: skip
def test_every_name_has_one_canonical_split(given_name, expected):
    assert canonical_split(given_name) == expected


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_every_name_of_a_split_leads_back_to_it(split):
    assert {canonical_split(other) for other in split_names(split)} == {split}


def test_a_wrong_split_is_refused_with_the_closest_name():
    with pytest.raises(ValueError, match=r"split must be .*, got 'trian'; did you mean 'train'\?"):
        canonical_split("trian")
    with pytest.raises(
        ValueError, match=r"a\.csv:3: the split must be train, val or test, got ''\."
    ):
        canonical_split("", "a.csv:3")


def test_all_is_a_split_only_where_it_is_allowed():
    assert canonical_split("all", allow_all=True) == "all"
    assert canonical_split("dev", allow_all=True) == "val"
    with pytest.raises(ValueError, match="split must be train, val or test, got 'all'"):
        canonical_split("all")
    with pytest.raises(ValueError, match="split must be train, val or test, got 'everything'"):
        canonical_split("everything", allow_all=True)


def test_a_hash_splits_about_80_10_10():
    counts = Counter(split_by_hash(f"{n}.jpg") for n in range(5000))
    assert abs(counts["train"] - 4000) < 100
    assert abs(counts["val"] - 500) < 70
    assert abs(counts["test"] - 500) < 70


@given(st.sampled_from(["Good , bad .", "good, BAD!", " good bad"]))
def test_texts_that_differ_in_signs_and_case_have_one_key(text):
    assert text_key(text) == text_key("good bad")


def test_a_text_of_signs_alone_has_a_key():
    assert text_key("...") != text_key("!")


def test_the_splits_of_a_corpus_are_all_of_it():
    parts = [texts_of_split(texts(400), split) for split in ("train", "val", "test")]
    assert sorted(chain.from_iterable(parts), key=name) == texts(400)
    assert texts_of_split(texts(400), "all") == texts(400)


# The results in docs/results.md depend on these: a change here is a change of every data set.
def test_splits_by_hash_never_change():
    names = ("red_square.png", "green_triangle.png", "40.jpg", "2008_c0de.png")
    assert [split_by_hash(name) for name in names] == ["train", "val", "val", "test"]
    keys = [text_key(f"Text {n} !") for n in range(8)]
    assert [split_by_hash(key) for key in keys] == [
        "train", "train", "train", "train", "test", "test", "val", "train",
    ]  # fmt: skip


def test_holdouts_never_change():
    assert names(holdout(captions(30), 0.2, 1)[1]) == [5, 9, 13, 19, 23, 24]
    doubled = [TextExample(f"Text {n // 2} ." + "!" * (n % 2), "a", str(n)) for n in range(24)]
    assert names(holdout(doubled, 0.2, 1)[1]) == [12, 13, 20, 21]
    assert names(holdout(images("abb" * 10), 0.2, 1, stratify=True)[1]) == [5, 11, 12, 16, 17, 27]


def test_folds_never_change():
    assert names(take_fold(images("abb" * 10), 5, 2, 1)[1]) == [9, 12, 19, 20, 22, 29]
    doubled = [
        TextExample(f"Text {n // 2} ." + "!" * (n % 2), "ab"[n % 2], str(n)) for n in range(24)
    ]
    assert names(take_fold(doubled, 5, 2, 1)[1]) == [10, 11, 22, 23]


KINDS = {"captions": captions(200), "texts": texts(200), "images": images("ab" * 100)}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


@EVERY_KIND
@settings(max_examples=20)
@given(fraction=st.floats(0.05, 0.95), seed=st.integers(0, 3), stratify=st.booleans())
def test_a_holdout_divides_the_examples_in_order(kind, fraction, seed, stratify):
    examples = KINDS[kind]
    kept, heldout = holdout(examples, fraction, seed, stratify=stratify)
    assert sorted(kept + heldout, key=name) == examples
    assert names(kept) == sorted(names(kept))
    assert names(heldout) == sorted(names(heldout))
    assert abs(len(heldout) - 200 * fraction) < (1 if stratify else 40)


@EVERY_KIND
@pytest.mark.parametrize("stratify", [False, True])
def test_a_holdout_depends_on_the_seed_and_not_on_the_order(kind, stratify):
    examples = KINDS[kind]
    kept, heldout = holdout(examples, 0.2, 1, stratify=stratify)
    again = holdout(examples[::-1], 0.2, 1, stratify=stratify)
    assert again == (kept[::-1], heldout[::-1])
    assert holdout(examples, 0.2, 2, stratify=stratify) != (kept, heldout)


@EVERY_KIND
def test_without_stratification_an_example_keeps_its_part_when_others_are_added(kind):
    _, few = holdout(KINDS[kind][:100], 0.2)
    _, more = holdout(KINDS[kind], 0.2)
    assert [example for example in more if name(example) < 100] == few


LABELS = st.lists(st.sampled_from("abc"), min_size=10, max_size=80)


@given(LABELS, st.sampled_from([0.1, 0.25, 0.5]), st.integers(0, 3))
def test_a_stratified_holdout_takes_the_same_fraction_of_each_class(labels, fraction, seed):
    examples = images(labels)
    _, heldout = holdout(examples, fraction, seed, stratify=True)
    assert abs(len(heldout) - fraction * len(examples)) <= 0.5
    whole, part = Counter(labels), Counter(image.label for image in heldout)
    assert all(abs(part[label] - fraction * whole[label]) <= 1 for label in whole)


def test_all_questions_about_an_image_stay_together():
    examples = [
        QuestionExample(
            ImageFile(Path(f"{n}.jpg")),
            tuple(Question("Why?", (), 3 * n + k) for k in range(3)),
            f"{n}.jpg",
        )
        for n in range(100)
    ]
    kept, heldout = holdout(examples, 0.2)
    assert {len(example.questions) for example in kept + heldout} == {3}
    assert names(kept) == names(holdout(captions(100), 0.2)[0])


@EVERY_KIND
@pytest.mark.parametrize("stratify", [False, True])
def test_a_holdout_of_zero_keeps_all(kind, stratify):
    assert holdout(KINDS[kind], 0.0, stratify=stratify) == (KINDS[kind], [])


@EVERY_KIND
@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
@pytest.mark.parametrize("stratify", [False, True])
def test_a_holdout_out_of_range_is_refused(kind, fraction, stratify):
    with pytest.raises(ValueError, match="`holdout` must be at least 0 and below 1, got"):
        holdout(KINDS[kind], fraction, stratify=stratify)


@EVERY_KIND
@pytest.mark.parametrize("stratify", [False, True])
def test_a_holdout_that_leaves_nothing_is_refused(kind, stratify):
    message = r"holdout of 0.01 of 2 examples leaves 2 to train on and 0 held out; change `holdout`"
    with pytest.raises(ValueError, match=message):
        holdout(KINDS[kind][:2], 0.01, stratify=stratify)


@EVERY_KIND
@pytest.mark.parametrize("folds", [2, 5, 10])
def test_every_example_is_tested_once_and_folds_are_equal(kind, folds):
    examples = KINDS[kind]
    parts = [take_fold(examples, folds, fold, seed=3) for fold in range(folds)]
    tested = [fold for _, fold in parts]
    assert all(sorted(others + fold, key=name) == examples for others, fold in parts)
    assert sorted(chain.from_iterable(tested), key=name) == examples
    assert {len(fold) for fold in tested} == {200 // folds}


@pytest.mark.parametrize("kind", ["texts", "images"])
def test_every_fold_has_equally_many_of_each_class(kind):
    tested = [take_fold(KINDS[kind], 5, fold)[1] for fold in range(5)]
    assert {Counter(example.label for example in fold)["a"] for fold in tested} == {20}


@EVERY_KIND
def test_folds_depend_on_the_seed_and_not_on_the_order(kind):
    _, tested = take_fold(KINDS[kind], 10, 4, seed=0)
    assert take_fold(KINDS[kind][::-1], 10, 4, seed=0)[1] == tested[::-1]
    assert take_fold(KINDS[kind], 10, 4, seed=1)[1] != tested


@pytest.mark.parametrize("fold", range(4))
def test_duplicate_texts_share_a_fold_even_with_two_labels(fold):
    doubled = texts(400) + [TextExample(f"text {n}", "c", f"{n}") for n in range(400)]
    others, tested = take_fold(doubled, 4, fold)
    assert not set(names(tested)) & set(names(others))


def test_pictures_of_the_same_name_are_divided_over_folds():
    same = [ImageExample(PixelImage("x", n), "a", "a/1.png") for n in range(10)]
    assert [len(take_fold(same, 5, fold)[1]) for fold in range(5)] == [2] * 5


def test_numbers_and_sets_of_labels_count_as_one_class():
    examples = [*images([1.5, 2.5, None]), ImageExample(PixelImage("x", 9), ("a", "b"), 9)]
    assert [len(take_fold(examples, 2, fold)[1]) for fold in range(2)] == [2, 2]
    signs = [TextExample("." * (n + 1), float(n), str(n)) for n in range(20)]
    assert {len(take_fold(signs, 4, fold)[1]) for fold in range(4)} == {5}


@pytest.mark.parametrize(("folds", "fold"), [(1, 0), (5, 5), (5, -1)])
def test_folds_out_of_range_are_refused(folds, fold):
    with pytest.raises(ValueError, match="`folds` must be 2 or more and `fold` from 0 to"):
        take_fold(texts(18), folds, fold)


def test_fewer_examples_than_folds_are_refused():
    with pytest.raises(ValueError, match="3 examples cannot be divided into 10 folds; lower"):
        take_fold(texts(3), 10, 0)
