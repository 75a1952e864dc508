import pytest

from multimodal.metrics.pairs import check_pairs


def test_captions_of_any_length_pass():
    check_pairs([[], ["a"], ("a", "dog")], [[["a"]], [[]], [["a"], ["b", "c"]]])


def test_different_numbers_of_images_are_refused():
    with pytest.raises(ValueError, match="got 2 candidates and 1 lists of references"):
        check_pairs([["a"], ["b"]], [[["a"]]])


def test_no_images_are_refused():
    with pytest.raises(ValueError, match="no captions to score: give at least one image's"):
        check_pairs([], [])


def test_an_image_without_references_is_refused():
    with pytest.raises(ValueError, match="at least one reference caption, number 1 has none"):
        check_pairs([["a"], ["b"]], [[["a"]], []])


@pytest.mark.parametrize(
    ("candidates", "references"),
    [
        (["a dog"], [[["a", "dog"]]]),
        ([["a", "dog"]], [["a dog"]]),
        ([["a", "dog"]], ["a dog"]),
    ],
)
def test_a_sentence_in_place_of_its_words_is_refused(candidates, references):
    with pytest.raises(TypeError, match=r"got the string 'a dog' for image number 0.*tokenize"):
        check_pairs(candidates, references)
