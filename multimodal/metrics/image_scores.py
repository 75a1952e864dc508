"""The metric of each target of image classification."""

from collections.abc import Sequence

from multimodal.metrics.classification import ClassificationScores
from multimodal.metrics.regression import CountScores, RegressionScores
from multimodal.metrics.several_labels import SeveralLabelsScores

ImageScores = ClassificationScores | SeveralLabelsScores | CountScores | RegressionScores


def image_scores(target: str, labels: Sequence[str]) -> ImageScores:
    """Build the metric of a target: ``label``, ``labels``, ``count`` or ``number``.

    Args:
        target: The target.
        labels: All labels; none for a count or a number.

    Raises:
        ValueError: If there is no such target.

    Example:
        >>> image_scores("labels", ["cat", "dog"])
        SeveralLabelsScores()
    """
    match target:
        case "label":
            return ClassificationScores(labels)
        case "labels":
            return SeveralLabelsScores(labels)
        case "count":
            return CountScores()
        case "number":
            return RegressionScores()
    raise ValueError(f"`target` must be label, labels, count or number, got {target!r}.")
