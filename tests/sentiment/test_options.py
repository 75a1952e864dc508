from multimodal.sentiment.options import SentimentOptions


def test_a_call_explains_unless_told_otherwise():
    assert SentimentOptions().explain
