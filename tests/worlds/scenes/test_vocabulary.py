import pytest

from multimodal.text import tokenize
from multimodal.worlds.scenes import (
    answers,
    ask,
    caption_words,
    describe,
    question_words,
    sample_scene,
)


@pytest.mark.parametrize("listed", [caption_words(), question_words(), answers()])
def test_lists_are_sorted_and_hold_every_token_once(listed):
    assert listed == sorted(set(listed))
    assert [tokenize(word) for word in listed] == [[word] for word in listed]


@pytest.mark.slow
def test_scenes_show_all_words_of_captions_and_no_others():
    captions = (text for at in range(3000) for text in describe(sample_scene(7, at, "train")))
    assert sorted({word for text in captions for word in tokenize(text)}) == caption_words()


def test_captions_of_all_splits_show_no_word_that_is_not_listed():
    splits = ("val", "test", "comp_train", "comp_val", "comp_test")
    scenes = [sample_scene(8, at, split) for split in splits for at in range(100)]
    captions = " ".join(text for scene in scenes for text in describe(scene))
    assert set(captions.split()) <= set(caption_words())


def test_questions_show_no_word_and_no_answer_that_is_not_listed(asked):
    questions = [question for split in asked.values() for question in split]
    words = {word for question in questions[::5] for word in tokenize(question.text)}
    assert words <= set(question_words())
    assert {question.answer for question in questions} <= set(answers())


@pytest.mark.slow
def test_questions_show_all_listed_words_and_answers():
    questions = [
        question for at in range(1500) for question in ask(sample_scene(7, at, "train"), 20)
    ]
    words = {word for question in questions for word in tokenize(question.text)}
    assert sorted(words) == question_words()
    assert sorted({question.answer for question in questions}) == answers()
