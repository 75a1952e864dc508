import pytest

from multimodal.data.readers.questions import answer_type, question_start


@pytest.mark.parametrize(
    ("question", "start"),
    [("How many dogs?", "how many"), ("Why?", "why"), ('"Is" it?', "is it"), ("  ", "")],
)
def test_a_question_starts_with_its_first_words(question, start):
    assert question_start(question) == start


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        (["yes"], "yes/no"),
        ([" No"], "yes/no"),
        (["2"], "number"),
        (["1,000"], "number"),
        (["3.5"], "number"),
        (["-3"], "number"),
        (["Four"], "number"),
        (["10.30.5"], "other"),
        (["two dogs"], "other"),
        (["a dog", "2", "2"], "number"),
        ([], ""),
    ],
)
def test_the_most_common_answer_has_a_kind(answers, kind):
    assert answer_type(answers) == kind
