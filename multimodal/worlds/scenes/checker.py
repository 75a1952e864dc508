"""Check which statements of a caption are true of its scene.

Each mention, each relation and each total of a caption is a statement. "a red star" is true if
there is at least one, "two red stars" if there are exactly two. The mentions of a list refer to
different objects. All words that the grammar does not allow are one false statement.

References:
    SPICE (Anderson et al. 2016) compares the statements of captions' scene graphs; here the true
    graph is known, so that statements are checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from multimodal.worlds.scenes.grammar import MIDDLE, NUMBERS, PLACE_MARGIN, Mention
from multimodal.worlds.scenes.graph import TRUE_MARGIN, Relation, Scene, SceneObject, offset
from multimodal.worlds.scenes.parser import ParsedCaption, parse

StatementKind = Literal["object", "count", "relation", "place", "grammar"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a caption.

    Args:
        text: Its words.
        kind: "object" for "a red star", "count" for numbers and "nothing else", "grammar" for words
            that cannot be parsed.
        true: Whether it is true of the scene.
    """

    text: str
    kind: StatementKind
    true: bool


@dataclass(frozen=True, slots=True)
class CaptionCheck:
    """The statements of one caption, in its order; at least one."""

    statements: tuple[Statement, ...]

    @property
    def all_true(self) -> bool:
        """Whether every statement is true."""
        return all(statement.true for statement in self.statements)


def check_caption(caption: str | Sequence[str], scene: Scene) -> CaptionCheck:
    """Check a caption, as a text or as tokens, against its scene.

    A caption that is empty or cannot be parsed is one false statement.

    Example:
        >>> from multimodal.worlds.scenes import describe, sample_scene
        >>> scene = sample_scene(0, 0, "train")
        >>> check_caption(describe(scene)[0], scene).all_true
        True
        >>> check_caption("a nice day", scene).statements
        (Statement(text='a nice day', kind='grammar', true=False),)
    """
    parsed = parse(caption)
    statements = []
    if parsed.total is not None:
        noun = "shape" if parsed.total == 1 else "shapes"
        right = parsed.total == len(scene.objects)
        statements.append(Statement(f"{NUMBERS[parsed.total - 1]} {noun}", "count", right))
    for mention, right in zip(parsed.mentions, _mentions_true(parsed.mentions, scene), strict=True):
        kind: StatementKind = "object" if mention.count is None else "count"
        statements.append(Statement(str(mention), kind, right))
    if parsed.alone:
        claimed = sum(mention.count or 1 for mention in parsed.mentions)
        statements.append(Statement("nothing else", "count", claimed == len(scene.objects)))
    if parsed.relation is not None:
        statements.append(_check_relation(parsed, parsed.relation, scene))
    if parsed.place is not None:
        statements.append(_check_place(parsed.mentions[0], parsed.place, scene))
    if parsed.rest or not statements:
        statements.append(Statement(parsed.rest, "grammar", true=False))
    return CaptionCheck(tuple(statements))


def _mentions_true(mentions: Sequence[Mention], scene: Scene) -> list[bool]:
    """Match mentions to different objects by augmenting paths (Kuhn's algorithm).

    So "a star and a red star" is true of a red and a blue star, both of which fit the first.
    """
    owners: dict[int, int] = {}  # object -> mention
    results = []
    for number, mention in enumerate(mentions):
        fitting = sum(mention.matches(thing) for thing in scene.objects)
        right = fitting >= 1 if mention.count is None else fitting == mention.count
        before = dict(owners)
        for _ in range((mention.count or 1) if right else 0):
            right = right and _claim(number, mentions, scene, owners, set())
        if not right:
            owners = before
        results.append(right)
    return results


def _claim(
    number: int,
    mentions: Sequence[Mention],
    scene: Scene,
    owners: dict[int, int],
    tried: set[int],
) -> bool:
    """Assign one more object to a mention; earlier mentions switch to other objects if needed."""
    for index, thing in enumerate(scene.objects):
        if index in tried or owners.get(index) == number or not mentions[number].matches(thing):
            continue
        tried.add(index)
        if index not in owners or _claim(owners[index], mentions, scene, owners, tried):
            owners[index] = number
            return True
    return False


def _check_relation(parsed: ParsedCaption, relation: Relation, scene: Scene) -> Statement:
    first, second = parsed.mentions
    right = any(
        offset(relation, one, other) >= TRUE_MARGIN
        for one in scene.objects
        if first.matches(one)
        for other in scene.objects
        if other is not one and second.matches(other)
    )
    return Statement(f"{first} {relation} {second}", "relation", right)


def _check_place(mention: Mention, place: str, scene: Scene) -> Statement:
    right = any(_is_at(thing, place) for thing in scene.objects if mention.matches(thing))
    where = place if place == MIDDLE else f"{place} the middle"
    return Statement(f"{mention} {where}", "place", right)


def _is_at(thing: SceneObject, place: str) -> bool:
    right, down = thing.x - 0.5, thing.y - 0.5
    if place == MIDDLE:
        return max(abs(right), abs(down)) <= PLACE_MARGIN + TRUE_MARGIN
    away = {"left of": -right, "right of": right, "above": -down, "below": down}[place]
    return away >= TRUE_MARGIN
