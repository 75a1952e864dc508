"""All caption scores of a set of images, by the names they are logged under.

BLEU-1 to BLEU-4, ROUGE-L and CIDEr-D are COCO's definitions; METEOR is nltk's and there only if
WordNet is. Human captions score about 0.2 BLEU-4 and 0.8 CIDEr-D against the other references of
Flickr8k: models pass people in BLEU long before they pass them in CIDEr-D or in truth.

References:
    Chen et al. 2015, "Microsoft COCO Captions: Data Collection and Evaluation Server", section 4.
"""

from collections.abc import Sequence

from multimodal.metrics.bleu import bleu
from multimodal.metrics.cider import cider_d
from multimodal.metrics.meteor import meteor, wordnet_is_there
from multimodal.metrics.per_image import PerImageMetric
from multimodal.metrics.rouge import rouge_l


def caption_scores(
    candidates: Sequence[Sequence[str]],
    references: Sequence[Sequence[Sequence[str]]],
    *,
    with_meteor: bool = True,
) -> dict[str, float]:
    """Compute every caption score of a set of images.

    Args:
        candidates: The words of one caption per image, as `multimodal.text.tokenize` gives them.
        references: The words of every reference of every image.
        with_meteor: Add METEOR where WordNet is; it takes longer than the others together.

    Returns:
        ``bleu1``, ``bleu2``, ``bleu3``, ``bleu4``, ``rouge_l``, ``cider`` and, where WordNet is,
        ``meteor``.

    Raises:
        ValueError: If the numbers of images differ or are 0, or an image has no reference.
        TypeError: If a caption is a string and not a list of words.

    Example:
        >>> candidates = [["a", "dog", "runs", "fast"], ["a", "cat"]]
        >>> references = [[["a", "dog", "runs", "fast"]], [["the", "cat", "sits"]]]
        >>> scores = caption_scores(candidates, references, with_meteor=False)
        >>> {name: round(score, 2) for name, score in scores.items()}
        {'bleu1': 0.71, 'bleu2': 0.67, 'bleu3': 0.72, 'bleu4': 0.75, 'rouge_l': 0.69, 'cider': 5.5}
    """
    bleu1, bleu2, bleu3, bleu4 = bleu(candidates, references)
    scores = {
        "bleu1": bleu1,
        "bleu2": bleu2,
        "bleu3": bleu3,
        "bleu4": bleu4,
        "rouge_l": rouge_l(candidates, references),
        "cider": cider_d(candidates, references),
    }
    if with_meteor and wordnet_is_there():
        scores["meteor"] = meteor(candidates, references)
    return scores


class CaptionScores(PerImageMetric):
    """Every caption score over all images since the last `reset`, on all processes.

    Args:
        with_meteor: Add METEOR where WordNet is; it takes longer than the others together.

    Example:
        >>> metric = CaptionScores(with_meteor=False)
        >>> metric.update([7], [["a", "dog"]], [[["a", "dog"], ["one", "dog"]]])
        >>> metric.update([7], [["an", "image", "counts", "once"]], [[["a", "dog"]]])
        >>> round(metric.compute()["rouge_l"], 3)
        1.0
    """

    higher_is_better = True

    def __init__(self, *, with_meteor: bool = True) -> None:
        super().__init__()
        self.with_meteor = with_meteor

    def update(
        self,
        image_ids: Sequence[int | str],
        candidates: Sequence[Sequence[str]],
        references: Sequence[Sequence[Sequence[str]]],
    ) -> None:
        """Keep captions and references, as words, of new images; ids are unique over processes."""
        self.keep(image_ids, candidates, references)

    def compute(self) -> dict[str, float]:
        """Compute the scores that `caption_scores` names; the same on every process."""
        return caption_scores(*self.kept(), with_meteor=self.with_meteor)
