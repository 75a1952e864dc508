"""Contracts of every row of METHODS; each method's own properties are tested in its own file."""

import sys
from importlib.util import find_spec
from subprocess import run
from typing import get_args

import pytest
import torch

from multimodal.attribution.evidence import PictureScores, WordScores
from multimodal.attribution.methods import METHODS, MethodName, find_method

PICTURES = [name for name, row in METHODS.items() if "picture" in row.parts]
WORDS = [name for name, row in METHODS.items() if "words" in row.parts]


def halves(size=16, outputs=1, sign=1.0):
    """A white square on black; output 0 is the brightness of the left half, 1 of the right half."""
    image = torch.zeros(1, 3, size, size)
    image[..., size // 8 : size // 4, size // 8 : size // 4] = 1.0

    def score_maps(maps):
        middle = maps.shape[-1] // 2
        parts = [maps[..., :middle], maps[..., middle:]]
        return sign * torch.stack([part.mean(dim=(1, 2, 3)) for part in parts[:outputs]], dim=1)

    def encode(pixels):
        return torch.nn.functional.avg_pool2d(pixels, 2)

    return PictureScores(
        image, encode, score_maps, lambda pixels: score_maps(encode(pixels)), outputs
    )


def three_words(score_words=None):
    """Three words of which the first supports the score, and the second opposes it."""
    vectors = torch.tensor([[[2.0, 0.0], [0.0, 1.0], [0.5, 0.5]]])
    weights = torch.tensor([1.0, -1.0])
    score = score_words or (lambda words: (words @ weights).sum(dim=1))
    return WordScores(vectors, score, torch.zeros(2))


def picture(name, scores):
    return METHODS[name].load("picture")(scores)


def words(name, scores):
    return METHODS[name].load("words")(scores).tolist()


@pytest.mark.parametrize("name", METHODS)
def test_a_row_is_complete(name):
    row = METHODS[name]
    assert row.name == name
    assert find_spec(f"multimodal.attribution.{name}")
    assert row.parts
    assert all(callable(row.load(part)) for part in row.parts)
    assert "{unit}" in row.note
    assert row.title
    assert row.usage


def test_the_names_of_the_type_are_those_of_the_table():
    assert get_args(MethodName) == tuple(METHODS)


def test_the_table_is_read_without_torch():
    program = "import sys, multimodal.attribution.methods; assert 'torch' not in sys.modules"
    run([sys.executable, "-c", program], check=True, timeout=300)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("size", [16, 100])
def test_a_picture_gets_a_finite_map_for_each_output(name, size):
    maps = picture(name, halves(size, outputs=2))
    assert len(maps) == 2
    assert maps.shape[1] == maps.shape[2]
    assert maps.isfinite().all()
    assert not maps.requires_grad


@pytest.mark.parametrize("name", PICTURES)
def test_outputs_explained_together_equal_one_alone(name):
    torch.testing.assert_close(picture(name, halves(outputs=2))[:1], picture(name, halves()))


# Grad-CAM averages the gradient over regions, so that it gives the two halves one map.
@pytest.mark.parametrize("name", [name for name in PICTURES if name != "grad_cam"])
def test_different_outputs_have_different_maps(name):
    left, right = picture(name, halves(outputs=2))
    assert not torch.equal(left, right)


# Saliency measures what a change would do, which is the same everywhere in the left half.
@pytest.mark.parametrize("name", [name for name in PICTURES if name != "saliency"])
def test_the_largest_value_of_a_map_is_on_the_evidence(name):
    (values,) = picture(name, halves())
    rows, columns = values.shape
    row, column = divmod(int(values.argmax()), columns)
    assert rows / 16 <= row + 0.5 <= rows * 5 / 16
    assert columns / 16 <= column + 0.5 <= columns * 5 / 16


@pytest.mark.parametrize("name", PICTURES)
def test_a_signed_method_changes_sign_with_the_score_and_others_have_no_negative_values(name):
    support, oppose = picture(name, halves()), picture(name, halves(sign=-1.0))
    if METHODS[name].signed:
        torch.testing.assert_close(oppose, -support)
        assert support.amax() > 0
    else:
        assert support.amin() >= 0
        assert oppose.amin() >= 0


@pytest.mark.parametrize("name", PICTURES)
def test_a_score_that_ignores_the_picture_gives_zeros(name):
    scores = halves()
    maps = picture(
        name,
        scores._replace(
            score_maps=lambda maps: 0.0 * maps.sum(dim=(1, 2, 3)).unsqueeze(1),
            score_pixels=lambda pixels: 0.0 * pixels.sum(dim=(1, 2, 3)).unsqueeze(1) + 3.0,
        ),
    )
    assert maps.abs().max() == 0


@pytest.mark.parametrize("name", [name for name in PICTURES if METHODS[name].signed])
def test_no_region_of_a_picture_of_one_colour_contributes(name):
    maps = picture(name, halves()._replace(image=torch.full((1, 3, 16, 16), 0.5)))
    assert maps.abs().max() < 1e-6


@pytest.mark.parametrize("name", WORDS)
def test_words_that_support_and_oppose_a_linear_score_get_its_terms(name):
    expected = [2.0, -1.0, 0.0] if METHODS[name].signed else [2**0.5] * 3
    assert words(name, three_words()) == pytest.approx(expected)


@pytest.mark.parametrize("name", WORDS)
def test_a_word_that_the_score_ignores_gets_zero(name):
    values = words(name, three_words(lambda words: words[:, 0].sum(dim=1).tanh()))
    assert values[0] > 0
    assert values[1:] == [0.0, 0.0]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_found_by_its_name(name):
    assert find_method(name) is METHODS[name]


def test_an_unknown_method_is_refused_with_the_closest_name():
    message = r"`method` must be one of saliency, .*, got 'occlude'. Did you mean 'occlusion'\?"
    with pytest.raises(ValueError, match=message):
        find_method("occlude")
    with pytest.raises(ValueError, match=r"got 'lime'\.$"):
        find_method("lime")
