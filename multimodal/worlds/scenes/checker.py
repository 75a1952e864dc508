"""The semantic checker: which statements of a caption are true of its scene.

A caption is parsed by the grammar and cut into statements: each mention, each relation, each total
is one. "a red star" is true when there is one or more, "two red stars" when there are exactly two;
the mentions of a list speak of different objects, so a captioner that repeats itself is found out.
Words that the grammar does not allow are one false statement, together.

References:
    SPICE (Anderson et al. 2016) scores captions by the statements of their scene graphs; here the
    true graph is known, so the statements are judged and not only compared.
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
    """One thing a caption claims.

    Args:
        text: the words that claim it.
        kind: "object" for "a red star", "count" for numbers and "nothing else", "relation" between
            two objects, "place" of one object, "grammar" for words that could not be read.
        true: whether it holds in the scene.

    Example:
        >>> Statement("a red star", "object", true=True).kind
        'object'
    """

    text: str
    kind: StatementKind
    true: bool


@dataclass(frozen=True, slots=True)
class CaptionVerdict:
    """The statements of one caption, judged.

    Args:
        statements: in the order of the caption; at least one.

    Example:
        >>> verdict = CaptionVerdict((Statement("a red star", "object", true=False),))
        >>> verdict.all_true, verdict.num_true
        (False, 0)
    """

    statements: tuple[Statement, ...]

    @property
    def all_true(self) -> bool:
        """Whether every statement holds."""
        return all(statement.true for statement in self.statements)

    @property
    def num_true(self) -> int:
        """How many statements hold."""
        return sum(statement.true for statement in self.statements)


def check_caption(caption: str | Sequence[str], scene: Scene) -> CaptionVerdict:
    """Judge a caption, written or generated, by the scene it is about.

    Args:
        caption: the text, or its tokens.
        scene: the graph of the picture.

    Returns:
        One statement for each thing claimed. A caption in which nothing can be read, and an empty
        one, is one false statement.

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
        statements.append(_judge_relation(parsed, parsed.relation, scene))
    if parsed.place is not None:
        statements.append(_judge_place(parsed.mentions[0], parsed.place, scene))
    if parsed.rest or not statements:
        statements.append(Statement(parsed.rest, "grammar", true=False))
    return CaptionVerdict(tuple(statements))


def _mentions_true(mentions: Sequence[Mention], scene: Scene) -> list[bool]:
    """Judge mentions in order; each must find objects that no earlier one needs.

    A maximum matching of mentions to objects by augmenting paths (Kuhn's algorithm), so that "a
    star and a red star" is true of a red and a blue star although the first mention fits both.
    """
    owners: dict[int, int] = {}  # object -> mention
    verdicts = []
    for number, mention in enumerate(mentions):
        fitting = sum(mention.matches(thing) for thing in scene.objects)
        right = fitting >= 1 if mention.count is None else fitting == mention.count
        before = dict(owners)
        for _ in range((mention.count or 1) if right else 0):
            right = right and _claim(number, mentions, scene, owners, set())
        if not right:
            owners = before
        verdicts.append(right)
    return verdicts


def _claim(
    number: int,
    mentions: Sequence[Mention],
    scene: Scene,
    owners: dict[int, int],
    tried: set[int],
) -> bool:
    """Give the mention one more object, moving earlier mentions to others where that helps."""
    for place, thing in enumerate(scene.objects):
        if place in tried or owners.get(place) == number or not mentions[number].matches(thing):
            continue
        tried.add(place)
        if place not in owners or _claim(owners[place], mentions, scene, owners, tried):
            owners[place] = number
            return True
    return False


def _judge_relation(parsed: ParsedCaption, relation: Relation, scene: Scene) -> Statement:
    first, second = parsed.mentions
    right = any(
        offset(relation, one, other) >= TRUE_MARGIN
        for one in scene.objects
        if first.matches(one)
        for other in scene.objects
        if other is not one and second.matches(other)
    )
    return Statement(f"{first} {relation} {second}", "relation", right)


def _judge_place(mention: Mention, place: str, scene: Scene) -> Statement:
    right = any(_lies(thing, place) for thing in scene.objects if mention.matches(thing))
    where = place if place == MIDDLE else f"{place} the middle"
    return Statement(f"{mention} {where}", "place", right)


def _lies(thing: SceneObject, place: str) -> bool:
    right, down = thing.x - 0.5, thing.y - 0.5
    if place == MIDDLE:
        return max(abs(right), abs(down)) <= PLACE_MARGIN + TRUE_MARGIN
    away = {"left of": -right, "right of": right, "above": -down, "below": down}[place]
    return away >= TRUE_MARGIN
