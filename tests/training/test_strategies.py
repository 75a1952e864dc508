import pytest

from multimodal.nn.encoders import SmallCNN
from multimodal.training.strategies import check_start, open_encoder


def opened(strategy, stages=2):
    encoder = SmallCNN(channels=(8, 8, 8), strides=(2, 2, 1), trainable_stages=1).train()
    open_encoder(encoder, strategy, stages)
    opened = [any(p.requires_grad for p in block.parameters()) for block in encoder.blocks]
    assert [block.training for block in encoder.blocks] == opened  # batch normalisation
    return opened


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("none", [False, False, True]),
        ("linear", [False, False, False]),
        ("head", [False, False, False]),
        ("gradual", [False, False, False]),
        ("last_stages", [False, True, True]),
        ("full", [True, True, True]),
    ],
)
def test_a_strategy_opens_what_it_trains(strategy, expected):
    assert opened(strategy) == expected


@pytest.mark.parametrize("stages", [0, 4])
def test_stages_that_are_not_there_are_refused(stages):
    with pytest.raises(ValueError, match=rf"`stages` must be from 1 to 3, .* got {stages}"):
        opened("last_stages", stages)


def test_a_strategy_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"`transfer` must be one of none, linear, .*, got 'all'"):
        opened("all")


@pytest.mark.parametrize("strategy", ["linear", "head", "last_stages", "gradual"])
def test_a_closed_encoder_must_have_learned_something(strategy):
    with pytest.raises(ValueError, match=rf"`transfer` {strategy} builds on what an encoder has"):
        check_start(strategy, "none")
    check_start(strategy, "pretrained")


@pytest.mark.parametrize("strategy", ["none", "full"])
def test_everything_may_start_from_nothing(strategy):
    check_start(strategy, "none")
