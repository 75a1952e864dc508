import tiny_critic
import torch

from multimodal.attribution.baselines import mean_word, median_colour
from multimodal.sentiment.model import SentimentClassifier


def test_special_tokens_are_not_part_of_the_mean_word():
    torch.manual_seed(0)
    embedding = SentimentClassifier(tiny_critic.settings(), vocab_size=30, num_classes=3).embedding
    expected = embedding.weight[4:].mean(dim=0)
    torch.testing.assert_close(mean_word(embedding), expected)
    with torch.no_grad():
        embedding.weight[:4] = 99
    torch.testing.assert_close(mean_word(embedding), expected)


def test_the_mean_word_of_an_empty_vocabulary_is_zero():
    embedding = SentimentClassifier(tiny_critic.settings(), vocab_size=4, num_classes=2).embedding
    assert mean_word(embedding).tolist() == [0.0] * 12


def test_the_median_colour_is_that_of_a_plain_background():
    images = torch.full((2, 3, 8, 8), 0.75)
    images[..., :3, :3] = 0.0
    assert median_colour(images).flatten().tolist() == [0.75] * 6
