"""How well several labels of an example are told at once: average precision, F1, all of them right.

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
        scores: How sure a classifier is of each example; of equal ones all are found at once.
        relevant: Whether the label holds; for one example or more.

    Returns:
        1 where all relevant examples come first.

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
    found = relevant.double().cumsum(0)
    precision = (found / torch.arange(1, len(scores) + 1))[last]
    recall = found[last] / found[-1]
    return float((recall.diff(prepend=torch.zeros(1)) * precision).sum())


class SeveralLabelsScores(PerImageMetric):
    """Scores of several labels over all examples since the last `reset`, on all processes.

    Args:
        classes: The labels' names, in the order of their numbers.

    Example:
        >>> metric = SeveralLabelsScores(["cat", "dog"])
        >>> given = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
        >>> metric.update([7, 8], torch.tensor([[0.9, 0.2], [0.8, 0.4]]), given)
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
        """Keep the predictions of examples that were not seen before.

        Args:
            example_ids: What tells examples apart, over all processes.
            probabilities: Of each label, for each example.
            labels: 1 where a label holds, 0 where not.

        Raises:
            ValueError: If there is not a number for each label.
        """
        for name, numbers in (("probabilities", probabilities), ("labels", labels)):
            if numbers.shape[1] != len(self.classes):
                raise ValueError(
                    f"`{name}` must be (batch, classes) with {len(self.classes)} classes, got "
                    f"{tuple(numbers.shape)}."
                )
        self.keep(example_ids, probabilities.detach().float().tolist(), labels.tolist())

    def compute(self) -> dict[str, float]:
        """Compute the scores; the same on every process.

        Returns:
            ``mean_average_precision`` over the labels that hold somewhere; and, of the labels that
            are more likely than not, ``exact_match``, the share of examples with all of them right,
            and F1 over all answers (``micro_f1``) and over the labels (``macro_f1``).
        """
        probabilities, labels = (torch.tensor(column) for column in self.kept())
        holds, said = labels > _THRESHOLD, probabilities > _THRESHOLD
        precisions = [
            average_precision(probabilities[:, place], holds[:, place])
            for place in range(len(self.classes))
            if holds[:, place].any()
        ]
        hits = (holds & said).sum(0).double()
        either = (holds.sum(0) + said.sum(0)).double()
        there = either > 0
        f1 = 2 * hits[there] / either[there]
        return {
            "mean_average_precision": sum(precisions) / max(1, len(precisions)),
            "exact_match": (holds == said).all(dim=1).double().mean().item(),
            "micro_f1": (2 * hits.sum() / either.sum().clamp(min=1)).item(),
            "macro_f1": f1.mean().item() if len(f1) else 0.0,
        }
