"""Properties of every fusion; the equations of each are tested in its own file."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from multimodal.nn.choices import build_choice
from multimodal.nn.text_encoder import TextEncoderSettings
from multimodal.vqa.fusion import FUSIONS, Questions
from multimodal.vqa.fusion.contract import (
    even_weights,
    grid_coordinates,
    positions_by_image,
    weighted_sum,
)
from multimodal.vqa.model import AnswererSettings
from multimodal.vqa.questions import QuestionEncoder

SETTINGS = AnswererSettings(fusion_dim=8, num_hops=2, num_slots=3)
IMAGE_OF = torch.tensor([0, 2, 1, 2, 2])
QUESTION_OF = torch.tensor([1, 0, 1, 3, 2])

every_fusion = pytest.mark.parametrize("name", FUSIONS)


def _fusion(name, question_dim=5):
    return build_choice(FUSIONS, "fusion", replace(SETTINGS, fusion=name), 6, question_dim)


def _built(name):
    torch.manual_seed(0)
    fusion = _fusion(name)
    # Moving averages that normalise, so that evaluation sees lively maps.
    fusion(_regions(), _questions(), IMAGE_OF, QUESTION_OF)
    return fusion


def _regions(images=3):
    return torch.randn(images, 9, 6, generator=torch.Generator().manual_seed(1))


def _questions():
    generator = torch.Generator().manual_seed(2)
    mask = torch.arange(4) < torch.tensor([4, 1, 3, 2]).unsqueeze(1)
    outputs = torch.randn(4, 4, 5, generator=generator) * mask.unsqueeze(-1)
    return Questions(torch.randn(4, 5, generator=generator), outputs, mask)


def _asked_alone(questions, which):
    return Questions(*(part[which] for part in questions))


@every_fusion
def test_shapes_are_as_promised_and_weights_sum_to_one(name):
    fusion = _built(name)
    joint, weights = fusion(_regions(), _questions(), IMAGE_OF, QUESTION_OF)
    assert joint.shape == (5, fusion.output_dim)
    assert weights.shape == (5, 9)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(5))
    assert (weights >= 0).all()


@every_fusion
def test_every_parameter_and_the_regions_get_a_gradient(name):
    fusion, regions = _built(name), _regions().requires_grad_()
    joint, _ = fusion(regions, _questions(), IMAGE_OF, QUESTION_OF)
    (joint * torch.randn_like(joint)).sum().backward()
    assert all(parameter.grad.any() for parameter in fusion.parameters())
    assert regions.grad.any()


@every_fusion
def test_batched_equals_single(name):
    fusion, regions, questions = _built(name).eval(), _regions(), _questions()
    joint, weights = fusion(regions, questions, IMAGE_OF, QUESTION_OF)
    first = torch.zeros(1, dtype=torch.int64)
    for row, (image, question) in enumerate(zip(IMAGE_OF, QUESTION_OF, strict=True)):
        alone = _asked_alone(questions, question.view(1))
        single, single_weights = fusion(regions[image : image + 1], alone, first, first)
        torch.testing.assert_close(joint[row], single[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(weights[row], single_weights[0], atol=1e-5, rtol=0)


@every_fusion
def test_a_question_read_once_or_for_each_row_is_the_same(name):
    fusion, regions, questions = _built(name).eval(), _regions(), _questions()
    joint, weights = fusion(regions, questions, IMAGE_OF, QUESTION_OF)
    repeated = _asked_alone(questions, QUESTION_OF)
    others, other_weights = fusion(regions, repeated, IMAGE_OF, torch.arange(5))
    torch.testing.assert_close(others, joint, atol=1e-5, rtol=0)
    torch.testing.assert_close(other_weights, weights, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", FUSIONS)
@given(order=st.permutations(range(5)), images=st.permutations(range(3)))
@settings(max_examples=5)
def test_the_order_of_rows_and_images_changes_nothing(name, order, images):
    fusion, regions, questions = _built(name).eval(), _regions(), _questions()
    joint, weights = fusion(regions, questions, IMAGE_OF, QUESTION_OF)
    moved = torch.tensor(images).argsort()[IMAGE_OF[order]]
    others, other_weights = fusion(regions[images], questions, moved, QUESTION_OF[order])
    torch.testing.assert_close(others, joint[order], atol=1e-5, rtol=0)
    torch.testing.assert_close(other_weights, weights[order], atol=1e-5, rtol=0)


@every_fusion
def test_longer_padding_of_the_questions_changes_nothing(name):
    fusion, questions = _built(name).eval(), _questions()
    joint, weights = fusion(_regions(), questions, IMAGE_OF, QUESTION_OF)
    longer = Questions(
        questions.states, F.pad(questions.outputs, (0, 0, 0, 3)), F.pad(questions.mask, (0, 3))
    )
    others, other_weights = fusion(_regions(), longer, IMAGE_OF, QUESTION_OF)
    # The slots' attention to the words sums them in another order.
    exact = {"atol": 1e-6, "rtol": 1e-5} if name == "slots" else {"atol": 0, "rtol": 0}
    torch.testing.assert_close(others, joint, **exact)
    torch.testing.assert_close(other_weights, weights, **exact)


@every_fusion
def test_it_works_in_half_precision(name):
    fusion = _built(name).eval()
    joint, weights = fusion(_regions(), _questions(), IMAGE_OF, QUESTION_OF)
    with torch.autocast("cpu", torch.bfloat16):
        others, other_weights = fusion(_regions(), _questions(), IMAGE_OF, QUESTION_OF)
    torch.testing.assert_close(others.float(), joint, atol=0.1, rtol=0.1)
    torch.testing.assert_close(other_weights.float().sum(dim=1), torch.ones(5), atol=2e-2, rtol=0)
    if name != "film":  # there a rounding may change which region holds a maximum
        torch.testing.assert_close(other_weights.float(), weights, atol=2e-2, rtol=0)


@every_fusion
def test_weights_survive_a_round_trip(name):
    fusion, other = _built(name).eval(), _fusion(name).eval()
    other.load_state_dict(fusion.state_dict())
    inputs = _regions(), _questions(), IMAGE_OF, QUESTION_OF
    assert torch.equal(fusion(*inputs)[0], other(*inputs)[0])


@every_fusion
def test_it_learns_eight_answers_by_heart(name):
    torch.manual_seed(0)
    encoder = QuestionEncoder(
        TextEncoderSettings(directions="ahead", embedding_dim=8, hidden_dim=16), 9
    )
    fusion = _fusion(name, question_dim=16)
    answer = nn.Sequential(nn.Linear(fusion.output_dim, 32), nn.ReLU(), nn.Linear(32, 2))
    tokens = torch.tensor([[4, 5, 6], [7, 8, 0]])
    regions, image_of = torch.randn(4, 9, 6), torch.arange(8) // 2
    question_of, answers = torch.arange(8) % 2, torch.tensor([0, 1, 1, 0, 1, 1, 0, 0])
    layers = nn.ModuleList([encoder, fusion, answer])
    optimizer = torch.optim.Adam(layers.parameters(), lr=0.01)
    for _ in range(50):
        joint, _ = fusion(regions, encoder(tokens, tokens != 0), image_of, question_of)
        logits = answer(joint)
        loss = F.cross_entropy(logits, answers)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1
    assert torch.equal(logits.argmax(dim=1), answers)


@given(image_of=st.lists(st.integers(0, 3), min_size=1, max_size=9), seed=st.integers(0, 2**16))
@settings(max_examples=25)
def test_the_weighted_sum_is_that_of_a_loop_over_rows(image_of, seed):
    torch.manual_seed(seed)
    values = torch.randn(4, 3, 2, dtype=torch.double, requires_grad=True)
    weights = torch.randn(len(image_of), 3, dtype=torch.double, requires_grad=True)
    ours = weighted_sum(weights, values, torch.tensor(image_of))
    loop = torch.stack([weights[row] @ values[image] for row, image in enumerate(image_of)])
    torch.testing.assert_close(ours, loop)
    cotangent = torch.randn_like(ours)
    sought = [values, weights]
    for mine, theirs in zip(
        torch.autograd.grad(ours, sought, cotangent),
        torch.autograd.grad(loop, sought, cotangent),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)


@given(image_of=st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_every_row_has_its_own_position_in_its_images_part(image_of):
    positions, most = positions_by_image(torch.tensor(image_of))
    assert most == max(image_of.count(image) for image in image_of)
    assert len(set(positions.tolist())) == len(image_of)
    assert (positions // most).tolist() == image_of


def test_even_weights_sum_to_one():
    weights = even_weights(torch.zeros(2, 49, 3), torch.tensor([0, 1, 1]))
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(3))


def test_coordinates_run_to_the_right_first_and_then_down():
    coordinates = grid_coordinates(9)
    assert coordinates[1].tolist() == [0.0, -1.0]
    assert coordinates[3].tolist() == [-1.0, 0.0]
    assert coordinates[8].tolist() == [1.0, 1.0]


def test_a_single_region_is_in_the_middle():
    assert grid_coordinates(1).tolist() == [[0.0, 0.0]]


def test_regions_that_are_no_square_grid_are_refused():
    with pytest.raises(ValueError, match=r"square grid \(49 are 7 by 7\), got 50 regions"):
        grid_coordinates(50)


def test_away_from_the_cpu_the_weighted_sum_waits_for_no_count():
    # Nothing can be counted on the meta device: asking for a number would fail.
    image_of = torch.zeros(5, dtype=torch.int64, device="meta")
    sums = weighted_sum(
        torch.zeros(5, 3, device="meta"), torch.zeros(2, 3, 4, device="meta"), image_of
    )
    assert sums.shape == (5, 4)


@pytest.mark.gpu
@every_fusion
def test_a_gpu_gives_the_same(name):
    fusion, questions = _built(name).eval(), _questions()
    joint, weights = fusion(_regions(), questions, IMAGE_OF, QUESTION_OF)
    moved = Questions(*(part.cuda() for part in questions))
    others, other_weights = fusion.cuda()(
        _regions().cuda(), moved, IMAGE_OF.cuda(), QUESTION_OF.cuda()
    )
    torch.testing.assert_close(others.cpu(), joint, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(other_weights.cpu(), weights, atol=1e-3, rtol=1e-3)
