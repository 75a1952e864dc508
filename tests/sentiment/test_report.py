import csv
import re

import pytest
import torch

from multimodal.data.examples import TextExample
from multimodal.sentiment.report import (
    BOTH,
    LINEAR,
    label_tables,
    linear_predictions,
    named,
    worst,
)
from multimodal.training.score_tables import Predicted

TRAIN = [
    TextExample("good fun", "pos", "1"),
    TextExample("good food", "pos", "2"),
    TextExample("bad fun", "neg", "3"),
    TextExample("bad food", "neg", "4"),
]


def predicted(prediction, label, text="good"):
    return Predicted(TextExample(text, label, f"{text}/{label}"), prediction)


def test_the_baseline_predicts_in_the_order_of_the_models_labels():
    results = [predicted((0.5, 0.5), "pos", "good"), predicted((0.5, 0.5), "neg", "bad")]
    others = linear_predictions(TRAIN, results, ["pos", "neg"])
    assert others[LINEAR].argmax(dim=1).tolist() == [0, 1]
    torch.testing.assert_close(others[BOTH], (others[LINEAR] + 0.5) / 2)


def test_a_label_without_training_texts_gets_no_probability_from_the_baseline():
    results = [predicted((0.2, 0.3, 0.5), "neutral", "good")]
    others = linear_predictions(TRAIN, results, ["neg", "neutral", "pos"])
    assert others[LINEAR][0, 1] == 0
    assert others[LINEAR].sum().item() == pytest.approx(1)


def test_the_table_of_labels_counts_each_right_label_in_a_row():
    results = [
        predicted((0.9, 0.1), "neg"),
        predicted((0.2, 0.8), "neg"),
        predicted((0.4, 0.6), "pos"),
    ]
    tables = label_tables(results, ["neg", "pos"], TRAIN, {"other": torch.eye(2)[[0, 0, 1]]})
    tables = re.sub(" +", " ", tables)
    assert "| this model | 66.7 |" in tables
    assert "| other | 100.0 |" in tables
    assert "| neg | 1 | 1 | |" in tables
    assert "| pos | 0 | 1 | |" in tables


def test_the_worst_mistakes_are_at_most_twenty_and_none_is_right():
    results = [predicted((n / 100, 1 - n / 100), "neg", str(n)) for n in range(1, 100)]
    wrong = worst(results, ["neg", "pos"])
    assert [one.example.text for one in wrong] == [str(n) for n in range(1, 21)]
    assert all(named(one, ["neg", "pos"]) == "pos" for one in wrong)


def test_numbers_are_worst_where_they_are_farthest_off():
    results = [predicted((2.0,), 1.0, "near"), predicted((5.0,), 1.0, "far")]
    assert [one.example.text for one in worst(results, [])] == ["far", "near"]
    assert named(results[0], []) == "2.000"


def test_a_table_file_of_mistakes_keeps_a_text_of_several_lines_in_one(tmp_path):
    from multimodal.sentiment.report import _write_mistakes

    _write_mistakes([predicted((0.9, 0.1), "pos", "a\n\tb")], ["neg", "pos"], tmp_path / "m.tsv")
    with (tmp_path / "m.tsv").open(newline="") as file:
        _, row = csv.reader(file, delimiter="\t")
    assert row == ["a\n\tb/pos", "pos", "neg", "0.100", "a b"]
