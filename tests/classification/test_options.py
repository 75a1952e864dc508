from multimodal.classification.options import ClassificationOptions


def test_five_labels_are_ranked_unless_told_otherwise():
    assert ClassificationOptions().top == 5
