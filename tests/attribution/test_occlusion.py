import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from multimodal.attribution.occlusion import occlude, occlude_patches, occlude_words

CLASSES = torch.tensor([0, 2, 1])


@pytest.fixture
def score(network):
    return lambda rows, index: network(rows)[torch.arange(len(rows)), CLASSES[index]]


@pytest.mark.parametrize(("patch", "stride"), [(4, 4), (4, 2), (3, 1), (11, 5)])
def test_values_of_patches_equal_captum(network, images, score, patch, stride):
    attr = pytest.importorskip("captum.attr")
    expected = attr.Occlusion(network).attribute(
        images,
        (3, patch, patch),
        target=CLASSES,
        strides=(3, stride, stride),
        baselines=0.25,
        perturbations_per_eval=8,
    )
    result = occlude_patches(
        score, images, patch=patch, stride=stride, baselines=torch.full_like(images, 0.25)
    )
    # Where no window reaches, captum divides nothing by nothing and has a very large zero.
    torch.testing.assert_close(result, expected.mean(dim=1).float(), atol=1e-6, rtol=1e-4)


def test_values_of_words_equal_captum():
    attr = pytest.importorskip("captum.attr")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        embedding, lstm, head = nn.Embedding(9, 4), nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 2)

    def network(tokens):
        return head(lstm(embedding(tokens))[0][:, -1])

    tokens = torch.tensor([[4, 5, 6, 7], [8, 8, 4, 5]])
    with torch.no_grad():
        expected = attr.FeatureAblation(network).attribute(tokens, baselines=3, target=1)
    result = occlude_words(lambda rows, index: network(rows)[:, 1], tokens, torch.tensor(3))
    torch.testing.assert_close(result, expected)


def test_words_may_be_given_as_vectors(network):
    vectors, average = torch.rand(2, 3, 4), torch.rand(4)
    result = occlude_words(lambda rows, index: rows.sum(dim=(1, 2)), vectors, average)
    torch.testing.assert_close(result, vectors.sum(dim=2) - average.sum())


def test_nothing_hidden_changes_nothing(images, score):
    nowhere = torch.zeros(2, *images.shape[1:], dtype=torch.bool)
    result = occlude(score, images, nowhere, torch.zeros_like(images))
    assert result.tolist() == torch.zeros(3, 2).tolist()


@given(st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4))
def test_each_term_of_a_sum_gets_its_value(values):
    inputs, weights = torch.tensor([values]), torch.tensor([2.0, -1.0, 0.0, 3.0])
    each = torch.eye(4, dtype=torch.bool)
    result = occlude(lambda rows, index: rows @ weights, inputs, each, torch.zeros(1, 4))
    torch.testing.assert_close(result, inputs * weights, atol=1e-4, rtol=1e-4)


def test_hiding_everything_lowers_the_score_to_that_of_the_baseline(images, score):
    everything = torch.ones(1, *images.shape[1:], dtype=torch.bool)
    blank = torch.full_like(images, 0.5)
    every = torch.arange(3)
    expected = score(images, every) - score(blank, every)
    torch.testing.assert_close(occlude(score, images, everything, blank)[:, 0], expected.detach())


def test_several_scores_of_a_picture_are_explained_together(network, images):
    all_three = occlude_patches(lambda rows, index: network(rows), images, patch=4, stride=3)
    assert all_three.shape == (3, 3, 11, 13)
    for output in range(3):
        alone = occlude_patches(
            lambda rows, index, output=output: network(rows)[:, output], images, patch=4, stride=3
        )
        torch.testing.assert_close(all_three[:, output], alone)


def test_batched_equals_single(images, score):
    result = [
        occlude_patches(score, images, patch=5, stride=3, batch_size=number)
        for number in (1, 7, 99)
    ]
    torch.testing.assert_close(result[0], result[1], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(result[0], result[2], atol=1e-6, rtol=1e-5)


def test_padding_that_the_score_ignores_gets_zero():
    values = torch.tensor([0.0, 9.0, 9.0, 0.5, 5.0, -2.0])

    def score(rows, index):
        return (values[rows] * torch.tensor([[1, 1, 1], [1, 0, 0]])[index]).sum(dim=1)

    tokens = torch.tensor([[4, 5, 5], [4, 0, 0]])
    result = occlude_words(score, tokens, torch.tensor(3))
    assert result.tolist() == [[4.5, -2.5, -2.5], [4.5, 0.0, 0.0]]


def test_a_plain_background_hides_an_object_on_it():
    image = torch.full((1, 3, 8, 8), 0.75)
    image[..., :3, :3] = 0.0
    result = occlude_patches(lambda rows, index: rows.amin(dim=(1, 2, 3)), image, patch=4, stride=4)
    assert result[0, 0, 0] == -0.75
    assert result[0, 4:, 4:].abs().max() == 0


def test_a_gap_between_patches_gets_zero():
    result = occlude_patches(
        lambda rows, index: rows.sum(dim=(1, 2, 3)), torch.rand(1, 1, 5, 5), patch=1, stride=4
    )
    assert result[0, 1:4].abs().max() == 0


def test_no_texts_and_no_words_give_no_values(score):
    none = torch.zeros(0, 4, dtype=torch.long)
    assert occlude_words(score, none, torch.tensor(3)).shape == (0, 4)
    assert occlude_words(score, none.T, torch.tensor(3)).shape == (4, 0)


def test_a_score_gives_a_row_for_each_row():
    with pytest.raises(ValueError, match="one number, or one row of numbers, for each of 1 rows"):
        occlude_words(lambda rows, index: rows.sum(), torch.ones(1, 2).long(), torch.tensor(3))


@pytest.mark.parametrize("name", ["patch", "stride", "batch_size"])
def test_sizes_below_1_are_refused(images, score, name):
    sizes = {"patch": 2, "stride": 2, "batch_size": 2, name: 0}
    with pytest.raises(ValueError, match=f"`{name}` must be 1 or more, got 0"):
        occlude_patches(score, images, **sizes)
