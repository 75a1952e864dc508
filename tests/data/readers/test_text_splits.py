from collections import Counter
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.data.examples import TextExample
from multimodal.data.readers.text_splits import (
    canonical_part,
    fold_texts,
    holdout_texts,
    part_of,
    split_by_text,
)


def texts(number: int, labels: str = "ab") -> list[TextExample]:
    return [TextExample(f"Text {n} .", labels[n % len(labels)], str(n)) for n in range(number)]


TEXTS = texts(400)


def test_about_four_fifths_train():
    counts = Counter(split_by_text(f"Sentence number {n}") for n in range(2000))
    assert 1500 < counts["train"] < 1700
    assert 150 < counts["val"] < 250
    assert 150 < counts["test"] < 250


def test_the_parts_of_a_corpus_are_all_of_it():
    parts = [part_of(TEXTS, split) for split in ("train", "val", "test")]
    assert sorted(chain.from_iterable(parts), key=lambda text: int(text.text_id)) == TEXTS
    assert part_of(TEXTS, "all") == TEXTS


@given(st.sampled_from(["Good , bad .", "good, BAD!", " good bad"]))
def test_texts_that_are_alike_are_split_alike(text):
    assert split_by_text(text) == split_by_text("good bad")


def test_a_holdout_depends_on_the_seed_and_on_nothing_else():
    kept, held = holdout_texts(TEXTS, 0.2, seed=1)
    assert 50 < len(held) < 110
    assert sorted(kept + held, key=lambda text: int(text.text_id)) == TEXTS
    again = holdout_texts(TEXTS[::-1], 0.2, seed=1)
    assert (kept[::-1], held[::-1]) == again
    assert holdout_texts(TEXTS, 0.2, seed=2) != (kept, held)


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_every_text_is_tested_once_and_folds_are_equal(folds):
    tested = [fold_texts(TEXTS, folds, fold, seed=3)[1] for fold in range(folds)]
    assert sorted(chain.from_iterable(tested), key=lambda text: int(text.text_id)) == TEXTS
    assert {len(fold) for fold in tested} == {len(TEXTS) // folds}
    assert {Counter(text.label for text in fold)["a"] for fold in tested} == {200 // folds}


def test_training_has_all_that_is_not_tested():
    others, tested = fold_texts(TEXTS, 10, 4)
    assert sorted(others + tested, key=lambda text: int(text.text_id)) == TEXTS


def test_folds_depend_on_the_seed_and_not_on_the_order():
    _, tested = fold_texts(TEXTS, 10, 4, seed=0)
    assert fold_texts(TEXTS[::-1], 10, 4, seed=0)[1] == tested[::-1]
    assert fold_texts(TEXTS, 10, 4, seed=1)[1] != tested


def test_duplicates_are_in_one_fold_even_with_two_labels():
    doubled = TEXTS + [TextExample(f"text {n}", "c", f"again {n}") for n in range(400)]
    for fold in range(4):
        others, tested = fold_texts(doubled, 4, fold)
        mine = {text.text.rstrip(" .").lower() for text in tested}
        assert not mine & {text.text.rstrip(" .").lower() for text in others}


def test_numbers_and_signs_are_dealt_too():
    odd = [TextExample("." * (n + 1), float(n), str(n)) for n in range(20)]
    assert {len(fold_texts(odd, 4, fold)[1]) for fold in range(4)} == {5}


def test_all_is_a_part_and_dev_is_val():
    assert canonical_part("all") == "all"
    assert canonical_part("dev") == "val"
    with pytest.raises(ValueError, match="split must be train, val or test, got 'everything'"):
        canonical_part("everything")


@pytest.mark.parametrize("fraction", [-0.1, 1.0])
def test_a_holdout_out_of_range_is_refused(fraction):
    with pytest.raises(ValueError, match="`holdout` must be at least 0 and below 1, got"):
        holdout_texts(TEXTS, fraction)


def test_a_holdout_that_leaves_nothing_is_refused():
    with pytest.raises(
        ValueError, match=r"A holdout of 0.01 of 2 texts leaves 2 to train on and 0"
    ):
        holdout_texts(TEXTS[:2], 0.01)


@pytest.mark.parametrize(("folds", "fold"), [(1, 0), (5, 5), (5, -1)])
def test_folds_out_of_range_are_refused(folds, fold):
    with pytest.raises(ValueError, match="`folds` must be 2 or more and `fold` from 0 to"):
        fold_texts(TEXTS, folds, fold)


def test_fewer_texts_than_folds_are_refused():
    with pytest.raises(ValueError, match="3 texts cannot be dealt to 10 folds; lower `folds`"):
        fold_texts(TEXTS[:3], 10, 0)
