from multimodal.vqa.options import AnswerOptions


def test_five_answers_are_ranked_unless_told_otherwise():
    assert AnswerOptions().top == 5
