import pytest
import torch

from multimodal.decoding import beam_search
from multimodal.decoding.ensemble import ensemble


def member(seed, width, regions=0):
    """A random model: its state counts the words, its context is a vector of the image."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.randn(7, 7, generator=generator)
    bias = torch.randn(2, 7, generator=generator)

    def step(tokens, state, context):
        (count,) = state
        attention = torch.full((*tokens.shape, regions), 0.1 * seed) if regions else None
        logits = table[tokens] + context[0].unsqueeze(1) + 0.1 * count[..., :1]
        return logits, (count + 1,), attention

    return step, (torch.zeros(2, width),), (bias,)


def test_an_ensemble_of_one_equals_its_member():
    alone = beam_search(*member(0, 3), beam_size=3, max_length=6)
    joined = beam_search(*ensemble([member(0, 3)]), beam_size=3, max_length=6)
    assert torch.equal(alone.tokens, joined.tokens)
    torch.testing.assert_close(alone.scores, joined.scores)


def test_the_step_gives_the_mean_of_the_probabilities():
    parts = [member(seed, width) for seed, width in ((0, 3), (1, 2), (2, 4))]
    tokens = torch.tensor([[4, 5], [6, 1]])
    beams = [tuple(p.unsqueeze(1).expand(-1, 2, -1) for p in state) for _, state, _ in parts]
    expected = torch.stack(
        [
            step(tokens, state, context)[0].softmax(dim=-1)
            for (step, _, context), state in zip(parts, beams, strict=True)
        ]
    ).mean(dim=0)
    step, _, context = ensemble(parts)
    logits, state, _ = step(tokens, tuple(p for beam in beams for p in beam), context)
    torch.testing.assert_close(logits.exp(), expected)
    assert [part.shape[-1] for part in state] == [3, 2, 4]
    assert all((part == 1).all() for part in state)


def test_the_order_of_the_members_does_not_matter():
    one = beam_search(*ensemble([member(0, 3), member(1, 2)]), beam_size=3, max_length=6)
    other = beam_search(*ensemble([member(1, 2), member(0, 3)]), beam_size=3, max_length=6)
    assert torch.equal(one.tokens, other.tokens)


@pytest.mark.parametrize(
    ("regions", "expected"), [((5, 5), 0.2), ((5, 4), None), ((5, 0), None), ((0, 0), None)]
)
def test_the_attention_is_the_mean_over_members_that_share_their_regions(regions, expected):
    members = [member(seed, 3, count) for seed, count in zip((1, 3), regions, strict=True)]
    result = beam_search(*ensemble(members), beam_size=2, max_length=4).attention
    if expected is None:
        assert result is None
    else:
        torch.testing.assert_close(result[..., 0, :], torch.full((2, 1, 5), expected))


def test_an_ensemble_of_nothing_is_refused():
    with pytest.raises(ValueError, match="needs one model or more"):
        ensemble([])
