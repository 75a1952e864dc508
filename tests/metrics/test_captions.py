import pytest
from torch.testing import assert_close

from multimodal.metrics import captions as module
from multimodal.metrics.captions import CaptionScores, caption_scores

KEYS = ["bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "cider"]


def test_all_scores_equal_those_of_coco(case):
    scores = caption_scores(case.candidates, case.references, with_meteor=False)
    expected = [*case.scores["bleu"], case.scores["rouge_l"], case.scores["cider"]]
    assert_close(scores, dict(zip(KEYS, expected, strict=True)), atol=1e-9, rtol=0)


def test_meteor_is_there_when_wordnet_is(monkeypatch):
    monkeypatch.setattr(module, "meteor", lambda candidates, references: 0.25)
    pair = [["a", "dog"]], [[["a", "dog"]]]
    monkeypatch.setattr(module, "wordnet_is_there", lambda: True)
    assert caption_scores(*pair)["meteor"] == 0.25
    assert list(caption_scores(*pair, with_meteor=False)) == KEYS
    monkeypatch.setattr(module, "wordnet_is_there", lambda: False)
    assert list(caption_scores(*pair)) == KEYS


def test_the_metric_gives_the_scores_of_the_whole_set_in_any_batches(case):
    metric = CaptionScores(with_meteor=False)
    ids = list(range(len(case.candidates)))
    for part in (slice(20, None), slice(5, 20), slice(0, 7)):
        metric.update(ids[part], case.candidates[part], case.references[part])
    assert metric.compute() == caption_scores(case.candidates, case.references, with_meteor=False)


def test_the_metric_can_be_used_again_after_a_reset():
    metric = CaptionScores(with_meteor=False)
    metric.update(["a.jpg"], [["x"]], [[["a", "dog"]]])
    assert metric.compute()["rouge_l"] == 0
    metric.reset()
    metric.update(["a.jpg"], [["a", "dog"]], [[["a", "dog"]]])
    assert metric.compute()["rouge_l"] == 1


def test_errors_of_the_scores_reach_the_caller():
    with pytest.raises(ValueError, match="at least one reference caption"):
        caption_scores([["a"]], [[]])
