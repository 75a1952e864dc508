"""Sentences as people write them: cleaned of layout, refused where they cannot be sentences.

A reader keeps every caption, long ones too: cutting to a number of words is the work of the data
set that numbers them. Only what cannot be meant as a caption, a question or an answer is refused.
"""

MAX_CHARACTERS = 10_000


def clean_caption(caption: str, where: str) -> str:
    r"""Return a caption on one line, with single spaces.

    Args:
        caption: The caption as the file has it, in any language.
        where: File and line or key, for messages.

    Returns:
        The caption; letters and signs are left as they are.

    Raises:
        ValueError: The caption is empty, longer than 10,000 characters, or not text.

    Example:
        >>> clean_caption("  Ein Hund \n läuft . ", "captions.csv:2")
        'Ein Hund läuft .'
    """
    return clean_sentence(caption, where, "caption")


def clean_sentence(sentence: str, where: str, noun: str) -> str:
    """Return any sentence on one line, with single spaces.

    Args:
        sentence: The sentence as the file has it, in any language.
        where: File and line or key, for messages.
        noun: What messages call it: caption, question, answer.

    Returns:
        The sentence; letters and signs are left as they are.

    Raises:
        ValueError: It is empty, longer than 10,000 characters, or not text.

    Example:
        >>> clean_sentence(" ", "questions.csv:2", "question")
        Traceback (most recent call last):
        ValueError: questions.csv:2: the question is empty; write one or remove it.
    """
    text = " ".join(sentence.split())
    if not text:
        raise ValueError(f"{where}: the {noun} is empty; write one or remove it.")
    if len(text) > MAX_CHARACTERS:
        raise ValueError(
            f"{where}: the {noun} has {len(text):,} characters, the limit is {MAX_CHARACTERS:,}; "
            "shorten it or remove it."
        )
    if not text.isascii() or "\0" in text:
        _check_characters(text, where, noun)
    return text


def _check_characters(text: str, where: str, noun: str) -> None:
    # JSON's \u escapes can spell half a surrogate pair, which no file can be written with later.
    wrong = next((c for c in text if c == "\0" or "\ud800" <= c <= "\udfff"), None)
    if wrong is not None:
        raise ValueError(
            f"{where}: the {noun} holds U+{ord(wrong):04X}, which is no character; remove it."
        )
