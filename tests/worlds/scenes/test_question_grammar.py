import pytest

from multimodal.text import tokenize
from multimodal.worlds.scenes import SHAPES
from multimodal.worlds.scenes.question_grammar import indefinite, plural, singular


@pytest.mark.parametrize(
    ("words", "one", "an", "many"),
    [
        (("small", "red", "star"), "small red star", "a small red star", "small red stars"),
        (("cross",), "cross", "a cross", "crosses"),
        (("orange", "ring"), "orange ring", "an orange ring", "orange rings"),
        (("large",), "large thing", "a large thing", "large things"),
        (("orange",), "orange thing", "an orange thing", "orange things"),
        ((), "thing", "a thing", "things"),
    ],
)
def test_descriptions_are_written_in_english(words, one, an, many):
    assert singular(words, "thing") == one
    assert indefinite(words, "thing") == an
    assert plural(words, "thing") == many


def test_the_noun_only_replaces_a_missing_shape():
    assert singular(("red",), "shape") == "red shape"
    assert all(singular((shape,), "shape") == shape for shape in SHAPES)


def test_a_name_is_its_own_tokens():
    assert tokenize(plural(("small", "white", "cross"), "shape")) == ["small", "white", "crosses"]
