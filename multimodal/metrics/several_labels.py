"""Scores of multi-label classification: average precision, F1 and exact match.

References:
    Everingham et al. 2010, "The PASCAL visual object classes challenge", section 4.2 (average
    precision; here the area under the steps, without interpolation); Sorower 2010, "A literature
    survey on algorithms for multi-label learning", section 7 (exact match, micro and macro F1).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from multimodal.metrics.per_image import PerImageMetric

_THRESHOLD = 0.5


def average_precision(
    scores: Float[Tensor, " examples"], relevant: Bool[Tensor, " examples"]
) -> float:
    """Compute the area under the curve of precision over recall.

    Args:
        scores: The confidence in each example; equal ones are ranked together.
        relevant: Whether each example has the label; at least one must.

    Raises:
        ValueError: If no example is relevant.

    Example:
        >>> average_precision(torch.tensor([0.9, 0.8, 0.1]), torch.tensor([True, False, True]))
        0.8333333333333333
    """
    if not relevant.any():
        raise ValueError("Average precision needs an example for which the label holds, got none.")
    order = scores.argsort(descending=True)
    scores, relevant = scores[order], relevant[order]
    last = torch.ones_like(relevant)  # of equal scores
    last[:-1] = scores[1:] != scores[:-1]
    hits = relevant.double().cumsum(0)
    precision = (hits / torch.arange(1, len(scores) + 1))[last]
    recall = hits[last] / hits[-1]
    return float((recall.diff(prepend=torch.zeros(1)) * precision).sum())


class SeveralLabelsScores(PerImageMetric):
    """Multi-label scores over all examples since the last `reset`, on all processes.

    Args:
        classes: The labels' names in order.

    Example:
        >>> metric = SeveralLabelsScores(["cat", "dog"])
        >>> labels = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
        >>> metric.update([7, 8], torch.tensor([[0.9, 0.2], [0.8, 0.4]]), labels)
        >>> {name: round(score, 3) for name, score in metric.compute().items()}
        {'mean_average_precision': 1.0, 'exact_match': 0.5, 'micro_f1': 0.8, 'macro_f1': 0.5}
    """

    higher_is_better = True

    def __init__(self, classes: Sequence[str]) -> None:
        super().__init__()
        self.classes = list(classes)

    def update(
        self,
        example_ids: Sequence[int | str],
        probabilities: Float[Tensor, "batch classes"],
        labels: Float[Tensor, "batch classes"],
    ) -> None:
        """Keep the predictions of new examples.

        Args:
            example_ids: Unique over all processes; an example counts once.
            probabilities: Probability of each label.
            labels: 1 where an example has the label, 0 where not.

        Raises:
            ValueError: If the number of classes is another one.
        """
        for name, numbers in (("probabilities", probabilities), ("labels", labels)):
            if numbers.shape[1] != len(self.classes):
                raise ValueError(
                    f"`{name}` must be (batch, classes) with {len(self.classes)} classes, got "
                    f"{tuple(numbers.shape)}."
                )
        self.keep(example_ids, probabilities.detach().float().tolist(), labels.tolist())

    def compute(self) -> dict[str, float]:
        """Compute mean average precision, exact match, micro F1 and macro F1.

        Average precision is averaged over the labels that some example has. For the others a label
        is predicted where its probability is above 0.5; exact match is the share of examples with
        all labels right.
        """
        probabilities, labels = (torch.tensor(column) for column in self.kept())
        targets, predicted = labels > _THRESHOLD, probabilities > _THRESHOLD
        precisions = [
            average_precision(probabilities[:, index], targets[:, index])
            for index in range(len(self.classes))
            if targets[:, index].any()
        ]
        hits = (targets & predicted).sum(0).double()
        either = (targets.sum(0) + predicted.sum(0)).double()
        f1 = 2 * hits[either > 0] / either[either > 0]
        return {
            "mean_average_precision": sum(precisions) / max(1, len(precisions)),
            "exact_match": (targets == predicted).all(dim=1).double().mean().item(),
            "micro_f1": (2 * hits.sum() / either.sum().clamp(min=1)).item(),
            "macro_f1": f1.mean().item() if len(f1) else 0.0,
        }
