"""Parse scene captions by recursive descent through the grammar of `grammar`.

References:
    Aho, Lam, Sethi, Ullman, "Compilers", 2nd edition 2006, section 4.4.1 (recursive descent).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from multimodal.worlds.scenes.grammar import MIDDLE, NUMBERS, PLURALS, Mention
from multimodal.worlds.scenes.graph import COLOURS, RELATIONS, SIZES, Colour, Relation, Shape, Size

_SINGULAR_NOUNS: Final[dict[str, Shape]] = {shape: shape for shape in PLURALS}
_PLURAL_NOUNS: Final[dict[str, Shape]] = {plural: shape for shape, plural in PLURALS.items()}
_COLOUR_WORDS: Final[dict[str, Colour]] = {colour: colour for colour in COLOURS}
_SIZE_WORDS: Final[dict[str, Size]] = {size: size for size in SIZES}
_COUNTS: Final = {word: number for number, word in enumerate(NUMBERS, start=1)}
_RELATION_TOKENS: Final = tuple((relation, tuple(relation.split())) for relation in RELATIONS)


@dataclass(frozen=True, slots=True)
class ParsedCaption:
    """The content of a caption, not yet compared with its scene.

    Args:
        mentions: The groups of objects it names, in order.
        total: The number of shapes it states, if any.
        relation: The relation between its first two mentions, if any.
        place: The place of its only mention: a relation to the middle, or "in the middle".
        alone: Whether it states that there is nothing else.
        rest: All words from the first that the grammar does not allow.

    Example:
        >>> parse("a red star is above").rest
        'is above'
    """

    mentions: tuple[Mention, ...] = ()
    total: int | None = None
    relation: Relation | None = None
    place: str | None = None
    alone: bool = False
    rest: str = ""


def parse(caption: str | Sequence[str]) -> ParsedCaption:
    """Parse a text, or its tokens, up to the first word that the grammar does not allow.

    Capitals, commas and full stops do not matter.

    Example:
        >>> parsed = parse("A small red star is left of a blue ring.")
        >>> parsed.relation, [str(mention) for mention in parsed.mentions]
        ('left of', ['a small red star', 'a blue ring'])
    """
    text = caption if isinstance(caption, str) else " ".join(caption)
    reader = _Reader(text.lower().replace(",", " ").replace(".", " ").split())
    parsed = reader.caption()
    rest = " ".join(reader.tokens[reader.position :])
    return replace(parsed, rest=rest) if rest else parsed


class _Reader:
    """Recursive descent over tokens; each method reads what it can and moves `position` past it."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.position = 0

    def take(self, *words: str) -> bool:
        """Skip the words if they come next."""
        end = self.position + len(words)
        if tuple(self.tokens[self.position : end]) != words:
            return False
        self.position = end
        return True

    def caption(self) -> ParsedCaption:
        if self.take("there", "is") or self.take("there", "are"):
            return self.existence(1 if self.tokens[1] == "is" else 2)
        if self.take("a", "picture", "of"):
            return ParsedCaption(self.mentions() or self.give_up())
        if self.take("nothing", "but"):
            mentions = self.mentions()
            return ParsedCaption(mentions or self.give_up(), alone=bool(mentions))
        mentions = self.mentions()
        if mentions and self.take("and", "nothing", "else"):
            return ParsedCaption(mentions, alone=True)
        if len(mentions) == 1 and mentions[0].count is None:
            return self.predicate(mentions[0])
        return ParsedCaption(mentions)

    def give_up(self) -> tuple[Mention, ...]:
        """Go back to the start, since the opening words alone have no content."""
        self.position = 0
        return ()

    def existence(self, number: int) -> ParsedCaption:
        """Parse what follows "there is" (1) or "there are" (2)."""
        start = self.position
        count = self.number()
        if count and (count > 1) == (number > 1) and self.take("shapes" if count > 1 else "shape"):
            inside = self.position
            mentions = self.mentions() if self.take("including") else ()
            if not mentions:
                self.position = inside
            return ParsedCaption(mentions, total=count)
        self.position = start
        mentions = self.mentions()
        if not mentions or ((mentions[0].count or 1) > 1) != (number > 1):
            return ParsedCaption(self.give_up())
        return ParsedCaption(mentions)

    def predicate(self, subject: Mention) -> ParsedCaption:
        """Parse the predicate of a single object: a relation to another one, or its place."""
        start = self.position
        copula = self.take("is")
        if copula and self.take("in", "the", "middle"):
            return ParsedCaption((subject,), place=MIDDLE)
        for relation, words in _RELATION_TOKENS:
            if self.take(*words):
                if copula and self.take("the", "middle"):
                    return ParsedCaption((subject,), place=relation)
                other = self.mention()
                if other is not None and other.count is None:
                    return ParsedCaption((subject, other), relation=relation)
                break
        self.position = start
        return ParsedCaption((subject,))

    def number(self) -> int | None:
        count = _COUNTS.get(self.peek())
        if count is not None:
            self.position += 1
        return count

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def mentions(self) -> tuple[Mention, ...]:
        mentions = []
        mention = self.mention()
        while mention is not None:
            mentions.append(mention)
            start = self.position
            self.take("and")
            mention = self.mention()
            if mention is None:
                self.position = start
        return tuple(mentions)

    def mention(self) -> Mention | None:
        start = self.position
        count = self.number()
        article = self.peek() if count is None else ""
        if count is None and article not in {"a", "an"}:
            return None
        self.position += bool(article)
        vowel = self.peek() == "orange"  # the only adjective after "an"; no shape is
        size = _SIZE_WORDS.get(self.peek())
        self.position += size is not None
        colour = _COLOUR_WORDS.get(self.peek())
        self.position += colour is not None
        shape = (_PLURAL_NOUNS if (count or 1) > 1 else _SINGULAR_NOUNS).get(self.peek())
        if shape is None or (article and (article == "an") != vowel):
            self.position = start
            return None
        self.position += 1
        return Mention(shape, colour, size, count)
