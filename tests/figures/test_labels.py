import pytest
import torch
from drawing import bars, written

from multimodal.figures.labels import calibration_figure, confusion_figure, label_figure
from multimodal.figures.page import save_figure
from multimodal.metrics.classification import calibration_bins

RANKED = [("tulip", 0.8), ("rose", 0.15), ("daisy", 0.05)]
IMAGE = torch.zeros(3, 40, 60, dtype=torch.uint8)


def drawn(figure):
    figure.draw_without_rendering()
    return figure


def inside(figure):
    """No text leaves the page."""
    page, renderer = figure.bbox, figure.canvas.get_renderer()
    every = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    for axes in (axes for axes in figure.axes if axes.axison):
        every += [*axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label]
        every.append(axes.yaxis.label)
    boxes = [text.get_window_extent(renderer) for text in every if text.get_text()]
    return all(
        box.x0 >= -1 and box.y0 >= -1 and box.x1 <= page.x1 + 1 and box.y1 <= page.y1 + 1
        for box in boxes
    )


def test_a_picture_is_beside_its_ranked_labels():
    figure = drawn(label_figure(IMAGE, RANKED, title="a flower", note="taken in May"))
    assert written(figure) == [
        *("a flower", "taken in May"),
        *("tulip", "80.0 %", "rose", "15.0 %", "daisy", "5.0 %"),
    ]
    tracks, filled = bars(figure)[::2], bars(figure)[1::2]
    lengths = [f.get_width() / t.get_width() for f, t in zip(filled, tracks, strict=True)]
    assert lengths == pytest.approx([0.8, 0.15, 0.05])
    assert inside(figure)


def test_a_long_label_and_a_dollar_sign_stay_on_the_page():
    ranked = [("a label that is much longer than its place $x$", 0.9), ("$y$", 0.1)]
    figure = drawn(label_figure(IMAGE, ranked))
    assert any(text.endswith("…") for text in written(figure))
    assert inside(figure)


def test_a_number_needs_no_ranked_labels():
    figure = drawn(label_figure(IMAGE, [], title="3.20"))
    assert written(figure) == ["3.20"]
    assert inside(figure)


@pytest.mark.parametrize("shape", [(1, 1), (3, 300), (300, 3)])
def test_pictures_of_any_shape_are_drawn(shape, tmp_path):
    image = torch.zeros(3, *shape, dtype=torch.uint8)
    save_figure(label_figure(image, RANKED), tmp_path / "class.png")
    assert (tmp_path / "class.png").stat().st_size > 1000


def test_a_picture_of_a_class_without_label_and_title_is_refused():
    with pytest.raises(ValueError, match="needs a label or a title, got neither"):
        label_figure(IMAGE, [])


def test_a_probability_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"must be from 0 to 1, got 1\.5 for 'tulip'"):
        label_figure(IMAGE, [("tulip", 1.5)])


def test_cells_are_shaded_by_the_share_of_their_row():
    figure = drawn(confusion_figure(torch.tensor([[30, 10], [0, 2]]), ["cat", "dog"], title="pets"))
    (axes,) = figure.axes
    (image,) = axes.get_images()
    assert image.get_array().tolist() == [[0.75, 0.25], [0, 1]]
    assert [text.get_text() for text in axes.texts] == ["30", "10", "0", "2"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert written(figure) == ["pets"]
    assert inside(figure)


@pytest.mark.parametrize(
    ("classes", "names", "numbers"), [(2, 2, 4), (20, 20, 400), (21, 21, 0), (61, 0, 0)]
)
def test_many_classes_have_no_numbers_and_very_many_no_names(classes, names, numbers):
    matrix = torch.eye(classes, dtype=torch.int64) * 9
    labels = [f"class number {number} with a long name" for number in range(classes)]
    figure = drawn(confusion_figure(matrix, labels))
    (axes,) = figure.axes
    assert len(axes.texts) == numbers
    assert len([label for label in axes.get_xticklabels() if label.get_text()]) == names
    assert max(figure.get_size_inches()) < 16
    assert inside(figure)


def test_a_class_without_examples_is_an_empty_row_and_a_dollar_sign_a_dollar_sign():
    figure = drawn(confusion_figure(torch.tensor([[3, 0], [0, 0]]), ["$a$", "b_c"]))
    assert figure.axes[0].get_images()[0].get_array().tolist() == [[1, 0], [0, 0]]


def test_every_class_needs_a_name():
    with pytest.raises(ValueError, match="got 2 classes, 1 names"):
        confusion_figure(torch.eye(2, dtype=torch.int64), ["cat"])


def test_the_calibration_curve_has_a_bar_for_each_filled_bin():
    torch.manual_seed(0)
    sure = torch.rand(500) / 2 + 0.5
    bins = calibration_bins(sure, torch.rand(500) < sure)
    figure = drawn(calibration_figure(bins, 0.0123, title="of 500"))
    upper, lower = figure.axes
    filled = [row for row in bins if row.examples]
    heights = [bar.get_height() for bar in upper.patches[: len(filled)]]
    assert heights == pytest.approx([row.accuracy for row in filled])
    ends = [bar.get_y() + bar.get_height() for bar in upper.patches[len(filled) :]]
    assert ends == pytest.approx([row.confidence for row in filled])
    assert [bar.get_height() for bar in lower.patches] == [row.examples for row in filled]
    assert [text.get_text() for text in upper.texts] == ["calibration error 1.2 %"]
    assert written(figure) == ["of 500"]
    assert inside(figure)


def test_a_calibration_curve_needs_a_prediction():
    with pytest.raises(ValueError, match="needs at least one prediction, got none"):
        calibration_figure([(0.0, 1.0, 0, 0.0, 0.0)], 0.0)


def test_all_are_written_to_files(tmp_path):
    matrix = torch.tensor([[3, 1], [0, 2]])
    bins = calibration_bins(torch.tensor([0.9, 0.6]), torch.tensor([True, False]))
    for name, figure in (
        ("a.png", confusion_figure(matrix, ["cat", "dog"])),
        ("b.svg", calibration_figure(bins, 0.1)),
    ):
        save_figure(figure, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
