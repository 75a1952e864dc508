import tiny_captioner
import torch
from tiny_captioner import picture

from multimodal.captioning.evidence import caption_evidence
from multimodal.loading import load


def test_the_scores_of_a_caption_are_the_log_probabilities_of_its_words(tmp_path):
    captioner = load(tiny_captioner.save(tmp_path / "best.ckpt"))
    caption = captioner(picture("red"))
    evidence = caption_evidence(captioner, picture("red"))
    assert evidence.prediction == caption.text
    assert evidence.words == caption.tokens
    scores = evidence.picture.score_pixels(evidence.picture.image).detach()
    assert scores.shape == (1, evidence.picture.outputs) == (1, len(caption.tokens))
    # The score of the caption also holds the log-probability of its end.
    assert caption.score <= float(scores.sum()) <= 0
    maps = evidence.picture.encode(evidence.picture.image)
    torch.testing.assert_close(scores, evidence.picture.score_maps(maps).detach())
