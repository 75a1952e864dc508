"""Check candidates and references before they are scored.

Every caption metric takes tokens, not text: `candidates`, one list of words per image, and
`references`, a list of such lists per image, both in the same order of images. A string is a
sequence of strings too, and a sentence given instead of its words would be scored letter by letter
without a complaint: hence this check.
"""

from collections.abc import Sequence


def check_pairs(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> None:
    """Refuse candidates and references that cannot be scored against each other.

    Args:
        candidates: The words of one caption per image; an empty caption is allowed.
        references: The words of at least one reference per image.

    Raises:
        ValueError: If the numbers of images differ or are 0, or an image has no reference.
        TypeError: If a caption is a string and not a list of words.

    Example:
        >>> check_pairs([["a", "dog"]], [[]])
        Traceback (most recent call last):
        ValueError: Every image needs at least one reference caption, number 0 has none.
    """
    if len(candidates) != len(references):
        raise ValueError(
            "There must be one candidate caption and one list of references per image, got "
            f"{len(candidates)} candidates and {len(references)} lists of references."
        )
    if not candidates:
        raise ValueError("There are no captions to score: give at least one image's.")
    for number, (candidate, of_image) in enumerate(zip(candidates, references, strict=True)):
        if not of_image:
            raise ValueError(
                f"Every image needs at least one reference caption, number {number} has none."
            )
        for caption in (candidate, of_image, *of_image):
            if isinstance(caption, str):
                raise TypeError(
                    f"Captions must be lists of words, got the string {caption[:40]!r} for image "
                    f"number {number}. Call `multimodal.text.tokenize` on it first."
                )
