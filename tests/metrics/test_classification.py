import pytest
import sklearn.metrics as reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import multiclass_calibration_error

from multimodal.metrics.classification import (
    CalibrationBin,
    ClassificationScores,
    ClassRow,
    calibration_bins,
    calibration_error,
    class_rows,
    confusion_matrix,
    macro_f1,
)

NAMES = [f"class {number}" for number in range(7)]


@pytest.fixture
def drawn():
    """Probabilities and labels of 300 examples of seven classes, the last of which has none."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(300, 7, generator=generator)
    labels = torch.randint(0, 6, (300,), generator=generator)
    logits[torch.arange(300), labels] += 1.0
    return logits.softmax(dim=1), labels


def filled(probabilities, labels, names=NAMES):
    metric = ClassificationScores(names[: probabilities.shape[1]])
    metric.update(list(range(len(labels))), probabilities, labels)
    return metric


def test_scores_equal_those_of_scikit_learn_and_torchmetrics(drawn):
    probabilities, labels = drawn
    found = filled(*drawn).compute()
    predictions = probabilities.argmax(dim=1)
    ece = multiclass_calibration_error(probabilities, labels, num_classes=7, n_bins=15)
    top5 = reference.top_k_accuracy_score(labels, probabilities, k=5, labels=range(7))
    expected = {
        "accuracy": reference.accuracy_score(labels, predictions),
        "macro_f1": reference.f1_score(labels, predictions, average="macro"),
        "calibration_error": float(ece),
        "top5_accuracy": float(top5),
    }
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_table_equals_that_of_scikit_learn(drawn):
    metric = filled(*drawn)
    predictions = drawn[0].argmax(dim=1)
    assert metric.confusion().tolist() == (
        reference.confusion_matrix(drawn[1], predictions, labels=range(7)).tolist()
    )
    columns = reference.precision_recall_fscore_support(
        drawn[1], predictions, labels=range(7), zero_division=0
    )
    for row, name, precision, recall, f1, examples in zip(
        metric.per_class(), NAMES, *columns, strict=True
    ):
        assert row == ClassRow(
            name,
            examples,
            pytest.approx(precision),
            pytest.approx(recall),
            pytest.approx(f1),
        )


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_macro_f1_counts_the_classes_that_occur(pairs):
    labels, predictions = torch.tensor(pairs).unbind(dim=1)
    matrix = confusion_matrix(labels, predictions, classes=4)
    assert macro_f1(matrix) == pytest.approx(
        reference.f1_score(labels, predictions, average="macro")
    )
    assert macro_f1(matrix) == macro_f1(matrix.flip(0, 1))


def test_an_empty_matrix_has_no_f1():
    assert macro_f1(torch.zeros(3, 3, dtype=torch.int64)) == 0


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40), st.integers(1, 20))
def test_bins_hold_every_prediction_once(pairs, bins):
    confidences = torch.tensor([sure for sure, _ in pairs], dtype=torch.float64)
    right = torch.tensor([hit for _, hit in pairs], dtype=torch.bool)
    rows = calibration_bins(confidences, right, bins=bins)
    assert len(rows) == bins
    assert [row.low for row in rows[1:]] == [row.high for row in rows[:-1]]
    for number, row in enumerate(rows):
        inside = (confidences > row.low) & (confidences <= row.high)
        inside |= (confidences == 0) & (number == 0)
        assert row.examples == inside.sum()
        if row.examples:
            assert row.confidence == pytest.approx(confidences[inside].mean().item())
            assert row.accuracy == pytest.approx(right[inside].double().mean().item())
    assert 0 <= calibration_error(confidences, right, bins=bins) <= 1


def test_a_bin_without_predictions_is_all_zeros():
    rows = calibration_bins(torch.tensor([0.9]), torch.tensor([True]), bins=2)
    assert rows[0] == CalibrationBin(0.0, 0.5, 0, 0.0, 0.0)


def test_a_calibrated_classifier_has_no_calibration_error():
    right = torch.arange(10) < 7
    assert calibration_error(torch.full((10,), 0.7), right) == pytest.approx(0, abs=1e-6)
    assert calibration_error(torch.ones(10), right) == pytest.approx(0.3)
    assert calibration_error(torch.zeros(0), torch.zeros(0, dtype=torch.bool)) == 0


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan")])
def test_a_confidence_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match=r"must be from 0 to 1\. Give probabilities, not logits"):
        calibration_bins(torch.tensor([0.5, wrong]), torch.tensor([True, True]))


def test_the_metric_gives_the_scores_of_the_whole_set_in_any_batches(drawn):
    probabilities, labels = drawn
    metric = ClassificationScores(NAMES)
    for part in (slice(200, None), slice(0, 150), slice(100, 220)):
        metric.update(list(range(300))[part], probabilities[part], labels[part])
    assert metric.compute() == filled(*drawn).compute()
    assert metric.confusion().sum() == 300
    assert sum(row.examples for row in metric.calibration(bins=4)) == 300


def test_an_example_counts_once_and_its_first_prediction_stays():
    metric = ClassificationScores(["no", "yes"])
    metric.update(["a"], torch.tensor([[0.2, 0.8]]), torch.tensor([1]))
    metric.update(["a", "b"], torch.tensor([[0.8, 0.2], [0.8, 0.2]]), torch.tensor([1, 1]))
    assert metric.compute()["accuracy"] == 0.5
    metric.reset()
    metric.update(["a"], torch.tensor([[0.8, 0.2]]), torch.tensor([1]))
    assert metric.compute()["accuracy"] == 0.0


def test_examples_of_all_processes_are_gathered_and_repeated_ones_dropped(drawn, monkeypatch):
    mine, other = filled(*drawn), ClassificationScores(NAMES)
    mine.reset()
    mine.update(list(range(200)), drawn[0][:200], drawn[1][:200])
    other.update(list(range(150, 300)), drawn[0][150:], drawn[1][150:])

    def all_gather_object(parts, own):
        parts[:] = [own, other._entries]

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_gather_object", all_gather_object)
    scores, table = mine.compute(), mine.per_class()
    monkeypatch.undo()
    assert scores == filled(*drawn).compute()
    assert table == filled(*drawn).per_class()


def test_the_top_five_need_more_than_five_classes(drawn):
    assert "top5_accuracy" not in filled(drawn[0][:, :5], drawn[1].clamp(max=4)).compute()
    assert "top5_accuracy" in filled(drawn[0][:, :6], drawn[1]).compute()


def test_of_equal_probabilities_the_first_class_counts_as_predicted():
    metric = filled(torch.full((7, 7), 1 / 7), torch.arange(7))
    scores = metric.compute()
    assert scores["accuracy"] == pytest.approx(1 / 7)
    assert scores["top5_accuracy"] == pytest.approx(5 / 7)
    assert metric.confusion()[:, 0].tolist() == [1] * 7


def test_half_precision_and_gradients_are_taken():
    logits = torch.randn(20, 3, requires_grad=True, generator=torch.Generator().manual_seed(1))
    probabilities = logits.softmax(dim=1)
    labels = probabilities.argmax(dim=1)
    assert filled(probabilities.bfloat16(), labels).compute()["accuracy"] > 0.9
    assert filled(probabilities, labels).compute()["accuracy"] == 1


def test_fewer_than_two_classes_are_refused():
    with pytest.raises(ValueError, match=r"at least two classes to tell apart, got \['pos'\]"):
        ClassificationScores(["pos"])


def test_probabilities_of_other_classes_are_refused():
    match = r"must be \(batch, classes\) = \(2, 3\), got \(2, 4\)"
    with pytest.raises(ValueError, match=match):
        ClassificationScores(["a", "b", "c"]).update(
            [1, 2], torch.full((2, 4), 0.25), torch.tensor([0, 1])
        )


@pytest.mark.parametrize("wrong", [-1, 2])
def test_a_label_that_is_no_class_is_refused(wrong):
    with pytest.raises(ValueError, match=rf"Every label must be from 0 to 1.*; got {wrong}\."):
        filled(torch.full((2, 2), 0.5), torch.tensor([0, wrong]))
    with pytest.raises(ValueError, match=rf"Every prediction must be from 0 to 1.*; got {wrong}"):
        confusion_matrix(torch.tensor([0, 1]), torch.tensor([1, wrong]), classes=2)


def test_logits_are_refused():
    with pytest.raises(ValueError, match=r"from 0 to 1\. Give a softmax, not logits"):
        filled(torch.tensor([[2.0, -1.0]]), torch.tensor([0]))


def test_as_many_ids_as_labels_are_needed():
    with pytest.raises(ValueError, match="got 1 ids and columns of 2, 2, 2, 2"):
        ClassificationScores(["a", "b"]).update([1], torch.full((2, 2), 0.5), torch.tensor([0, 1]))


def test_every_class_needs_a_name():
    with pytest.raises(ValueError, match="got 2 classes, 1 names"):
        class_rows(torch.eye(2, dtype=torch.int64), ["cat"])


def test_nothing_can_be_scored_before_an_update():
    with pytest.raises(ValueError, match="ClassificationScores has nothing to score"):
        ClassificationScores(["a", "b"]).confusion()
