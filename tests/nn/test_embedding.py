import pytest
import torch

from multimodal.nn.embedding import WordEmbedding, _can_be_clipped

TOKENS = torch.tensor([[4, 5, 4, 6], [5, 4, 0, 0]])


def _embedding(**changes):
    torch.manual_seed(0)
    return WordEmbedding(50, 3, **changes)


def test_vectors_are_torchs_and_padding_is_zero():
    embedding = _embedding()
    torch.testing.assert_close(embedding(TOKENS), embedding.weight[TOKENS])
    assert not embedding(TOKENS)[1, 2:].any()
    assert embedding.weight[1:].all()
    assert embedding.weight.abs().max() <= 0.1


def test_a_word_is_dropped_everywhere_in_the_batch_and_the_others_are_scaled_up():
    embedding = WordEmbedding(2000, 3, dropout=0.4)
    tokens = torch.arange(1, 2000).repeat(2, 1)
    torch.manual_seed(0)
    vectors = embedding(tokens)
    gone = (vectors == 0).all(dim=-1)
    assert torch.equal(gone[0], gone[1])
    assert gone.float().mean().item() == pytest.approx(0.4, abs=0.03)
    kept = embedding.weight[tokens][~gone] / 0.6
    torch.testing.assert_close(vectors[~gone], kept, rtol=1e-4, atol=0)
    assert torch.equal(embedding.eval()(tokens), embedding.weight[tokens])


def test_the_sparse_gradient_is_the_dense_one():
    dense, sparse = _embedding(gradients="dense"), _embedding(gradients="sparse")
    weight = torch.randn(2, 4, 3)
    for embedding in (dense, sparse):
        (embedding(TOKENS) * weight).sum().backward()
    torch.testing.assert_close(sparse.weight.grad.to_dense(), dense.weight.grad)
    assert sparse.weight.grad.is_sparse
    assert not dense.weight.grad.is_sparse


def test_only_a_large_vocabulary_has_a_sparse_gradient_by_itself():
    assert not WordEmbedding(20_000, 1).sparse
    assert WordEmbedding(100_000, 1).sparse == _can_be_clipped()  # torch 2.11 cannot clip it
    assert WordEmbedding(100_000, 1, gradients="sparse").sparse
    assert not WordEmbedding(100_000, 1, gradients="dense").sparse


def test_an_unknown_kind_of_gradient_is_refused():
    with pytest.raises(ValueError, match="`gradients` must be auto, dense or sparse, got 'rows'"):
        _embedding(gradients="rows")
