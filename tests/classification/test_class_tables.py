import pytest

from multimodal.classification.class_tables import label_table, mistake, score_table
from multimodal.data.examples import ImageExample, PixelImage
from multimodal.training.score_tables import Predicted, label_scores

LABELS = ["cat", "dog", "owl"]


def predicted(label, *prediction):
    return Predicted(ImageExample(PixelImage("pets", 0), label, 0), prediction)


def rows(table):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]


SOME = [
    predicted("cat", 0.8, 0.1, 0.1),
    predicted("cat", 0.3, 0.6, 0.1),
    predicted("dog", 0.0, 1.0, 0.0),
    predicted("owl", 0.5, 0.3, 0.2),
]


def test_a_mistake_of_one_label_has_the_confidence_of_its_prediction():
    assert mistake(SOME[0], LABELS, "label") is None
    assert mistake(SOME[1], LABELS, "label") == (0.6, "dog", "cat")


def test_without_a_target_there_is_no_mistake():
    for target in ("label", "labels", "number"):
        assert mistake(predicted(None, 0.5, 0.3, 0.2), LABELS, target) is None


@pytest.mark.parametrize(
    ("label", "prediction", "expected"),
    [
        (("cat",), (0.9, 0.2, 0.1), None),
        ((), (0.4, 0.2, 0.1), None),
        (("cat", "owl"), (0.9, 0.2, 0.1), (0.9, "cat", "cat, owl")),
        ((), (0.9, 0.7, 0.1), (0.9, "cat, dog", "nothing")),
        (("dog",), (0.1, 0.25, 0.4), (0.75, "nothing", "dog")),
        ("dog", (0.1, 0.9, 0.4), None),
    ],
)
def test_a_mistake_of_several_labels_has_the_confidence_of_the_worst(label, prediction, expected):
    assert mistake(predicted(label, *prediction), LABELS, "labels") == expected


def test_a_mistake_of_a_number_is_its_distance():
    assert mistake(predicted(3.0, 4.5), [], "number") == (1.5, "4.50", "3")
    assert mistake(predicted(3.0, 3.0), [], "number") is None


def test_the_scores_are_next_to_the_commonest_label():
    head, _, ours, usual = rows(score_table(SOME, LABELS, "label", ["cat", "owl", "owl"]))
    assert head == ["of 4 images, in percent", "accuracy", "macro F1", "calibration error"]
    assert ours[:2] == ["this model", "50.0"]
    assert usual == ["commonest label", "25.0", "-", "-"]


def test_of_many_labels_the_first_five_count_too():
    labels = [str(number) for number in range(7)]
    prediction = [0.3, 0.2, 0.15, 0.12, 0.1, 0.08, 0.05]
    known = [predicted("4", *prediction), predicted("6", *prediction)]
    head, _, ours, _ = rows(score_table(known, labels, "label", ["0"]))
    assert dict(zip(head, ours, strict=True))["top-5 accuracy"] == "50.0"


def test_scores_of_several_labels_have_their_own_names():
    known = [predicted(("cat",), 0.9, 0.2, 0.1), predicted((), 0.1, 0.7, 0.1)]
    head, _, ours = rows(score_table(known, LABELS, "labels", []))
    values = dict(zip(head, ours, strict=True))
    assert values["all labels right"] == "50.0"
    assert values["mean average precision"] == "100.0"


def test_errors_of_numbers_are_next_to_those_of_the_mean():
    known = [predicted(1.0, 2.0), predicted(3.0, 3.0)]
    head, _, ours, mean = rows(score_table(known, [], "number", [1.0, 5.0]))
    assert head[1:] == ["mean error", "root mean square", "correlation"]
    assert ours[:2] == ["this model", "0.500"]
    assert mean[:2] == ["mean of the training images", "1.000"]


def test_every_label_has_a_row():
    head, _, cat, dog, owl = rows(label_table(SOME, LABELS, "label"))
    assert head == ["label", "images", "precision", "recall", "F1"]
    assert cat == ["cat", "2", "50.0", "50.0", "50.0"]
    assert dog == ["dog", "1", "50.0", "100.0", "66.7"]
    assert owl == ["owl", "1", "0.0", "0.0", "0.0"]


def test_of_several_labels_a_row_has_its_average_precision():
    known = [
        predicted(("cat", "dog"), 0.9, 0.2, 0.1),
        predicted(("cat",), 0.8, 0.7, 0.1),
        predicted((), 0.6, 0.1, 0.1),
    ]
    head, _, cat, dog, owl = rows(label_table(known, LABELS, "labels"))
    assert head[-1] == "average precision"
    assert cat == ["cat", "2", "66.7", "100.0", "80.0", "100.0"]
    assert dog == ["dog", "1", "0.0", "0.0", "0.0", "50.0"]
    assert owl == ["owl", "0", "0.0", "0.0", "0.0", "-"]


def test_a_bar_in_a_label_does_not_break_the_table():
    table = label_table([predicted("a|b", 0.9, 0.1)], ["a|b", "c"], "label")
    assert r"| a\|b  |      1 |" in table


def test_the_metric_collects_every_image():
    scores = label_scores(SOME, LABELS)
    assert scores.confusion().tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert sum(row.examples for row in scores.calibration()) == 4
