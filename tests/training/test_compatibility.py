import pytest

from multimodal.training.compatibility import refuse_other_network

SETTINGS = {"encoder": {"name": "small", "weights": "a.pth", "trainable_stages": -1}, "hidden": 8}
HELD = {"settings": SETTINGS, "vocabulary": ["<pad>", "a"], "extra": {"answers": ["yes", "no"]}}


def test_a_checkpoint_of_the_same_network_and_words_is_taken():
    lists = {"vocabulary": ["<pad>", "a"], "answers": ["yes", "no"]}
    refuse_other_network(HELD, SETTINGS, lists)


def test_what_the_encoder_once_started_from_may_differ():
    other = {**SETTINGS, "encoder": {"name": "small", "weights": "none", "trainable_stages": 0}}
    refuse_other_network(HELD, other, {})


def test_a_setting_that_an_older_checkpoint_does_not_know_is_the_default():
    newer = {**SETTINGS, "encoder": {**SETTINGS["encoder"], "activation": "relu"}}
    refuse_other_network(HELD, newer, {})
    newer["encoder"]["activation"] = "elu"
    with pytest.raises(ValueError, match=r"network differs from this run's in encoder"):
        refuse_other_network(HELD, newer, {})


def test_another_size_is_named():
    with pytest.raises(ValueError, match=r"network differs from this run's in hidden"):
        refuse_other_network(HELD, {**SETTINGS, "hidden": 9}, {})


def test_other_rows_are_refused_by_their_name():
    with pytest.raises(ValueError, match=r"answers has 2 entries, this run's 2, .* not the same"):
        refuse_other_network(HELD, SETTINGS, {"answers": ["no", "yes"]})


def test_a_checkpoint_that_says_nothing_is_refused():
    with pytest.raises(ValueError, match=r"differs from this run's in encoder, hidden"):
        refuse_other_network({}, SETTINGS, {})
