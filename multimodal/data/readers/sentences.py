"""Clean the white space of captions, questions, answers and texts; refuse empty and damaged ones.

Long sentences are kept: the data set that encodes them cuts them to a number of words.
"""

MAX_CHARACTERS = 10_000
MAX_TEXT_CHARACTERS = 100_000


def clean_sentence(sentence: str, where: str, noun: str) -> str:
    r"""Return a sentence, in any language, on one line with single spaces.

    The error for an empty, an overlong (10,000 characters) or a damaged one begins with `where`
    (file and line or key) and `noun` (caption, question or answer).

    Example:
        >>> clean_sentence("  Ein Hund \n läuft . ", "captions.csv:2", "caption")
        'Ein Hund läuft .'
        >>> clean_sentence(" ", "questions.csv:2", "question")
        Traceback (most recent call last):
        ValueError: questions.csv:2: the question is empty; write one or remove it.
    """
    return _checked(" ".join(sentence.split()), where, noun, MAX_CHARACTERS)


def clean_text(text: str, where: str) -> str:
    """Return a text of many lines without spaces around it; for errors see `clean_sentence`."""
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
    # JSON's \u escapes can spell half a surrogate pair, which cannot be written to a file later.
    wrong = next((c for c in text if c == "\0" or "\ud800" <= c <= "\udfff"), None)
    if wrong is not None:
        raise ValueError(
            f"{where}: the {noun} holds U+{ord(wrong):04X}, which is not a character; remove it."
        )
    return text
