"""The words of the built-in scenes, derived from their grammars: no scene has to be sampled."""

from collections.abc import Iterable
from string import Formatter

from multimodal.worlds.scenes import question_grammar as questions
from multimodal.worlds.scenes.grammar import PLURALS, WORDS
from multimodal.worlds.scenes.graph import COLOURS, SHAPES, SIZES
from multimodal.worlds.scenes.questions import ANSWERS


def caption_words() -> list[str]:
    """List every word that `describe` writes, in alphabetical order."""
    return sorted(set(WORDS) - {"shape"})  # read by the parser, never written: "there is one shape"


def question_words() -> list[str]:
    """List every word that `ask` writes, in alphabetical order."""
    wordings = [
        *questions.EXIST,
        *questions.COUNT,
        *questions.COMPARE_ATTRIBUTES,
        *questions.RELATION,
        *questions.MIDDLES,
        *questions.CHAIN_EXIST,
        *questions.CHAIN_COUNT,
    ]
    for table in (questions.QUERY, questions.COMPARE_COUNTS, questions.SIDE, questions.RELATED):
        wordings += [wording for row in table.values() for wording in row]
    nouns = {*questions.NOUNS, *(questions.plural((), noun) for noun in questions.NOUNS)}
    described = {*SIZES, *COLOURS, *SHAPES, *PLURALS.values(), *nouns}
    return sorted({*_literal_words(wordings), *described, *questions.QUERY, "a", "an", "the"})


def answers() -> list[str]:
    """List every answer to a question of `ask`, in alphabetical order.

    Example:
        >>> answers()[:7]
        ['0', '1', '2', '3', '4', '5', 'above']
    """
    return sorted(ANSWERS)


def _literal_words(templates: Iterable[str]) -> set[str]:
    """Collect the words of format strings outside their fields."""
    return {
        word
        for text in templates
        for literal, *_ in Formatter().parse(text)
        for word in literal.split()
    }
