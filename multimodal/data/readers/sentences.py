"""Clean captions, questions, answers and texts as people write them; refuse what cannot be meant.

A reader keeps long sentences too: cutting to a number of words is the work of the data set that
numbers them.
"""

MAX_CHARACTERS = 10_000
MAX_TEXT_CHARACTERS = 100_000


def clean_sentence(sentence: str, where: str, noun: str) -> str:
    r"""Return a sentence, in any language, on one line with single spaces.

    Args:
        sentence: The sentence as the file has it.
        where: File and line or key, for messages.
        noun: What messages call it: caption, question or answer.

    Raises:
        ValueError: It is empty, longer than 10,000 characters, or not text.

    Example:
        >>> clean_sentence("  Ein Hund \n läuft . ", "captions.csv:2", "caption")
        'Ein Hund läuft .'
        >>> clean_sentence(" ", "questions.csv:2", "question")
        Traceback (most recent call last):
        ValueError: questions.csv:2: the question is empty; write one or remove it.
    """
    return _checked(" ".join(sentence.split()), where, noun, MAX_CHARACTERS)


def clean_text(text: str, where: str) -> str:
    """Return a text, in any language and of many lines, without spaces around it.

    Args:
        text: The text as the file has it.
        where: File and line or key, for messages.

    Raises:
        ValueError: The text is empty, longer than 100,000 characters, or not text.

    Example:
        >>> clean_text(" A warm film. ", "reviews.csv:2")
        'A warm film.'
    """
    return _checked(text.strip(), where, "text", MAX_TEXT_CHARACTERS)


def _checked(text: str, where: str, noun: str, limit: int) -> str:
    if not text:
        raise ValueError(f"{where}: the {noun} is empty; write one or remove it.")
    if len(text) > limit:
        raise ValueError(
            f"{where}: the {noun} has {len(text):,} characters, the limit is {limit:,}; "
            "shorten it or remove it."
        )
    if text.isascii() and "\0" not in text:
        return text
    # JSON's \u escapes can spell half a surrogate pair, which no file can be written with later.
    wrong = next((c for c in text if c == "\0" or "\ud800" <= c <= "\udfff"), None)
    if wrong is not None:
        raise ValueError(
            f"{where}: the {noun} holds U+{ord(wrong):04X}, which is not a character; remove it."
        )
    return text
