import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from multimodal.classification.class_weights import balanced_weights, balanced_yes

CLASSES = ["cat", "dog", "cow"]


@given(st.lists(st.sampled_from(CLASSES), max_size=20))
def test_weights_are_scikit_learns_balanced_ones(labels):
    labels = [*labels, *CLASSES]  # each occurs
    theirs = compute_class_weight("balanced", classes=np.array(CLASSES), y=labels)
    torch.testing.assert_close(balanced_weights(labels, CLASSES).double(), torch.tensor(theirs))


@given(st.lists(st.sampled_from(CLASSES), min_size=1, max_size=20))
def test_classes_with_examples_count_alike_together(labels):
    weights = balanced_weights(labels, CLASSES)
    together = {
        round(weights[place].item() * labels.count(name), 3)
        for place, name in enumerate(CLASSES)
        if name in labels
    }
    assert len(together) == 1


def test_examples_without_a_label_and_classes_without_examples_are_passed_over():
    weights = balanced_weights(["cat", None, "cat", "dog", "horse"], CLASSES)
    torch.testing.assert_close(weights, torch.tensor([0.75, 1.5, 1.0]))


def test_a_yes_counts_as_much_as_a_no():
    given = [["cat", "dog"], ["cat"], ["cat"], ["cat"]]
    torch.testing.assert_close(balanced_yes(given, CLASSES), torch.tensor([0.0, 3.0, 1.0]))


def test_a_very_rare_yes_counts_a_hundred_times_at_most():
    assert balanced_yes([["cat"], *[[]] * 5000], ["cat"]).item() == 100
