import pytest
import tiny_answerer
from tiny_captioner import picture

from multimodal.loading import load
from multimodal.vqa.evidence import answer_evidence


@pytest.mark.parametrize("loss", ["cross_entropy", "soft"])
def test_the_score_of_an_answer_is_its_log_odds_from_the_picture_and_from_the_words(loss, tmp_path):
    answerer = load(tiny_answerer.save(tmp_path / "best.ckpt", extra={"loss": loss}))
    answer = answerer(picture("blue"), tiny_answerer.WHAT)
    evidence = answer_evidence(answerer, picture("blue"), tiny_answerer.WHAT)
    assert evidence.prediction == answer.answer
    score = evidence.picture.score_pixels(evidence.picture.image).detach()
    # In single precision the probability of a certain model is 1, and its log-odds are finite.
    assert score.sigmoid().item() == pytest.approx(answer.probability, abs=1e-6)
    words = evidence.text
    assert words.score_words(words.vectors).item() == pytest.approx(score.item(), rel=1e-4)
    assert words.vectors.shape[:2] == (1, len(evidence.words)) == (1, 5)
