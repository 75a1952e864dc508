import pytest
import torch
from PIL import Image

from multimodal.data.examples import ImageFile, Question, QuestionExample
from multimodal.data.image_source import ImageSource
from multimodal.data.transforms import EvalTransform, TransformSettings
from multimodal.text import Vocabulary, tokenize
from multimodal.vqa.answers import AnswerVocabulary
from multimodal.vqa.dataset import QuestionDataset

ASKED = {
    0: [("Is it red?", ("yes",)), ("What is it?", ("a dog", "dog", "cat"))],
    1: [("What is it?", ("cat",)), ("How many are there?", ("2",)), ("Is it red?", ("no",))],
    2: [("Is it big?", ())],
}


@pytest.fixture
def examples(tmp_path):
    made = []
    for image, asked in ASKED.items():
        path = tmp_path / f"{image}.png"
        Image.new("RGB", (60, 50), (80 * image, 80, 90)).save(path)
        questions = tuple(
            Question(text, answers, 10 * image + place)
            for place, (text, answers) in enumerate(asked)
        )
        made.append(QuestionExample(ImageFile(path), questions, image))
    return made


def dataset(examples, **settings):
    images = [example.image for example in examples]
    source = ImageSource(images, transform=EvalTransform(TransformSettings(size=48)), image_size=48)
    words = Vocabulary.build(
        tokenize(question.text) for example in examples for question in example.questions
    )
    answers = AnswerVocabulary(["yes", "no", "dog", "cat"])
    return QuestionDataset(examples, source, words, answers, **settings)


def test_a_batch_holds_each_image_and_each_question_once(examples):
    batch = dataset(examples).__getitems__([(0, 1), (0, 0)])
    assert batch.images.shape == (2, 3, 48, 48)
    assert batch.image_of.tolist() == [0, 0, 0, 1, 1]
    assert batch.question_of.tolist() == [0, 1, 2, 2, 0]
    assert batch.tokens.shape == (3, 4)  # the question mark is no word
    assert [question.question_id for question in batch.questions] == [10, 11, 12, 0, 1]


def test_labels_are_the_commonest_answers_and_scores_what_each_is_worth(examples):
    batch = dataset(examples).__getitems__([(0, 0), (0, 1), (0, 2)])
    assert batch.labels.tolist() == [0, 2, 3, -1, 1, -1]  # "2" is no known answer
    assert batch.scores[1].tolist() == [0, 0, 1, 1]  # two and one of three people
    assert batch.scores[3].sum() == 0


def test_some_questions_are_drawn_anew_each_epoch_and_the_same_way_each_time(examples):
    some = dataset(examples, questions_per_image=1)

    def drawn():
        return [some[(epoch, 1)].questions[0].question_id for epoch in range(12)]

    assert drawn() == drawn()
    assert set(drawn()) == {10, 11, 12}


def test_long_questions_are_cut_with_one_warning(examples, caplog):
    short = dataset(examples, max_words=3)
    assert short[(0, 1)].tokens.shape[1] == 3
    assert "1 questions are longer than 3 words and were cut" in caplog.text


def test_a_question_without_a_word_is_refused(examples):
    empty = QuestionExample(examples[0].image, (Question("?!", ("yes",), 1),), 0)
    with pytest.raises(ValueError, match=r"no word in it: '\?!'. Write one"):
        dataset([empty])


def test_a_batch_moves_as_a_whole(examples):
    batch = dataset(examples)[(0, 0)].to("meta")
    assert batch.images.device == batch.scores.device == torch.device("meta")
    assert batch.features is None
    assert batch.questions[0].text == "Is it red?"
