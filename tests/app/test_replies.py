import numpy as np
import pytest
import tiny_answerer
from PIL import Image

from multimodal.app.models import Models
from multimodal.app.replies import LONGEST_TEXT, Replies
from multimodal.attribution.methods import METHODS


def is_drawing(picture):
    return picture.dtype == np.uint8 and picture.shape[1] > 300 and picture.std() > 1


def test_a_picture_is_captioned_with_its_attention(replies, red):
    reply = replies.caption(red)
    assert reply.text == "a red picture that isn't green"
    assert is_drawing(reply.picture)


def test_a_question_is_answered(replies, red):
    reply = replies.answer(red, tiny_answerer.WHAT)
    answer = replies.models.get("vqa")(red, tiny_answerer.WHAT)
    assert reply.text == f"{answer.answer}, {100 * answer.probability:.1f} %"
    assert is_drawing(reply.picture)
    assert "(the model never saw: zebra)" in replies.answer(red, "Is it zebra?").text


def test_a_text_is_classified(replies):
    reply = replies.sentiment("the film is not bad")
    assert reply.text.startswith("positive, ")
    assert is_drawing(reply.picture)


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_is_classified_and_explained(replies, red, method):
    reply = replies.classify(red, method)
    assert reply.text.startswith("red, ")
    assert is_drawing(reply.picture)


def test_scenes_have_the_size_of_the_model_and_a_question(replies, tmp_path):
    scene, question = replies.scene_and_question()
    assert scene.shape == (48, 48, 3)  # the models see 32 pixels, scenes are drawn from 48 on
    assert question.endswith("?")
    Image.fromarray(scene).save(tmp_path / "scene.png")
    assert replies.answer(str(tmp_path / "scene.png"), question).picture is not None
    assert replies.example_to_classify().shape == (48, 48, 3)
    assert Replies(Models({})).scene("captioning").shape == (128, 128, 3)


def test_a_model_of_digits_gets_a_digit(replies, monkeypatch):
    predictor = replies.models.get("classification")
    monkeypatch.setattr(predictor, "labels", ("0", "1", "2"))
    digit = replies.example_to_classify()
    assert digit.shape == (8, 8, 3)
    assert (digit[..., 0] == digit[..., 2]).all()


def test_reviews_are_written(replies):
    assert len(replies.review().split()) >= 5


@pytest.mark.parametrize(
    ("verb", "given", "sentence"),
    [
        ("caption", [None], "Put a picture in first, or draw a scene."),
        ("caption", ["gone.png"], "No picture gone.png"),
        ("answer", ["RED", "  "], "Write a question first."),
        ("answer", ["RED", "why " * 100], "A question has 300 letters at most, got 400."),
        ("sentiment", [""], "Write a text first."),
        ("sentiment", ["a" * (LONGEST_TEXT + 1)], "A text has 10,000 letters at most"),
        ("sentiment", ["..."], "A text has no word in it"),
        ("classify", [None, "occlusion"], "Put a picture in first, or take an example."),
        ("classify", ["RED", "lime"], "`method` must be one of saliency"),
    ],
)
def test_a_wrong_input_gets_a_sentence(replies, red, *, verb, given, sentence):
    reply = getattr(replies, verb)(*(red if part == "RED" else part for part in given))
    assert sentence in reply.text
    assert reply.picture is None


def test_a_sentence_names_a_file_and_not_its_folder(replies, tmp_path):
    (tmp_path / "text.png").write_text("This is no picture.")
    text = replies.caption(str(tmp_path / "text.png")).text
    assert text.startswith("text.png is not a picture in a format read here")
    assert "No picture gone.png" in replies.caption(str(tmp_path / "gone.png")).text


def test_a_picture_that_is_too_large_is_refused_before_it_is_decoded(replies, tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(path)
    reply = replies.caption(str(path))
    assert "20000" in reply.text or "20,000" in reply.text or "more pixels" in reply.text
    assert reply.picture is None


def test_a_tab_without_a_model_says_so(red):
    empty = Replies(Models({"captioning": "nowhere.ckpt"}))
    assert "No model for captions" in empty.caption(red).text
    assert "No model for texts was named" in empty.sentiment("fine").text
