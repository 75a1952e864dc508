"""How well things are counted: the errors of a number, and how often the count is right."""

import torch
from typing_extensions import override

from multimodal.metrics.regression import RegressionScores


class CountScores(RegressionScores):
    """Errors of expected counts, and the share that rounds to the right one.

    Example:
        >>> metric = CountScores()
        >>> metric.update([7, 8], torch.tensor([1.2, 3.6]), torch.tensor([1.0, 3.0]))
        >>> round(metric.compute()["mean_error"], 3), metric.compute()["accuracy"]
        (0.4, 0.5)
    """

    @override
    def compute(self) -> dict[str, float]:
        """Compute the scores; the same on every process.

        Returns:
            Those of numbers, and ``accuracy``.
        """
        expected, counts = (torch.tensor(column) for column in self.kept())
        right = (expected.round() == counts).double().mean().item()
        return {"accuracy": right, **super().compute()}
