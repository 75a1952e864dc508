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
    assert reply.said == "a red picture that isn't green"
    assert is_drawing(reply.picture)


def test_a_question_is_answered(replies, red):
    reply = replies.answer(red, tiny_answerer.WHAT)
    answer = replies.models.get("vqa", object)(red, tiny_answerer.WHAT)
    assert reply.said == f"{answer.answer}, {100 * answer.probability:.1f} %"
    assert is_drawing(reply.picture)
    assert "(the model never saw: zebra)" in replies.answer(red, "Is it zebra?").said


def test_a_text_is_judged(replies):
    reply = replies.judge("the film is not bad")
    assert reply.said.startswith("positive, ")
    assert is_drawing(reply.picture)


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_is_classified_and_explained(replies, red, method):
    reply = replies.classify(red, method)
    assert reply.said.startswith("red, ")
    assert is_drawing(reply.picture)


def test_scenes_are_as_large_as_models_see_them_and_can_be_asked_about(replies, tmp_path):
    scene, question = replies.scene_and_question()
    assert scene.shape == (48, 48, 3)  # the models see 32 pixels, scenes are drawn from 48 on
    assert question.endswith("?")
    Image.fromarray(scene).save(tmp_path / "scene.png")
    assert replies.answer(str(tmp_path / "scene.png"), question).picture is not None
    assert replies.example_to_classify().shape == (48, 48, 3)
    assert Replies(Models({})).scene("captioning").shape == (128, 128, 3)


def test_a_model_of_digits_gets_a_digit(replies, monkeypatch):
    predictor = replies.models.get("classification", object)
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
        ("judge", [""], "Write a text first."),
        ("judge", ["a" * (LONGEST_TEXT + 1)], "A text has 10,000 letters at most"),
        ("judge", ["..."], "A text has no word in it"),
        ("classify", [None, "occlusion"], "Put a picture in first, or take an example."),
        ("classify", ["RED", "lime"], "`method` must be one of saliency"),
    ],
)
def test_what_is_wrong_is_a_sentence(replies, red, *, verb, given, sentence):
    reply = getattr(replies, verb)(*(red if part == "RED" else part for part in given))
    assert sentence in reply.said
    assert reply.picture is None


def test_a_sentence_names_a_file_and_not_where_the_page_keeps_it(replies, tmp_path):
    (tmp_path / "text.png").write_text("This is no picture.")
    said = replies.caption(str(tmp_path / "text.png")).said
    assert said.startswith("text.png is not a picture in a format read here")
    assert "No picture gone.png" in replies.caption(str(tmp_path / "gone.png")).said


def test_a_picture_that_is_too_large_is_refused_before_it_is_decoded(replies, tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(path)
    reply = replies.caption(str(path))
    assert "20000" in reply.said or "20,000" in reply.said or "more pixels" in reply.said
    assert reply.picture is None


def test_a_tab_without_a_model_says_so(red):
    empty = Replies(Models({"captioning": "nowhere.ckpt"}))
    assert "No model for captions" in empty.caption(red).said
    assert "No model for texts was named" in empty.judge("fine").said
