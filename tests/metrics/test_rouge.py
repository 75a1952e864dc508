import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from multimodal.metrics.rouge import rouge_l, rouge_l_per_image
from multimodal.text import tokenize

CAPTIONS = st.lists(st.sampled_from(["a", "the", "dog", "cat", "runs", "on"]), max_size=9)
IMAGES = st.lists(
    st.tuples(CAPTIONS, st.lists(CAPTIONS, min_size=1, max_size=4)), min_size=1, max_size=5
)


def test_rouge_l_equals_that_of_coco(case):
    score = rouge_l(case.candidates, case.references)
    assert_close(score, case.scores["rouge_l"], atol=1e-12, rtol=0)


def test_rouge_l_of_each_image_equals_that_of_coco(case):
    scores = rouge_l_per_image(case.candidates, case.references)
    assert_close(scores, case.scores["rouge_l_per_image"], atol=1e-12, rtol=0)


def test_the_best_precision_and_the_best_recall_come_from_any_reference():
    # Precision 2/2 from the first, recall 1/1 from the second: an F-measure of 1.
    assert rouge_l([["a", "dog"]], [[["a", "big", "red", "dog"], ["dog"]]]) == pytest.approx(1)


def test_words_count_in_their_order():
    assert rouge_l([["c", "b", "a"]], [[["a", "b", "c"]]]) == pytest.approx(1 / 3)


def test_an_empty_caption_scores_0():
    assert rouge_l([[]], [[["a", "dog"]]]) == 0


def _common_by_table(one, other):
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, word in enumerate(one):
        for j, word2 in enumerate(other):
            best = max(table[i][j + 1], table[i + 1][j])
            table[i + 1][j + 1] = table[i][j] + 1 if word == word2 else best
    return table[-1][-1]


@settings(deadline=None, max_examples=50)
@given(CAPTIONS.filter(bool), CAPTIONS.filter(bool))
def test_the_common_subsequence_is_that_of_the_textbook_table(candidate, reference):
    common = _common_by_table(candidate, reference)
    precision, recall = common / len(candidate), common / len(reference)
    expected = 2.44 * precision * recall / (recall + 1.44 * precision) if common else 0.0
    assert rouge_l([candidate], [[reference]]) == pytest.approx(expected)


def test_captions_longer_than_a_machine_word_are_scored():
    assert rouge_l([["a", "b"] * 100], [[["a"] * 300]]) == pytest.approx(
        2.44 * 0.5 * (1 / 3) / (1 / 3 + 1.44 * 0.5)
    )


@settings(deadline=None, max_examples=50)
@given(IMAGES)
def test_scores_are_between_0_and_1(images):
    scores = rouge_l_per_image(*zip(*images, strict=True))
    assert all(0 <= score <= 1 + 1e-12 for score in scores)


@settings(deadline=None, max_examples=50)
@given(IMAGES, st.randoms())
def test_the_order_of_images_and_references_does_not_matter(images, random):
    score = rouge_l(*zip(*images, strict=True))
    shuffled = [(own, random.sample(refs, len(refs))) for own, refs in images]
    random.shuffle(shuffled)
    assert rouge_l(*zip(*shuffled, strict=True)) == score


@pytest.mark.data
def test_rouge_l_equals_the_stored_value(gold):
    references = [[tokenize(text) for text in texts] for texts in gold["references"].values()]
    candidates = [tokenize(gold["candidates"][image]) for image in gold["references"]]
    score = rouge_l(candidates, references)
    assert_close(score, gold["scores"]["ROUGE_L"], atol=1e-6, rtol=0)


@pytest.mark.data
def test_rouge_l_of_each_image_equals_the_stored_values(stored):
    scores = rouge_l_per_image(stored.candidates, stored.references)
    assert_close(scores, [row["ROUGE_L"] for row in stored.scores], atol=1e-6, rtol=0)
