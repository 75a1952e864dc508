import pytest
import torch

from multimodal.vqa.fusion.contract import Questions
from multimodal.vqa.fusion.product import ConcatenateFusion, MultiplyFusion

IMAGE_OF, QUESTION_OF = torch.tensor([1, 0, 1]), torch.tensor([0, 0, 1])


def _run(fusion):
    regions, states = torch.randn(2, 7, 6), torch.randn(2, 5)
    questions = Questions(states, torch.zeros(2, 1, 5), torch.ones(2, 1, dtype=torch.bool))
    expected = []
    for image, question in zip(IMAGE_OF, QUESTION_OF, strict=True):
        mean = sum(regions[image]) / 7
        normed = mean / mean.square().sum().sqrt()
        expected.append((fusion.image(normed).tanh(), fusion.question(states[question]).tanh()))
    return fusion(regions, questions, IMAGE_OF, QUESTION_OF), expected


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_multiply_equals_its_definition_written_out():
    (joint, _), expected = _run(MultiplyFusion(6, 5, fusion_dim=4))
    torch.testing.assert_close(joint, torch.stack([image * asked for image, asked in expected]))


def test_concatenate_equals_its_definition_written_out():
    fusion = ConcatenateFusion(6, 5, fusion_dim=4)
    (joint, _), expected = _run(fusion)
    assert fusion.output_dim == 8
    torch.testing.assert_close(joint, torch.stack([torch.cat(pair) for pair in expected]))


@pytest.mark.parametrize("kind", [MultiplyFusion, ConcatenateFusion])
def test_attention_is_uniform(kind):
    (_, weights), _ = _run(kind(6, 5, fusion_dim=4))
    torch.testing.assert_close(weights, torch.full((3, 7), 1 / 7))


def test_the_scale_of_an_image_changes_nothing():
    fusion, regions = MultiplyFusion(6, 5, fusion_dim=4), torch.randn(1, 7, 6)
    questions = Questions(
        torch.randn(1, 5), torch.zeros(1, 1, 5), torch.ones(1, 1, dtype=torch.bool)
    )
    first = torch.zeros(1, dtype=torch.int64)
    joint, _ = fusion(regions, questions, first, first)
    scaled, _ = fusion(regions * 9, questions, first, first)
    torch.testing.assert_close(scaled, joint)
