import pytest
import torch
from torch.nn import functional as F

from multimodal.nn.encoders import EncoderSettings
from multimodal.vqa.fusion import FUSIONS
from multimodal.vqa.model import Answerer, AnswererSettings

ENCODER = EncoderSettings(channels=[8, 12], strides=[4, 2])
SIZES = {"embedding_dim": 8, "question_dim": 10, "fusion_dim": 12, "answer_dim": 16}
TOKENS = torch.tensor([[5, 6, 7], [8, 0, 0], [4, 9, 0]])
IMAGE_OF, QUESTION_OF = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 2])


def answerer(**changes):
    torch.manual_seed(0)
    return Answerer(AnswererSettings(ENCODER, **{**SIZES, **changes}), 10, 4).eval()


def features():
    return torch.randn(2, 16, 14, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_row_gets_a_score_for_each_answer(fusion):
    logits, weights = answerer(fusion=fusion)(features(), TOKENS, TOKENS > 0, IMAGE_OF, QUESTION_OF)
    assert logits.shape == (3, 4)
    assert weights.shape == (3, 16)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(3))


@pytest.mark.parametrize("fusion", FUSIONS)
def test_encoded_questions_get_the_scores_of_their_tokens(fusion):
    net = answerer(fusion=fusion)
    questions = net.questions.encode(net.questions.embedding(TOKENS), TOKENS > 0)
    result = net.score(features(), questions, IMAGE_OF, QUESTION_OF)
    torch.testing.assert_close(result, net(features(), TOKENS, TOKENS > 0, IMAGE_OF, QUESTION_OF))


@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_parameter_but_the_padding_gets_a_gradient(fusion):
    net = answerer(fusion=fusion, region_dim=6, bidirectional=True).train()
    images = torch.randint(0, 255, (2, 3, 32, 32), dtype=torch.uint8)
    logits, _ = net(net.encoder(images), TOKENS, TOKENS > 0, IMAGE_OF, QUESTION_OF)
    logits.square().sum().backward()
    silent = [name for name, p in net.named_parameters() if p.grad is None]
    assert silent == []


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_question_gets_the_same_answer_alone_and_in_a_batch(fusion):
    net = answerer(fusion=fusion)
    whole, _ = net(features(), TOKENS, TOKENS > 0, IMAGE_OF, QUESTION_OF)
    zero = torch.tensor([0])
    alone, _ = net(features()[1:], TOKENS[2:, :2], TOKENS[2:, :2] > 0, zero, zero)
    torch.testing.assert_close(alone, whole[2:])


def test_a_network_blind_to_the_image_answers_from_the_question_alone():
    net = answerer(blind="image")
    first, _ = net(features(), TOKENS, TOKENS > 0, IMAGE_OF, QUESTION_OF)
    second, _ = net(features() + 1, TOKENS, TOKENS > 0, IMAGE_OF, QUESTION_OF)
    torch.testing.assert_close(first, second)
    assert not torch.allclose(first[0], first[1])


def test_a_network_blind_to_the_question_answers_from_the_image_alone():
    net = answerer(blind="question")
    logits, _ = net(features(), TOKENS, TOKENS > 0, IMAGE_OF, QUESTION_OF)
    torch.testing.assert_close(logits[0], logits[1])
    assert not torch.allclose(logits[0], logits[2])


def test_half_precision_features_of_a_cache_are_accepted():
    net = answerer(region_dim=6)
    logits, _ = net(features().half(), TOKENS, TOKENS > 0, IMAGE_OF, QUESTION_OF)
    assert logits.dtype == torch.float32


def test_an_unknown_fusion_is_refused():
    settings = AnswererSettings(ENCODER)
    object.__setattr__(settings, "fusion", "sum")  # as from a file: the type is not checked there
    with pytest.raises(ValueError, match=r"`fusion` must be one of slots, multiply, .* got 'sum'"):
        Answerer(settings, 10, 4)


def test_eight_questions_are_learnt_by_heart():
    net = answerer().train()
    images = torch.randint(0, 255, (2, 3, 32, 32), dtype=torch.uint8)
    image_of, question_of = torch.arange(8) // 4, torch.arange(8) % 4
    tokens = torch.arange(4, 8).unsqueeze(1)
    labels = torch.tensor([0, 1, 2, 3, 3, 2, 1, 0])
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(40):
        logits, _ = net(net.encoder(images), tokens, tokens > 0, image_of, question_of)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert logits.argmax(dim=1).equal(labels)
