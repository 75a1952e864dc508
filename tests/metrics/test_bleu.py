import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from multimodal.metrics.bleu import bleu, bleu_per_image
from multimodal.text import tokenize

CAPTIONS = st.lists(st.sampled_from(["a", "the", "dog", "cat", "runs", "on"]), max_size=9)
IMAGES = st.lists(
    st.tuples(CAPTIONS, st.lists(CAPTIONS, min_size=1, max_size=4)), min_size=1, max_size=5
)


def test_corpus_bleu_equals_that_of_coco(case):
    assert_close(bleu(case.candidates, case.references), tuple(case.scores["bleu"]), **TIGHT)


def test_bleu_of_each_image_equals_that_of_coco(case):
    expected = [tuple(row) for row in case.scores["bleu_per_image"]]
    assert_close(bleu_per_image(case.candidates, case.references), expected, **TIGHT)


TIGHT = {"atol": 1e-12, "rtol": 0}


def test_of_two_equally_close_lengths_the_shorter_counts():
    long, short = ["a", "dog", "ran", "home"], ["one", "dog"]
    candidate = ["a", "dog", "ran"]
    assert bleu([candidate], [[long, short]])[0] == pytest.approx(1)
    assert bleu([candidate], [[short, long]])[0] == pytest.approx(1)


def test_a_repeated_word_counts_as_often_as_in_one_reference():
    scores = bleu([["the"] * 4], [[["the", "the", "x", "y"], ["the", "z", "z", "z"]]])
    assert scores[0] == pytest.approx(0.5)


def test_an_empty_caption_scores_next_to_nothing():
    assert max(bleu([[]], [[["a", "dog"]]])) < 1e-12
    assert max(bleu_per_image([[], ["a"]], [[["a"]], [["a"]]])[0]) < 1e-12


@settings(deadline=None, max_examples=50)
@given(IMAGES)
def test_scores_are_between_0_and_1(images):
    candidates, references = zip(*images, strict=True)
    for scores in (bleu(candidates, references), *bleu_per_image(candidates, references)):
        assert all(0 <= score <= 1 for score in scores)


@settings(deadline=None, max_examples=50)
@given(IMAGES, st.randoms())
def test_the_order_of_images_and_references_does_not_matter(images, random):
    candidates, references = zip(*images, strict=True)
    scores = bleu(candidates, references)
    shuffled = [(own, random.sample(refs, len(refs))) for own, refs in images]
    random.shuffle(shuffled)
    candidates, references = zip(*shuffled, strict=True)
    assert bleu(candidates, references) == scores


@settings(deadline=None, max_examples=50)
@given(st.lists(CAPTIONS.filter(lambda caption: len(caption) >= 4), min_size=1, max_size=5))
def test_references_score_1_against_themselves(captions):
    scores = bleu(captions, [[caption, ["something", "else"]] for caption in captions])
    assert_close(scores, (1.0, 1.0, 1.0, 1.0), atol=1e-6, rtol=0)


@pytest.mark.data
def test_corpus_bleu_equals_the_stored_values(gold):
    references = [[tokenize(text) for text in texts] for texts in gold["references"].values()]
    candidates = [tokenize(gold["candidates"][image]) for image in gold["references"]]
    expected = tuple(gold["scores"][f"Bleu_{n}"] for n in (1, 2, 3, 4))
    assert_close(bleu(candidates, references), expected, atol=1e-6, rtol=0)


@pytest.mark.data
def test_bleu_of_each_image_equals_the_stored_values(stored):
    expected = [tuple(row[f"Bleu_{n}"] for n in (1, 2, 3, 4)) for row in stored.scores]
    scores = bleu_per_image(stored.candidates, stored.references)
    assert_close(scores, expected, atol=1e-6, rtol=0)  # stored with six digits
