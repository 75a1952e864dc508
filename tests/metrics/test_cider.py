import importlib.util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from multimodal.metrics.cider import CiderD, Rarity, cider_d
from multimodal.text import tokenize

CAPTIONS = st.lists(st.sampled_from(["a", "the", "dog", "cat", "runs", "on"]), max_size=9)
IMAGES = st.lists(
    st.tuples(CAPTIONS, st.lists(CAPTIONS, min_size=1, max_size=4)), min_size=1, max_size=5
)


def _direct_cider_d():
    path = Path(__file__).parents[2] / "scripts" / "sides" / "direct_cider.py"
    spec = importlib.util.spec_from_file_location("direct_cider", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.direct_cider_d


direct_cider_d = _direct_cider_d()


def test_cider_d_equals_that_of_coco(case):
    score = cider_d(case.candidates, case.references)
    assert_close(score, case.scores["cider"], atol=1e-9, rtol=0)


def test_cider_d_of_each_image_equals_that_of_coco(case):
    _, scores = CiderD(case.references).score(case.candidates)
    assert_close(scores, case.scores["cider_per_image"], atol=1e-9, rtol=0)


def test_the_direct_implementation_equals_that_of_coco(case):
    mean, scores = direct_cider_d(case.candidates, case.references)
    assert_close(mean, case.scores["cider"], atol=1e-9, rtol=0)
    assert_close(scores, case.scores["cider_per_image"], atol=1e-9, rtol=0)


@settings(deadline=None, max_examples=50)
@given(IMAGES)
def test_cached_vectors_give_what_the_equations_give(images):
    candidates, references = zip(*images, strict=True)
    scorer = CiderD(references)
    assert_close(scorer.score(candidates), direct_cider_d(candidates, references), **TIGHT)
    backwards = [caption[::-1] for caption in candidates]
    assert_close(scorer.score(backwards), direct_cider_d(backwards, references), **TIGHT)


TIGHT = {"atol": 1e-9, "rtol": 0}


@settings(deadline=None, max_examples=50)
@given(IMAGES, st.data())
def test_a_part_of_the_images_scores_as_in_the_whole_with_its_rarity(images, data):
    candidates, references = zip(*images, strict=True)
    _, expected = CiderD(references).score(candidates)
    chosen = data.draw(st.lists(st.sampled_from(range(len(images))), min_size=1))
    part = CiderD([references[image] for image in chosen], Rarity(references))
    _, scores = part.score([candidates[image] for image in chosen])
    assert scores == [expected[image] for image in chosen]


def test_images_outside_the_rarity_can_be_scored():
    rarity = Rarity([[["a", "dog"]], [["a", "cat"]]])
    scorer = CiderD([[["blue", "bird"]], [["a"]]], rarity)
    assert scorer.score([["blue", "bird"], ["a"]])[1] == [pytest.approx(5.0), 0.0]


@settings(deadline=None, max_examples=50)
@given(IMAGES)
def test_scores_are_between_0_and_10(images):
    candidates, references = zip(*images, strict=True)
    _, scores = CiderD(references).score(candidates)
    assert all(0 <= score <= 10 + 1e-9 for score in scores)


@settings(deadline=None, max_examples=50)
@given(IMAGES, st.randoms())
def test_the_order_of_images_and_references_does_not_matter(images, random):
    score = cider_d(*zip(*images, strict=True))
    shuffled = [(own, random.sample(refs, len(refs))) for own, refs in images]
    random.shuffle(shuffled)
    assert cider_d(*zip(*shuffled, strict=True)) == score


def test_a_reference_scores_10_against_itself():
    references = [[["a", "dog", "runs", "fast"]], [["the", "cat", "sits", "there"]]]
    assert cider_d([of_image[0] for of_image in references], references) == pytest.approx(10)


def test_empty_captions_score_0():
    references = [[["a", "dog"], []], [["the", "cat"]]]
    assert CiderD(references).score([[], []]) == (0.0, [0.0, 0.0])


def test_the_only_image_of_a_set_scores_0():
    assert cider_d([["a", "dog"]], [[["a", "dog"]]]) == 0


def test_another_number_of_candidates_is_refused():
    with pytest.raises(ValueError, match="got 1 candidates and 2 lists of references"):
        CiderD([[["a"]], [["b"]]]).score([["a"]])


@pytest.mark.data
def test_cider_d_equals_the_stored_value(gold):
    references = [[tokenize(text) for text in texts] for texts in gold["references"].values()]
    candidates = [tokenize(gold["candidates"][image]) for image in gold["references"]]
    score = cider_d(candidates, references)
    assert_close(score, gold["scores"]["CIDEr"], atol=1e-6, rtol=0)


@pytest.mark.data
def test_cider_d_of_each_image_equals_the_stored_values(gold):
    references = [[tokenize(text) for text in texts] for texts in gold["references"].values()]
    candidates = [tokenize(gold["candidates"][image]) for image in gold["references"]]
    expected = [gold["per_image"][image]["CIDEr"] for image in gold["references"]]
    assert_close(CiderD(references).score(candidates)[1], expected, atol=1e-6, rtol=0)
