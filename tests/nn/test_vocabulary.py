import pytest
import torch
from torch import nn

from multimodal.nn.vocabulary import WordPredictor


class Predictor(WordPredictor):
    def __init__(self, output_dim, *, tied):
        super().__init__()
        self.embedding = nn.Embedding(9, 4)
        self.add_vocabulary(output_dim, tied=tied)


@pytest.mark.parametrize("output_dim", [4, 6])
@pytest.mark.parametrize("tied", [True, False])
def test_the_logits_of_candidates_are_those_of_all_words(output_dim, tied):
    predictor, outputs = Predictor(output_dim, tied=tied), torch.randn(2, 3, output_dim)
    candidates = torch.tensor([7, 2])
    logits = predictor.logits(outputs)
    assert logits.shape == (2, 3, 9)
    torch.testing.assert_close(predictor.logits(outputs, candidates), logits[..., candidates])


def test_the_tied_matrix_predicts_the_words_that_it_embeds():
    predictor = Predictor(4, tied=True)
    names = {name for name, _ in predictor.named_parameters()}
    assert names == {"embedding.weight", "bias"}
    vectors = predictor.embed(torch.tensor([[5, 6]]))
    torch.testing.assert_close(vectors, predictor.embedding.weight[5:7].unsqueeze(0) * 2)
    expected = vectors @ predictor.embedding.weight.T
    torch.testing.assert_close(predictor.logits(vectors), expected)
