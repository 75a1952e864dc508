import importlib
import json
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multimodal.metrics.vqa_accuracy import (
    QuestionScore,
    TypeScore,
    VQAScores,
    mean_scores,
    mean_wups,
    question_scores,
    scores_by_type,
    vqa_accuracy,
)

module = importlib.import_module("multimodal.metrics.vqa_accuracy")  # not the function


@pytest.mark.parametrize(
    ("matches", "accuracy"), [(0, 0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1), (9, 1), (10, 1)]
)
def test_each_of_ten_people_adds_three_tenths(matches, accuracy):
    answers = matches * ["dog"] + (10 - matches) * ["cat"]
    assert vqa_accuracy("dog", answers) == accuracy


@given(st.lists(st.sampled_from("xyz"), min_size=1, max_size=14))
def test_the_accuracy_is_the_mean_over_people_left_out(answers):
    earned = [
        min(Fraction(1), Fraction((answers[:one] + answers[one + 1 :]).count("x"), 3))
        for one in range(len(answers))
    ]
    assert vqa_accuracy("x", answers) == pytest.approx(float(sum(earned) / len(earned)))


@given(st.lists(st.sampled_from(["A dog", "dog.", "the cat", "2"]), min_size=1), st.randoms())
def test_the_order_of_people_does_not_matter(answers, random):
    mixed = random.sample(answers, len(answers))
    assert vqa_accuracy("dog", mixed) == vqa_accuracy("dog", answers)


def test_where_all_wrote_the_same_only_that_counts():
    assert vqa_accuracy("Black.", 10 * ["black"]) == 0
    assert vqa_accuracy("black", 10 * ["Black"]) == 0
    assert vqa_accuracy("Black.", 10 * ["Black."]) == 1
    assert vqa_accuracy(" two\tdogs\n", 5 * ["two dogs"] + 5 * ["two\ndogs "]) == 1


def test_where_one_wrote_otherwise_all_is_normalised():
    assert vqa_accuracy("Black.", 9 * ["black"] + ["Black"]) == 1
    assert vqa_accuracy("2", 3 * ["two"] + 7 * ["3"]) == 0.9


def test_the_lenient_mode_always_normalises():
    assert vqa_accuracy("Black.", 10 * ["black"], lenient=True) == 1
    assert vqa_accuracy("dont", 10 * ["don't"], lenient=True) == 1
    assert vqa_accuracy("Black.", 9 * ["black"] + ["Black"], lenient=True) == 1


def test_a_single_answer_has_an_official_accuracy_of_0():
    assert vqa_accuracy("dog", ["dog"]) == 0
    assert vqa_accuracy("dog", 3 * ["dog"]) == pytest.approx(2 / 3)


def test_a_question_without_answers_is_refused():
    with pytest.raises(ValueError, match=r"^There must be at least one answer to compare with"):
        vqa_accuracy("dog", [])
    with pytest.raises(ValueError, match="at least one answer"):
        question_scores(["dog"], [[]])


def test_a_string_instead_of_a_list_of_answers_is_refused():
    with pytest.raises(TypeError, match="got the string 'dog'"):
        vqa_accuracy("dog", "dog")


def test_a_prediction_must_be_a_string():
    # Called without the annotations' check, as it is outside of the tests.
    check = getattr(module._check, "__wrapped__", module._check)
    with pytest.raises(TypeError, match="A prediction must be a string, got 2"):
        check(2, ["2"])


def test_the_plain_accuracy_asks_for_the_most_common_answer():
    scores = question_scores(["A dog", "cat"], [["dog", "Dog.", "cat"]] * 2)
    assert [score.accuracy for score in scores] == [1, 0]
    assert [score.people for score in scores] == [3, 3]


def test_as_many_predictions_as_answers_are_needed():
    with pytest.raises(ValueError, match="got 2 predictions and 1 lists of answers"):
        question_scores(["a", "b"], [["a"]])


def test_the_official_accuracy_is_there_where_it_can_reach_one():
    few, enough = QuestionScore(1.0, 0.5, 3), QuestionScore(0.0, 1.0, 4)
    assert mean_scores([few, few]) == {"accuracy": 1.0}
    assert mean_scores([few, enough]) == {"accuracy": 0.5, "vqa_accuracy": 0.75}


def test_no_questions_have_no_mean():
    with pytest.raises(ValueError, match="no questions to score"):
        mean_scores([])
    with pytest.raises(ValueError, match="no questions to score"):
        mean_wups([], [])


def test_types_are_sorted_by_their_questions_and_names():
    right, wrong = QuestionScore(1.0, 0.9, 10), QuestionScore(0.0, 0.3, 1)
    rows = scores_by_type([right, wrong, wrong, right, right], ["b", "c", "a", "c", ""])
    assert rows == [
        TypeScore("c", 2, 0.5, pytest.approx(0.6)),
        TypeScore("a", 1, 0.0, None),
        TypeScore("b", 1, 1.0, 0.9),
    ]


def test_every_question_needs_its_type():
    with pytest.raises(ValueError, match="got 1 questions and 2 types"):
        scores_by_type([QuestionScore(1.0, 1.0, 10)], ["a", "b"])


@pytest.fixture
def equality(monkeypatch):
    """WUPS is 1 for the same text and the threshold otherwise, and needs no WordNet."""
    monkeypatch.setattr(module, "wups", lambda a, b, threshold: 1.0 if a == b else threshold)
    monkeypatch.setattr(module, "wordnet_is_there", lambda: True)


def test_wups_compares_with_the_most_common_answer_as_it_was_written(equality):
    answers = [["pen", "book, paper", "Book, paper"], ["the"]]
    scores = mean_wups(["book, paper", "the"], answers)
    assert scores == {"wups_0.0": 1.0, "wups_0.9": 1.0}
    assert mean_wups(["pen", "the"], answers) == {"wups_0.0": 0.5, "wups_0.9": 0.95}


PREDICTIONS = ["yes", "2", "black"]
ANSWERS = [10 * ["yes"], 3 * ["two"] + 7 * ["3"], 10 * ["Black"]]
QUESTION_TYPES = ["is it", "how many", "what color"]
ANSWER_TYPES = ["yes/no", "number", "other"]


def test_the_metric_gives_the_scores_of_the_whole_set_in_any_batches():
    metric = VQAScores()
    for part in (slice(2, 3), slice(0, 2)):
        metric.update(
            [7, 8, 9][part],
            PREDICTIONS[part],
            ANSWERS[part],
            QUESTION_TYPES[part],
            ANSWER_TYPES[part],
        )
    assert metric.compute() == mean_scores(question_scores(PREDICTIONS, ANSWERS))
    assert metric.per_type() == {
        "answer_type": [
            TypeScore("number", 1, 0.0, 0.9),
            TypeScore("other", 1, 1.0, 0.0),
            TypeScore("yes/no", 1, 1.0, 1.0),
        ],
        "question_type": [
            TypeScore("how many", 1, 0.0, 0.9),
            TypeScore("is it", 1, 1.0, 1.0),
            TypeScore("what color", 1, 1.0, 0.0),
        ],
    }


def test_the_metric_can_be_lenient():
    metric = VQAScores(lenient=True)
    metric.update([9], PREDICTIONS[2:], ANSWERS[2:])
    assert metric.compute()["vqa_accuracy"] == 1


def test_without_types_there_are_no_rows():
    metric = VQAScores()
    metric.update([7], ["yes"], [["yes"]])
    assert metric.compute() == {"accuracy": 1.0}
    assert metric.per_type() == {"answer_type": [], "question_type": []}


def test_a_question_counts_once_and_its_first_answer_stays():
    metric = VQAScores()
    metric.update([1, 2], ["a", "b"], [["a"], ["b"]])
    metric.update([2, 1], ["x", "x"], [["a"], ["b"]])
    assert metric.compute() == {"accuracy": 1.0}
    metric.reset()
    metric.update([2], ["x"], [["b"]])
    assert metric.compute() == {"accuracy": 0.0}


def test_the_metric_adds_wups_on_demand_where_wordnet_is(equality, monkeypatch):
    metric = VQAScores(with_wups=True)
    metric.update([1, 2], ["a", "b"], [["a"], ["c"]])
    assert metric.compute() == {"accuracy": 0.5, "wups_0.0": 0.5, "wups_0.9": 0.95}
    monkeypatch.setattr(module, "wordnet_is_there", lambda: False)
    metric.reset()
    metric.update([1], ["a"], [["a"]])
    assert metric.compute() == {"accuracy": 1.0}


def test_questions_of_all_processes_are_gathered_and_repeated_ones_dropped(monkeypatch):
    mine, other = VQAScores(), VQAScores()
    mine.update([1, 2], ["a", "a"], [["a"], ["a"]], ["t", "t"])
    other.update([2, 3], ["padding", "x"], [["a"], ["a"]], ["t", "u"])

    def all_gather_object(parts, own):
        parts[:] = [own, other._entries]

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_gather_object", all_gather_object)
    assert mine.compute() == {"accuracy": pytest.approx(2 / 3)}
    rows = mine.per_type()["question_type"]
    assert [(row.name, row.questions, row.accuracy) for row in rows] == [("t", 2, 1), ("u", 1, 0)]


def test_columns_of_another_length_are_refused():
    with pytest.raises(ValueError, match="got 2 ids and columns of 2, 2, 1, 2"):
        VQAScores().update([1, 2], ["a", "b"], [["a"], ["b"]], ["t"])


def test_a_question_without_answers_is_named():
    with pytest.raises(ValueError, match="Question 7: There must be at least one answer"):
        VQAScores().update([6, 7], ["a", "b"], [["a"], []])


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_a_metric_without_questions_says_so():
    with pytest.raises(ValueError, match="VQAScores has nothing to score: call `update` before"):
        VQAScores().compute()


@pytest.mark.data
def test_the_sample_gets_its_official_scores(data_folder):
    root = data_folder / "vqa_v2_format_sample"
    results, annotations, expected = (
        json.loads((root / name).read_text(encoding="utf-8"))
        for name in (
            "v2_OpenEnded_mscoco_sample_results.json",
            "v2_mscoco_sample_annotations.json",
            "expected_accuracy.json",
        )
    )
    given_to = {entry["question_id"]: entry["answer"] for entry in results}
    people = annotations["annotations"]
    metric = VQAScores()
    metric.update(
        [entry["question_id"] for entry in people],
        [given_to[entry["question_id"]] for entry in people],
        [[answer["answer"] for answer in entry["answers"]] for entry in people],
        [entry["question_type"] for entry in people],
        [entry["answer_type"] for entry in people],
    )
    in_percent = {
        str(key): round(100 * score.vqa_accuracy, 4) for key, (score, *_) in metric._entries.items()
    }
    assert in_percent == pytest.approx(expected["evalQA"])
    assert round(100 * metric.compute()["vqa_accuracy"], 4) == expected["accuracy"]["overall"]
    for name, key in (("answer_type", "perAnswerType"), ("question_type", "perQuestionType")):
        rows = {row.name: round(100 * row.vqa_accuracy, 4) for row in metric.per_type()[name]}
        assert rows == expected["accuracy"][key]
