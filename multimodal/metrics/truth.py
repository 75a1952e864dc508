"""The share of true statements in captions of images whose content is known.

N-gram metrics compare a caption with references; a wrong colour costs them one word. For the
built-in scenes a checker decides whether each statement of a caption is true. This metric only
counts; the checker is an argument.

References:
    Anderson et al. 2016, "SPICE: Semantic Propositional Image Caption Evaluation", section 3, which
    scores the statements that captions and references share, where the truth is not known.
"""

from collections.abc import Callable, Sequence
from typing import Any

from multimodal.metrics.per_image import PerImageMetric


class CaptionTruth(PerImageMetric):
    """The fraction of statements that are true, and of captions without a false statement.

    Args:
        check: Returns for a scene and a caption whether each of its statements is true. A caption
            without statements counts as one false statement.

    Example:
        >>> def check(scene, caption):
        ...     return [word in scene for word in caption.split()]
        >>> metric = CaptionTruth(check)
        >>> metric.update([1, 2], [{"red", "dog"}, {"blue", "cat"}], ["red dog", "green cat"])
        >>> metric.compute()
        {'truth/statements': 0.75, 'truth/captions': 0.5}
    """

    higher_is_better = True

    def __init__(self, check: Callable[[Any, str], Sequence[bool]]) -> None:
        super().__init__()
        self.check = check

    def update(
        self, image_ids: Sequence[int | str], scenes: Sequence[Any], captions: Sequence[str]
    ) -> None:
        """Check captions of new images, and keep the numbers of true and of all statements.

        Args:
            image_ids: Unique over all processes; an image counts once.
            scenes: The checker's description of each image.
            captions: One caption per image, as text.

        Raises:
            ValueError: If there are not as many scenes and captions as image ids.
        """
        if not len(image_ids) == len(scenes) == len(captions):
            raise ValueError(
                "There must be one scene and one caption per image id, got "
                f"{len(image_ids)} ids, {len(scenes)} scenes and {len(captions)} captions."
            )
        checked = [self.check(*pair) or [False] for pair in zip(scenes, captions, strict=True)]
        self.keep(
            image_ids, [sum(map(bool, truths)) for truths in checked], list(map(len, checked))
        )

    def compute(self) -> dict[str, float]:
        """Compute the two fractions, between 0 and 1."""
        true, statements = self.kept()
        faultless = sum(a == b for a, b in zip(true, statements, strict=True))
        return {
            "truth/statements": sum(true) / sum(statements),
            "truth/captions": faultless / len(statements),
        }
