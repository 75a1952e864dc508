"""How much of what captions say is true, where something can tell.

N-gram metrics compare a caption with what others said; a wrong colour costs them one word. Where
the content of an image is known, as in the built-in scenes, a checker gives a verdict on every
statement of a caption. This metric only counts verdicts: the checker is handed in.

References:
    Anderson et al. 2016, "SPICE: Semantic Propositional Image Caption Evaluation", section 3, which
    scores the statements that captions and references share for want of the truth.
"""

from collections.abc import Callable, Sequence
from typing import Any

from multimodal.metrics.per_image import PerImageMetric


class CaptionTruth(PerImageMetric):
    """The fraction of statements that are true, and of captions that are wholly true.

    Args:
        check: Gives one verdict for each statement of a caption (the text) about a scene. A caption
            without any statement counts as one false statement.

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
        """Check captions of images that were not seen before; keep the numbers of verdicts.

        Args:
            image_ids: What tells images apart, over all processes.
            scenes: What the checker knows each image by.
            captions: One caption per image, as text.

        Raises:
            ValueError: If there are not as many scenes and captions as image ids.
        """
        if not len(image_ids) == len(scenes) == len(captions):
            raise ValueError(
                "There must be one scene and one caption per image id, got "
                f"{len(image_ids)} ids, {len(scenes)} scenes and {len(captions)} captions."
            )
        verdicts = [self.check(*pair) or [False] for pair in zip(scenes, captions, strict=True)]
        self.keep(
            image_ids, [sum(map(bool, given)) for given in verdicts], list(map(len, verdicts))
        )

    def compute(self) -> dict[str, float]:
        """Compute the two fractions, between 0 and 1."""
        true, statements = self.kept()
        wholly = sum(a == b for a, b in zip(true, statements, strict=True))
        return {
            "truth/statements": sum(true) / sum(statements),
            "truth/captions": wholly / len(statements),
        }
