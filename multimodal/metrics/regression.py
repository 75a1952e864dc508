"""How far predicted numbers, such as stars, are from the right ones.

References:
    Pearson 1895, "Note on regression and inheritance in the case of two parents" (the correlation).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

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
        """Keep the predictions of examples that were not seen before.

        Args:
            example_ids: What tells examples apart, over all processes.
            predictions: The predicted numbers.
            targets: The right ones.

        Raises:
            ValueError: If there are not as many of each.
        """
        self.keep(example_ids, predictions.detach().float().tolist(), targets.tolist())

    def compute(self) -> dict[str, float]:
        """Compute the scores; the same on every process.

        Returns:
            ``mean_error``, the mean distance; ``root_mean_square``, in which large errors count
            more; ``correlation``, from -1 to 1, 0 where either side is one number.
        """
        predictions, targets = (torch.tensor(column).double() for column in self.kept())
        errors = predictions - targets
        return {
            "mean_error": errors.abs().mean().item(),
            "root_mean_square": errors.square().mean().sqrt().item(),
            "correlation": _correlation(predictions, targets),
        }


def _correlation(first: Tensor, second: Tensor) -> float:
    first, second = first - first.mean(), second - second.mean()
    size = (first.square().sum() * second.square().sum()).sqrt().item()
    return (first * second).sum().item() / size if size else 0.0
