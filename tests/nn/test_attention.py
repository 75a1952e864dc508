import pytest
import torch
from torch import nn

from multimodal.nn.attention import AdditiveAttention, DotAttention


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_dot_attention_equals_torchs_multihead_attention():
    ours = DotAttention(6, 6, attention_dim=6, num_heads=2)
    reference = nn.MultiheadAttention(6, 2, batch_first=True)
    with torch.no_grad():
        layers = (ours.query, ours.key, ours.value)
        reference.in_proj_weight.copy_(torch.cat([layer.weight for layer in layers]))
        reference.in_proj_bias.copy_(torch.cat([layer.bias for layer in layers]))
        reference.out_proj.weight.copy_(torch.eye(6))
        reference.out_proj.bias.zero_()
    queries, regions = torch.randn(2, 5, 6), torch.randn(2, 7, 6)
    contexts, weights = ours(queries, *ours.keys(regions))
    expected, expected_weights = reference(queries, regions, regions)
    torch.testing.assert_close(contexts, expected)
    torch.testing.assert_close(weights, expected_weights)


def test_additive_attention_equals_its_equation_written_out():
    ours = AdditiveAttention(3, 4, attention_dim=5)
    query, regions = torch.randn(1, 1, 3), torch.randn(1, 6, 4)
    scores = [
        ours.score(torch.tanh(ours.key(region) + ours.query(query[0, 0]))) for region in regions[0]
    ]
    expected = torch.cat(scores).softmax(dim=0)
    context, weights = ours(ours.query(query), ours.keys(regions), regions)
    torch.testing.assert_close(weights[0, 0], expected)
    torch.testing.assert_close(context[0, 0], expected @ regions[0])


def test_the_weights_of_a_query_sum_to_one():
    ours = DotAttention(3, 4, attention_dim=8, num_heads=4)
    _, weights = ours(torch.randn(2, 5, 3), *ours.keys(torch.randn(2, 7, 4)))
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 5))


def test_a_query_does_not_see_the_other_queries():
    ours = DotAttention(3, 4, attention_dim=8, num_heads=2)
    queries, keys = torch.randn(1, 5, 3), ours.keys(torch.randn(1, 7, 4))
    together, _ = ours(queries, *keys)
    alone, _ = ours(queries[:, 2:3], *keys)
    torch.testing.assert_close(together[:, 2:3], alone)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="multiple of `num_heads`, got 6 and 4"):
        DotAttention(3, 4, attention_dim=6, num_heads=4)
