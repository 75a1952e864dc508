import pytest
import torch
import torch.nn.functional as F

from multimodal.vqa.fusion.contract import Questions, grid_coordinates
from multimodal.vqa.fusion.film import FilmFusion

IMAGE_OF, QUESTION_OF = torch.tensor([1, 0, 1]), torch.tensor([0, 0, 1])


def _inputs():
    torch.manual_seed(1)
    questions = Questions(
        torch.randn(2, 5), torch.zeros(2, 1, 5), torch.ones(2, 1, dtype=torch.bool)
    )
    return torch.randn(2, 9, 6), questions


def _with_places(maps):
    places = grid_coordinates(9).t().reshape(1, 2, 3, 3)
    return torch.cat([maps, places], dim=1)


def _one_by_one(layer, maps):
    return F.conv2d(maps, layer.weight[..., None, None], layer.bias)


def _written_out(fusion, regions, asked):
    """Equations and figure of the paper for one image and one question, channels first."""
    maps = regions.t().reshape(1, 6, 3, 3)
    maps = F.conv2d(_with_places(maps), fusion.stem.layer.weight, padding=1)
    norm = fusion.stem_norm
    maps = F.batch_norm(maps, norm.running_mean, norm.running_var, norm.weight, norm.bias).relu()
    deltas_and_shifts = fusion.modulation(asked).reshape(len(fusion.blocks), 2, -1)
    for block, (delta, beta) in zip(fusion.blocks, deltas_and_shifts, strict=True):
        residual = _one_by_one(block.project, _with_places(maps)).relu()
        found = F.conv2d(residual, block.convolution.layer.weight, padding=1)
        found = F.batch_norm(found, block.norm.running_mean, block.norm.running_var)
        gamma = 1 + delta
        maps = residual + (gamma.view(1, -1, 1, 1) * found + beta.view(1, -1, 1, 1)).relu()
    maps = _one_by_one(fusion.project, _with_places(maps))
    norm = fusion.project_norm
    maps = F.batch_norm(maps, norm.running_mean, norm.running_var, norm.weight, norm.bias).relu()
    return F.adaptive_max_pool2d(maps, 1).flatten(), maps[0].flatten(1)


@pytest.mark.parametrize("blocks", [1, 3])
def test_it_equals_the_papers_network_in_a_loop(blocks):
    torch.manual_seed(0)
    fusion = FilmFusion(6, 5, fusion_dim=8, num_hops=blocks, output_dim=12)
    regions, questions = _inputs()
    fusion(regions, questions, IMAGE_OF, QUESTION_OF)  # moves the moving averages
    joint, weights = fusion.eval()(regions, questions, IMAGE_OF, QUESTION_OF)
    for row, (image, question) in enumerate(zip(IMAGE_OF, QUESTION_OF, strict=True)):
        expected, maps = _written_out(fusion, regions[image], questions.states[question])
        torch.testing.assert_close(joint[row], expected, atol=1e-5, rtol=1e-4)
        alive = maps[maps.amax(dim=1) > 0]
        wins = torch.bincount(alive.argmax(dim=1), minlength=9).float()
        dead = len(maps) - len(alive)
        torch.testing.assert_close(weights[row], (wins + dead / 9) / len(maps))


def test_scales_are_not_squashed():
    torch.manual_seed(0)
    fusion, (regions, questions) = FilmFusion(6, 5, fusion_dim=8, num_hops=1).eval(), _inputs()
    joint, _ = fusion(regions, questions, IMAGE_OF, QUESTION_OF)
    with torch.no_grad():
        fusion.modulation.weight.mul_(1000)
    scaled, _ = fusion(regions, questions, IMAGE_OF, QUESTION_OF)
    assert scaled.max() > 50 * joint.max()


def test_without_modulation_a_block_hears_nothing_of_the_question():
    torch.manual_seed(0)
    fusion, (regions, questions) = FilmFusion(6, 5, fusion_dim=8).eval(), _inputs()
    with torch.no_grad():
        fusion.modulation.weight.zero_()
    joint, _ = fusion(regions, questions, IMAGE_OF, QUESTION_OF)
    torch.testing.assert_close(joint[0], joint[2])


def test_a_feature_that_is_zero_everywhere_counts_as_even():
    torch.manual_seed(0)
    fusion, (regions, questions) = FilmFusion(6, 5, fusion_dim=8).eval(), _inputs()
    with torch.no_grad():
        fusion.project_norm.bias.fill_(-1e6)
    joint, weights = fusion(regions, questions, IMAGE_OF, QUESTION_OF)
    assert not joint.any()
    torch.testing.assert_close(weights, torch.full((3, 9), 1 / 9))


def test_regions_that_are_no_square_grid_are_refused():
    regions, questions = torch.randn(2, 8, 6), _inputs()[1]
    with pytest.raises(ValueError, match=r"needs regions in a square grid .*got 8 regions"):
        FilmFusion(6, 5)(regions, questions, IMAGE_OF, QUESTION_OF)


def test_no_block_at_all_is_refused():
    with pytest.raises(ValueError, match="`num_hops` must be at least 1, got 0"):
        FilmFusion(6, 5, num_hops=0)
