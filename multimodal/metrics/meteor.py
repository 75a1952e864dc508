"""METEOR as nltk computes it: word matches by form, stem and WordNet synonym.

nltk's METEOR is not COCO's, and their numbers must not share a column. nltk implements the
metric of 2005 and 2007: matches of form, stem and synonym count alike, recall weighs nine times
precision, the fragmentation penalty is 0.5 (chunks / matches)^3, and the corpus score is the mean
over images. COCO runs METEOR 1.5 (2014): also paraphrases from a table, a discount for function
words, other parameters, and one score from the sums over the corpus. On 200 human captions of
Flickr8k against the images' other four, nltk gives 0.438 and METEOR 1.5 gives 0.241.

References:
    Banerjee and Lavie 2005, "METEOR: An Automatic Metric for MT Evaluation", section 2.2.
    Lavie and Agarwal 2007, "METEOR: An Automatic Metric for MT Evaluation with High Levels of
    Correlation with Human Judgments". What differs: Denkowski and Lavie 2014, "Meteor Universal".
"""

import math
import os
from collections.abc import Sequence

from multimodal.metrics.pairs import check_pairs


def meteor(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> float:
    """Compute METEOR (nltk), the mean over images; each image counts its best reference.

    Args:
        candidates: The words of one caption per image.
        references: The words of every reference of every image.

    Returns:
        A score between 0 and 1.

    Raises:
        ValueError: If the numbers of images differ or are 0, or an image has no reference.
        TypeError: If a caption is a string and not a list of words.
        FileNotFoundError: If WordNet is not among nltk's data; nothing is ever downloaded.
    """
    scores = meteor_per_image(candidates, references)
    return math.fsum(scores) / len(scores)


def meteor_per_image(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> list[float]:
    """Compute METEOR (nltk) of each image; arguments and errors as for `meteor`."""
    check_pairs(candidates, references)
    if not wordnet_is_there():
        raise FileNotFoundError(
            "METEOR (nltk) needs WordNet, which is in none of nltk's data folders (NLTK_DATA is "
            f"{os.environ.get('NLTK_DATA', 'not set')!r}). Get it with "
            "`python -m nltk.downloader wordnet`, or score without METEOR."
        )
    from nltk.translate.meteor_score import meteor_score  # slow to import

    return [
        float(meteor_score(of_image, candidate)) if candidate else 0.0
        for candidate, of_image in zip(candidates, references, strict=True)
    ]


def wordnet_is_there() -> bool:
    """Return whether nltk finds WordNet in its data folders, which `NLTK_DATA` extends."""
    import nltk.data  # slow to import

    for place in ("corpora/wordnet", "corpora/wordnet.zip"):
        try:
            nltk.data.find(place)
        except (LookupError, OSError):  # OSError: nltk refuses a link that leads out of its folders
            continue
        return True
    return False
