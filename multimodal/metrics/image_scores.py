"""Which scores belong to what is told of an image."""

from collections.abc import Sequence

from multimodal.metrics.classification import ClassificationScores
from multimodal.metrics.counts import CountScores
from multimodal.metrics.regression import RegressionScores
from multimodal.metrics.several_labels import SeveralLabelsScores

ImageScores = ClassificationScores | SeveralLabelsScores | CountScores | RegressionScores


def image_scores(target: str, labels: Sequence[str]) -> ImageScores:
    """Build the scores of a target.

    Args:
        target: ``label``, ``labels``, ``count`` or ``number``.
        labels: All labels; none where the target is a count or a number.

    Returns:
        A metric, whose `update` takes ids, what was said, and what is right.

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
