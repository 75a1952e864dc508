import pytest

from multimodal.data.examples import Question
from multimodal.vqa.answers import AnswerVocabulary
from multimodal.vqa.priors import QuestionPriors, coverage


def _question(text, *answers, kind=""):
    return Question(text, answers, text, kind)


TRAINING = [
    _question("What is it?", "Book, paper", kind="what"),
    _question("What is that?", "book, paper", kind="what"),
    _question("What is this?", "book, paper", kind="what"),
    _question("What sport is it?", "tennis", kind="what"),
    _question("Is it red?", "no", kind="is"),
    _question("Is it big?", "yes", kind="is"),
    _question("is it  big", "Yes.", kind="is"),
    _question("Is it new?", kind="is"),
    _question("Is it the?", "the", kind="is"),
]


def test_the_most_common_answers_are_given_as_they_were_mostly_written():
    priors = QuestionPriors(TRAINING)
    assert priors.overall == "book, paper"
    assert priors.of_type("what") == "book, paper"
    assert priors.of_type("is") in ("yes", "Yes.")


def test_an_unknown_type_gets_the_most_common_answer_of_all():
    assert QuestionPriors(TRAINING).of_type("how") == "book, paper"


def test_a_question_is_the_same_without_its_case_and_punctuation():
    priors = QuestionPriors(TRAINING)
    assert priors.of_question("what SPORT is it", "what") == "tennis"
    assert priors.of_question("Is it big ?", "is").lower().startswith("yes")


def test_a_new_question_gets_the_answer_of_its_type():
    priors = QuestionPriors(TRAINING)
    assert priors.of_question("Is it old?", "is") == priors.of_type("is")
    assert priors.of_question("Is it old?") == priors.overall
    assert priors.of_question("Is it new?", "what") == priors.of_type("what")  # had no answer


def test_equally_common_answers_go_by_the_alphabet_in_any_order():
    questions = [_question("What?", "dog"), _question("What?", "cat")]
    assert QuestionPriors(questions).overall == "cat"
    assert QuestionPriors(questions[::-1]).of_question("What?") == "cat"


def test_questions_without_answers_have_no_priors():
    with pytest.raises(ValueError, match="need training questions with answers, got none"):
        QuestionPriors(TRAINING[-2:])


def test_a_vocabulary_of_all_answers_covers_all():
    answers = [["yes"], ["A dog"], ["2"]]
    vocabulary = AnswerVocabulary.build(answers)
    assert coverage(vocabulary.to_list(), answers) == {"accuracy": 1.0}


def test_each_accuracy_has_its_own_best_answer():
    people = 3 * ["cat"] + 3 * ["dog"] + 4 * ["fox"]
    assert coverage(["cat", "dog"], [people]) == {"accuracy": 0.0, "vqa_accuracy": 0.9}
    assert coverage(["cat", "fox"], [people]) == {"accuracy": 1.0, "vqa_accuracy": 1.0}


def test_answers_that_the_strict_accuracy_refuses_are_not_covered():
    people = [10 * ["Black"]]
    assert coverage(["black"], people)["vqa_accuracy"] == 0
    assert coverage(["black", "Black"], people)["vqa_accuracy"] == 1
    assert coverage(["black"], people, lenient=True)["vqa_accuracy"] == 1


def test_a_vocabulary_without_right_answers_covers_nothing():
    assert coverage(["cat"], [["dog"], ["the"]]) == {"accuracy": 0.0}


def test_a_question_without_answers_is_named():
    with pytest.raises(ValueError, match="Every question needs an answer, number 1 has none"):
        coverage(["cat"], [["cat"], []])
