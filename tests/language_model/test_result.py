import json
import math

from multimodal.language_model.result import Passage


def test_a_passage_turns_into_json():
    passage = Passage("a good film", "a", ("good", "film"), -math.inf, ended=True, seed=7)
    assert json.loads(passage.to_json()) == {**passage.to_dict(), "log_prob": None}
    assert str(passage) == "a good film"
