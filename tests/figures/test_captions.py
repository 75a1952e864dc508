import pytest
import torch
from drawing import assert_tidy, written
from matplotlib import pyplot as plt

from multimodal.figures.captions import WordMaps, caption_figure, caption_sheet
from multimodal.figures.overlays import tint

WORDS = ["a", "red", "circle", "above", "a", "blue", "square"]


def picture(height=64, width=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator)


def attention(words=7, regions=16):
    return torch.rand(words, regions, generator=torch.Generator().manual_seed(1)).softmax(-1)


def word_maps(words=7):
    return WordMaps((WORDS * 10)[:words], attention(words), (4, 4))


@pytest.mark.parametrize(
    ("words", "size"), [(0, (64, 64)), (1, (300, 120)), (4, (120, 300)), (13, (64, 64))]
)
def test_a_figure_has_the_picture_and_one_map_a_word_and_nothing_overlaps(words, size):
    maps = word_maps(words)
    figure = caption_figure(picture(*size), maps.tokens, maps.attention, maps.grid)
    assert len(figure.axes) == 1 + words
    assert_tidy(figure)


def test_a_figure_shows_the_caption_above_its_words():
    figure = caption_figure(picture(), WORDS, attention(), (4, 4))
    assert written(figure) == [" ".join(WORDS), *WORDS]
    figure = caption_figure(picture(), WORDS, attention(), (4, 4), caption="A red circle.")
    assert written(figure)[0] == "A red circle."


def test_a_caption_of_500_words_fits_on_the_page():
    figure = caption_figure(picture(), ["a"], attention(1), (4, 4), caption="word " * 500)
    assert written(figure)[3].endswith("…")
    assert_tidy(figure)


@pytest.mark.parametrize(("count", "with_maps"), [(1, True), (3, True), (6, False)])
def test_a_sheet_has_every_picture_and_nothing_overlaps(count, with_maps):
    sizes = [(64, 64), (120, 300), (300, 120), (48, 48), (10, 200), (200, 10)][:count]
    figure = caption_sheet(
        [picture(*size) for size in sizes],
        ["a red circle above a blue square and two rings that are green " * 3] * count,
        notes=["CIDEr-D 0.31"] * count,
        maps=[word_maps(3 + 4 * number) for number in range(count)] if with_maps else [],
        title="Test pictures",
    )
    expected = count + sum(3 + 4 * number for number in range(count)) if with_maps else count
    assert len(figure.axes) == expected
    assert_tidy(figure)


def test_a_sheet_shows_captions_notes_and_title():
    figure = caption_sheet([picture()] * 2, ["a dog", "a cat"], notes=["0.1", "0.2"], title="Best")
    assert sorted(written(figure)) == ["0.1", "0.2", "Best", "a cat", "a dog"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_any_precision_are_drawn(dtype):
    assert caption_figure(picture(), WORDS, attention().to(dtype), (4, 4)).axes


@pytest.mark.parametrize(
    ("words", "regions"), [(len(WORDS) + 1, 16), (len(WORDS), 15), (len(WORDS) - 1, 16)]
)
def test_attention_that_does_not_fit_the_words_or_the_grid_is_refused(words, regions):
    with pytest.raises(ValueError, match=r"\(time, regions\) = \(7, 16\) for 7 words on a 4 x 4"):
        caption_figure(picture(), WORDS, attention(words, regions), (4, 4))


def test_a_sheet_without_pictures_is_refused():
    with pytest.raises(ValueError, match="needs at least one picture"):
        caption_sheet([], [])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"captions": ["a"]}, "A sheet of 2 pictures got 1 captions"),
        ({"captions": []}, "got 0 captions"),
        ({"captions": ["a", "b"], "notes": ["x"]}, "got 1 notes"),
        ({"captions": ["a", "b"], "maps": [word_maps()]}, "got 1 maps"),
    ],
)
def test_a_sheet_with_something_missing_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        caption_sheet([picture()] * 2, **given)


def test_pyplot_keeps_no_figure_alive():
    caption_sheet([picture()], ["a dog"])
    assert plt.get_fignums() == []


def test_maps_of_words_may_be_tinted():
    image = torch.zeros(3, 64, 64, dtype=torch.uint8)
    maps = torch.tensor([[1.0, 0.0, 0.0, -1.0]])
    figure = caption_figure(image, ["dog"], maps, (2, 2), note="Blue supports it.", shade=tint)
    assert written(figure) == ["dog", "Blue supports it.", "dog"]
    shown = figure.axes[1].images[0].get_array()
    assert shown[0, 0, 2] > shown[0, 0, 0]
    assert shown[-1, -1, 0] > shown[-1, -1, 2]
