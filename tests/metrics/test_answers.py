import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.metrics.answers import (
    most_common_answer,
    normalize_answer,
    soft_score,
    soft_scores,
    strip_answer,
)

GOLDEN = {
    "1,000": "1000",
    "a man, walking": "man walking",
    "t-shirt": "t shirt",
    "t - shirt": "t shirt",
    "3.5": "3.5",
    "3. 5": "3 5",
    "yes.": "yes",
    "U.S.A.": "usa",
    ".5": ".5",
    "5.": "5",
    "black/white": "black white",
    "well-known, 1,000 items": "wellknown 1000 items",
    "it's a dog!": "it's dog",
    "a": "",
    "the the": "",
    "No.1": "no.1",
    "2-3": "2 3",
    "10,000-20,000": "1000020000",
    "5:30": "5:30",
    "50%": "50%",
    "10 a.m": "10 am",
}


@pytest.mark.parametrize("text", GOLDEN)
def test_answers_are_normalised_as_the_official_evaluation_does(text):
    assert normalize_answer(text) == GOLDEN[text]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (" Two\tred\n dogs ", "2 red dogs"),
        ("dog\n,cat", "dog cat"),  # the line break is a space before the comma is looked at
        ("", ""),
        (" \n\t", ""),
    ],
)
def test_line_breaks_and_tabs_are_spaces_from_the_start(text, form):
    assert normalize_answer(text) == form


@pytest.mark.parametrize("mark", list(';/[]"{}()=+\\_-><@`,?!'))
def test_a_mark_between_letters_is_a_space_and_beside_a_space_nothing(mark):
    assert normalize_answer(f"x{mark}y") == "x y"
    assert normalize_answer(f"x{mark}y{mark} z") == "xy z"
    assert normalize_answer(f"x{mark}y 1,2") == "xy 12"


@pytest.mark.parametrize("mark", list("':&%$#*~|"))
def test_other_marks_stay(mark):
    assert normalize_answer(f"x{mark}y {mark}") == f"x{mark}y {mark}"


def test_at_most_32_full_stops_are_removed():
    assert normalize_answer("." * 32 + "x") == "x"
    assert normalize_answer("." * 34 + "x") == "..x"


def test_number_words_and_articles_are_whole_words():
    words = "None zero one two three four five six seven eight nine ten eleven"
    assert normalize_answer(words) == "0 0 1 2 3 4 5 6 7 8 9 10 eleven"
    assert normalize_answer("The man ate an apple a day; anyone") == "man ate apple day anyone"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Dont walk", "don't walk"),
        ("twas", "'twas"),
        ("oclock", "o'clock"),
        ("yall", "y'all"),
        ("couldnt've", "couldn't've"),
        ("couldn'tve", "couldn't've"),
        ("couldntve", "couldntve"),  # both missing
        ("y'allll", "y'all'll"),
        ("yall'd've", "y'all'd've"),
        ("y'alld've", "y'all'd've"),
        ("y'all'dve", "y'all'd've"),
        ("yalldve", "yalldve"),
        ("ow's'at", "'ow's'at"),
        ("'ows'at", "'ow's'at"),
        ("'ow'sat", "'ow's'at"),
        ("somebody'd", "somebodyd"),
        ("somebodyd", "somebodyd"),
        ("somebody'dve", "somebody'd've"),
        ("shed've", "she'd've"),
        ("let's", "let's"),
        ("she's", "she's"),
    ],
)
def test_apostrophes_are_restored(text, form):
    assert normalize_answer(text) == form


LEFT = "its im ive id've i'dve shes lets ill well id were theirs hell shell wed"


@pytest.mark.parametrize("word", LEFT.split())
def test_words_that_the_evaluation_leaves_are_left(word):
    assert normalize_answer(word) == word


def test_a_contraction_is_one_only_as_a_whole_word():
    assert normalize_answer("cantaloupe dont-walk") == "cantaloupe don't walk"


@given(st.text(st.sampled_from("aTb1,.-'/ \n\tone"), max_size=20))
def test_a_normalised_answer_is_lower_case_words_without_marks(text):
    form = normalize_answer(text)
    assert form == " ".join(form.split())
    assert form == form.lower()
    assert not set(form) & set(",-/")
    assert not {"a", "an", "the", "one", "none"} & set(form.split())


def test_step_0_leaves_case_and_punctuation():
    assert strip_answer("\t A-b.\n c ") == "A-b.  c"


@pytest.mark.data
def test_the_sample_is_normalised_as_the_official_evaluation_did(data_folder):
    path = data_folder / "vqa_v2_format_sample" / "expected_normalisation.json"
    expected = json.loads(path.read_text(encoding="utf-8"))
    assert {text: normalize_answer(text) for text in expected} == expected


def test_the_most_common_answer_is_counted_normalised():
    assert most_common_answer(["cat", "Dog.", "a dog", "cat!", "dogs", "the dog"]) == "dog"


def test_of_equally_common_answers_the_first_is_taken():
    assert most_common_answer(["b", "c", "C", "B"]) == "b"


def test_an_empty_answer_is_the_most_common_only_alone():
    assert most_common_answer(["the", "A", "x"]) == "x"
    assert most_common_answer(["the", "A"]) == ""


def test_no_answer_has_no_most_common_one():
    with pytest.raises(ValueError, match="at least one answer to find the most common of"):
        most_common_answer([])


def test_soft_scores_rise_by_three_tenths():
    assert [soft_score(count) for count in (0, 1, 2, 3, 4, 10)] == [0, 0.3, 0.6, 0.9, 1, 1]


def test_soft_scores_of_other_numbers_of_people_go_by_their_share():
    assert soft_score(1, 1) == 1
    assert soft_score(1, 5) == 0.6
    assert soft_score(1, 20) == 0.15
    assert soft_scores(["a dog"]) == {"dog": 1.0}


def test_soft_scores_leave_empty_answers_out():
    assert soft_scores(["the"] + 9 * ["1"]) == {"1": 1.0}
    assert soft_scores([]) == {}


@pytest.mark.parametrize(("count", "people"), [(-1, 10), (11, 10), (0, 0)])
def test_more_people_than_there_are_cannot_agree(count, people):
    with pytest.raises(ValueError, match=rf"between 0 and the {people} people .* got {count}"):
        soft_score(count, people)
