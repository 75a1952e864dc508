import pytest
import torch

from multimodal.inference.inputs import ImageInput
from multimodal.vqa.result import Alternative, Answer


def test_an_answer_is_drawn_with_its_question_and_its_alternatives():
    seen = ImageInput(torch.zeros(3, 32, 32, dtype=torch.uint8), 1, 1)
    answer = Answer("red", 0.75, (Alternative("blue", 0.25),), ((1.0,),), "Hue?", ("hue",), seen)
    texts = [text.get_text() for text in answer.figure().texts]
    assert texts[:2] == ["Hue?", "The model never saw the word hue."]
    assert texts[-4:] == ["red", "75.0 %", "blue", "25.0 %"]


@pytest.mark.parametrize(
    ("unknown", "note"),
    [((), ""), (("gnu",), "The model never saw the word gnu."),
     (("zebra", "gnu"), "The model never saw the words zebra, gnu.")],
)  # fmt: skip
def test_a_note_names_the_words_that_the_model_never_saw(unknown, note):
    assert Answer("no", 0.5, unknown_words=unknown).note == note
