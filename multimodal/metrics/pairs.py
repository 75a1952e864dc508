"""Check candidates and references before they are scored.

Caption metrics take tokens, not text: one list of words per image, and a list of such lists as its
references. A string is a sequence of strings too, and would be scored letter by letter.
"""

from collections.abc import Sequence


def check_pairs(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> None:
    """Refuse candidates and references that cannot be scored; an empty caption is allowed.

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
