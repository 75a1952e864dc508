import pytest
import torch

from multimodal.explain.attribution import METHODS, SIGNED, check_method, picture_maps, word_values
from multimodal.explain.evidence import PictureEvidence, WordEvidence


def bright_left(size=16, outputs=1):
    """A square on black; each score is the brightness of a side, of the left one first."""
    image = torch.zeros(1, 3, size, size)
    image[..., size // 8 : size // 4, size // 8 : size // 4] = 1.0

    def judge(maps):
        half = maps.shape[-1] // 2
        sides = [maps[..., :half], maps[..., half:]]
        return torch.stack([side.mean(dim=(1, 2, 3)) for side in sides[:outputs]], dim=1)

    def encode(pixels):
        return torch.nn.functional.avg_pool2d(pixels, 2)

    return PictureEvidence(image, encode, judge, lambda pixels: judge(encode(pixels)), outputs)


def signs():
    """Words of which the first speaks for the score, the second against it."""
    vectors = torch.tensor([[[2.0, 0.0], [0.0, 1.0], [0.5, 0.5]]])
    weights = torch.tensor([1.0, -1.0])
    return WordEvidence(vectors, lambda words: (words @ weights).sum(dim=1), torch.zeros(2))


@pytest.mark.parametrize("method", ["integrated_gradients", "grad_cam", "occlusion"])
def test_the_largest_weight_lies_where_the_evidence_is(method):
    evidence = bright_left()
    (found,) = picture_maps(evidence, method)
    rows, columns = found.shape
    row, column = divmod(int(found.argmax()), columns)
    assert rows / 16 <= row + 0.5 <= rows * 5 / 16
    assert columns / 16 <= column + 0.5 <= columns * 5 / 16


# By Grad-CAM, which forgets where a gradient was, the two sides have one map.
@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "occlusion"])
def test_each_score_has_a_map_of_its_own(method):
    left, right = picture_maps(bright_left(outputs=2), method)
    (alone,) = picture_maps(bright_left(), method)
    torch.testing.assert_close(left, alone)
    assert not torch.equal(left, right)


@pytest.mark.parametrize("size", [16, 64, 100])
def test_contributions_of_cells_add_up(size):
    evidence = bright_left(size)
    (found,) = picture_maps(evidence, "integrated_gradients")
    assert max(found.shape) <= 32
    difference = evidence.score(evidence.image) - evidence.score(torch.zeros(1, 3, size, size))
    torch.testing.assert_close(found.sum(), difference.sum(), atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_of_one_colour_has_no_part_that_counts_more_than_none(method):
    evidence = bright_left()._replace(image=torch.full((1, 3, 16, 16), 0.5))
    (found,) = picture_maps(evidence, method)
    if method in SIGNED:
        assert found.abs().max() < 1e-6
    assert found.isfinite().all()


def test_words_speak_for_and_against():
    assert word_values(signs(), "occlusion") == pytest.approx([2.0, -1.0, 0.0])
    assert word_values(signs(), "integrated_gradients") == pytest.approx([2.0, -1.0, 0.0])
    assert word_values(signs(), "saliency") == pytest.approx([2**0.5] * 3)


def test_grad_cam_is_not_for_words():
    assert word_values(signs(), "grad_cam") == []


def test_there_are_four_methods():
    with pytest.raises(ValueError, match="`method` must be one of saliency, integrated_gradients"):
        check_method("lime")
