"""Errors and correlation of predicted numbers, such as stars, and of predicted counts.

References:
    Pearson 1895, "Note on regression and inheritance in the case of two parents" (the correlation).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import override

from multimodal.metrics.per_image import PerImageMetric


class RegressionScores(PerImageMetric):
    """Errors and correlation over all examples since the last `reset`, on all processes.

    Example:
        >>> metric = RegressionScores()
        >>> metric.update([7, 8], torch.tensor([1.0, 3.0]), torch.tensor([1.0, 5.0]))
        >>> metric.update([8], torch.tensor([9.0]), torch.tensor([5.0]))  # counts once
        >>> {name: round(score, 3) for name, score in metric.compute().items()}
        {'mean_error': 1.0, 'root_mean_square': 1.414, 'correlation': 1.0}
    """

    higher_is_better = False

    def update(
        self,
        example_ids: Sequence[int | str],
        predictions: Float[Tensor, " batch"],
        targets: Float[Tensor, " batch"],
    ) -> None:
        """Keep predictions and targets of new examples; ids are unique over all processes.

        Raises:
            ValueError: If the numbers of ids, predictions and targets differ.
        """
        self.keep(example_ids, predictions.detach().float().tolist(), targets.tolist())

    def compute(self) -> dict[str, float]:
        """Compute the mean absolute error, the root mean square error and Pearson's correlation.

        The correlation is 0 where all predictions, or all targets, are equal.
        """
        predictions, targets = (torch.tensor(column).double() for column in self.kept())
        errors = predictions - targets
        return {
            "mean_error": errors.abs().mean().item(),
            "root_mean_square": errors.square().mean().sqrt().item(),
            "correlation": _correlation(predictions, targets),
        }


class CountScores(RegressionScores):
    """Errors of expected counts, and the share of them that rounds to the right count.

    Example:
        >>> metric = CountScores()
        >>> metric.update([7, 8], torch.tensor([1.2, 3.6]), torch.tensor([1.0, 3.0]))
        >>> round(metric.compute()["mean_error"], 3), metric.compute()["accuracy"]
        (0.4, 0.5)
    """

    @override
    def compute(self) -> dict[str, float]:
        """Compute the accuracy of the rounded counts, and the scores of numbers."""
        expected, counts = (torch.tensor(column) for column in self.kept())
        right = (expected.round() == counts).double().mean().item()
        return {"accuracy": right, **super().compute()}


def _correlation(first: Tensor, second: Tensor) -> float:
    first, second = first - first.mean(), second - second.mean()
    size = (first.square().sum() * second.square().sum()).sqrt().item()
    return (first * second).sum().item() / size if size else 0.0
