import pytest

from multimodal.metrics.answers import normalize_answer
from multimodal.vqa import answers as answers_module
from multimodal.vqa.answers import AnswerVocabulary

QUESTIONS = [["no", "No."], ["a dog"], ["yes"], ["No", "no"], [], ["the"], ["cat", "yes", "Yes!"]]


def test_a_vocabulary_has_the_most_common_answers_most_frequent_first():
    vocabulary = AnswerVocabulary.build(QUESTIONS)
    assert vocabulary.to_list() == ["no", "yes", "dog"]
    assert [vocabulary[number] for number in range(len(vocabulary))] == vocabulary.to_list()
    assert AnswerVocabulary.build(reversed(QUESTIONS)).to_list() == vocabulary.to_list()
    assert AnswerVocabulary(vocabulary.to_list()).to_list() == vocabulary.to_list()
    assert repr(vocabulary) == "AnswerVocabulary(3 answers)"


def test_rare_answers_and_too_many_are_left_out():
    assert AnswerVocabulary.build(QUESTIONS, min_count=2).to_list() == ["no", "yes"]
    assert AnswerVocabulary.build(QUESTIONS, max_size=1).to_list() == ["no"]


def test_an_answer_is_found_as_it_is_or_normalised():
    vocabulary = AnswerVocabulary.build(QUESTIONS)
    assert vocabulary.index("dog") == vocabulary.index("A dog!") == 2
    assert vocabulary.index("cat") is None
    assert "NO" in vocabulary
    assert "cat" not in vocabulary
    assert 3 not in vocabulary


def test_answers_can_keep_the_spelling_that_most_questions_have():
    lists = [["Book, paper"], ["book, paper"], ["book, paper"], ["tape_dispenser"]]
    vocabulary = AnswerVocabulary.build(lists, normalize=False)
    assert vocabulary.to_list() == ["book, paper", "tape_dispenser"]
    assert vocabulary.index("book paper") == 0
    assert vocabulary.index("Tape dispenser") == 1


def test_every_normalised_answer_is_found_again():
    texts = [
        "1,000",
        "a man, walking",
        "t-shirt",
        "3. 5",
        "U.S.A.",
        "it's a dog!",
        "the the",
        "dont",
        "two dogs",
        "x" + "." * 40,
    ]
    vocabulary = AnswerVocabulary.build([text] for text in texts)
    for text in texts:
        if form := normalize_answer(text):
            assert vocabulary[vocabulary.index(form)] == form


@pytest.mark.parametrize(
    ("questions", "match"),
    [
        ([], "No answer is left .* 0 different ones, the commonest of 0 questions"),
        ([[], ["the"]], "0 different ones"),
        ([["yes"], ["no"], ["no"]], "2 different ones, the commonest of 2 .* is 3. Lower it"),
    ],
)
def test_an_empty_vocabulary_is_refused(questions, match):
    with pytest.raises(ValueError, match=match):
        AnswerVocabulary.build(questions, min_count=3)


@pytest.mark.parametrize("limit", ["min_count", "max_size"])
def test_limits_are_at_least_one(limit):
    with pytest.raises(ValueError, match=f"`{limit}` must be at least 1, got 0"):
        AnswerVocabulary.build([["yes"]], **{limit: 0})


@pytest.mark.parametrize(
    ("answers", "match"),
    [
        ([], "at least one answer, got an empty list"),
        (["yes", " "], "empty answer at position 1"),
        (["yes", "no", "yes"], "'yes' is there 2 times"),
    ],
)
def test_a_vocabulary_of_wrong_answers_is_refused(answers, match):
    with pytest.raises(ValueError, match=match):
        AnswerVocabulary(answers)


def test_an_answer_must_be_a_string():
    # Called without the annotations' check, as it is outside of the tests.
    check = getattr(answers_module._check_answers, "__wrapped__", answers_module._check_answers)
    with pytest.raises(TypeError, match="got 3 at position 0"):
        check([3])


def test_a_string_instead_of_a_list_of_answers_is_refused():
    with pytest.raises(TypeError, match="got the string 'yes'"):
        AnswerVocabulary.build(["yes"])
