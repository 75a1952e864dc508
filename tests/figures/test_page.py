import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from multimodal.figures.page import (
    Heading,
    Page,
    aspect,
    line_height,
    picture_size,
    resample,
    save_figure,
    text_width,
    wrap,
)

SENTENCE = "a brown dog runs through the tall grass near two other dogs"


def test_text_is_broken_between_words():
    lines = wrap(SENTENCE, 2.0, 10.0)
    assert len(lines) > 1
    assert " ".join(lines) == SENTENCE


@settings(max_examples=30, deadline=None)
@given(text=st.text("abW. $\\_é", max_size=80), width=st.floats(0.5, 3))
def test_no_line_is_wider_than_allowed_and_no_letter_is_lost(text, width):
    lines = wrap(text, width, 10.0, lines=1000)
    assert all(text_width(line, 10.0, "normal") <= width for line in lines)
    assert "".join(lines).replace(" ", "") == "".join(text.split())


def test_a_word_wider_than_a_line_is_cut():
    lines = wrap("supercalifragilisticexpialidocious", 0.8, 10.0)
    assert len(lines) > 1
    assert "".join(lines) == "supercalifragilisticexpialidocious"


def test_text_of_too_many_lines_ends_in_an_ellipsis():
    lines = wrap("word " * 500, 2.0, 10.0, lines=3)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert text_width(lines[-1], 10.0, "normal") <= 2.0


def test_no_text_takes_no_lines():
    assert wrap("", 2.0, 10.0) == []


def test_bold_letters_are_wider():
    assert text_width("a dog", 10.0, "bold") > text_width("a dog", 10.0, "normal")


def test_lines_are_below_each_other():
    page = Page(4.0, 2.0)
    page.write(1.0, 0.5, ["above", "below"], 12.0)
    (_, first), (left, second) = [text.get_position() for text in page.figure.texts]
    assert left == pytest.approx(0.25)
    assert (first - second) * 2.0 == pytest.approx(line_height(12.0))


def test_lines_may_be_aligned_right():
    page = Page(4.0, 2.0)
    page.write(3.0, 0.5, ["90.0 %", "5.0 %"], 12.0, align="right")
    renderer = page.figure.canvas.get_renderer()
    ends = [text.get_window_extent(renderer).x1 for text in page.figure.texts]
    assert ends == pytest.approx([3.0 * page.figure.dpi] * 2, abs=1.5)


def test_a_dollar_sign_is_a_dollar_sign():
    page = Page(4.0, 2.0)
    page.write(0.1, 0.1, [r"$\notacommand{ costs $5"], 12.0)
    page.figure.draw_without_rendering()
    assert page.figure.texts[0].get_text() == r"$\notacommand{ costs $5"


def test_a_picture_fills_the_upper_left_of_its_box():
    page = Page(4.0, 2.0)
    page.picture(1.0, 0.5, 1.0, 1.0, torch.zeros(3, 300, 600, dtype=torch.uint8))
    page.figure.draw_without_rendering()
    box = page.figure.axes[0].get_position()
    assert (box.x0, box.y1) == pytest.approx((0.25, 0.75))
    assert (box.width * 4, box.height * 2) == pytest.approx((1.0, 0.5))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((64, 64), (256, 256)),
        ((300, 400), (300, 400)),
        ((1000, 2000), (333, 666)),
        ((1, 1), (256, 256)),
        ((1, 5000), (1, 5000)),
    ],
)
def test_pictures_are_brought_to_a_size_for_drawing(size, expected):
    image = torch.full((3, *size), 7, dtype=torch.uint8)
    resized = resample(image)
    assert resized.shape == (3, *expected)
    assert (resized == 7).all()


@pytest.mark.parametrize(
    ("size", "expected"), [((64, 64), 1.0), ((10, 200), 0.4), ((200, 10), 1.8)]
)
def test_the_aspect_of_a_picture_stays_within_a_page(size, expected):
    assert aspect(torch.zeros(3, *size, dtype=torch.uint8)) == expected


@pytest.mark.parametrize("size", [(64, 64), (300, 400), (400, 300)])
def test_pictures_of_all_proportions_have_one_area(size):
    width, height = picture_size(torch.zeros(3, *size, dtype=torch.uint8), 2.6)
    assert width * height == pytest.approx(2.6**2)
    assert height / width == pytest.approx(size[0] / size[1])


def test_a_heading_is_as_high_as_its_lines():
    assert Heading("", "", 2.0).height == 0
    heading = Heading("a dog runs through the tall grass", "0.31", 2.0)
    page = Page(2.5, 3.0)
    heading.draw(page)
    written = [text.get_text() for text in page.figure.texts]
    assert written[-1] == "0.31"
    lines = len(written) - 1
    assert heading.height == pytest.approx(lines * line_height(15.0) + line_height(10.0))


def test_a_saved_figure_is_a_picture_of_the_given_resolution(tmp_path):
    figure = Page(4.0, 2.0).figure
    save_figure(figure, tmp_path / "sheets" / "sheet.png", dpi=40)
    with Image.open(tmp_path / "sheets" / "sheet.png") as image:
        width, height = figure.get_size_inches()
        assert image.size == (int(width * 40), int(height * 40))


def test_a_saved_figure_takes_the_format_of_its_suffix(tmp_path):
    save_figure(Page(4.0, 2.0).figure, tmp_path / "sheet.PDF")
    assert (tmp_path / "sheet.PDF").read_bytes().startswith(b"%PDF")


def test_another_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"A picture is written as \.png, .* got .*sheet\.txt"):
        save_figure(Page(4.0, 2.0).figure, tmp_path / "sheet.txt")
