"""The words of the built-in reviews: aspects, opinion words, negators and sentence templates.

Every noun takes every adjective, so that a sentence may be silly but never wrong, and no noun
predicts praise or blame. Opinion words are two lists of equal length; none is stronger than
another, only the words around it weaken or strengthen it.
"""

from typing import Final, Literal, NamedTuple

Kind = Literal["adjective", "phrase", "verb"]
"""The construction of a word's clause: "was dull", "fell flat", "I hated the plot"."""


class OpinionWord(NamedTuple):
    """A word or phrase of praise or blame."""

    base: str  # the plain form, which identifies it
    present: str  # "it fails"; equal to the base for adjectives
    past: str  # "it failed"; equal to the base for adjectives
    kind: Kind
    positive: bool
    domain: str = ""  # the only domain it belongs to; empty for all


class Negator(NamedTuple):
    """A word or phrase that reverses an opinion."""

    name: str
    past: str
    present: str
    bare: bool = False  # a verb after it takes its base form: "did not fail"
    strength: int = 2  # of the reversed opinion: "not very good" is weak blame


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


ASPECTS: Final[dict[str, tuple[str, ...]]] = {
    "film": _words(
        "plot, acting, music, dialogue, camera work, ending, script, cast, humour, editing"
    ),
    "restaurant": _words(
        "soup, service, menu, wine, dessert, seating, kitchen, bread, terrace, coffee"
    ),
    "hotel": _words(
        "room, breakfast, bed, reception, view, pool, bathroom, location, lobby, garden"
    ),
}
SUBJECTS: Final[dict[str, tuple[str, ...]]] = {
    "film": ("film", "movie", "picture"),
    "restaurant": ("restaurant", "place", "bistro"),
    "hotel": ("hotel", "place", "resort"),
}

_PRAISE: Final = (
    "good great excellent wonderful lovely pleasant brilliant superb delightful impressive "
    "charming marvellous splendid remarkable satisfying memorable outstanding fantastic enjoyable "
    "beautiful first-rate inspired magnificent admirable"
)
_BLAME: Final = (
    "bad poor terrible awful dreadful disappointing unpleasant weak horrible mediocre dull sloppy "
    "annoying forgettable miserable lousy tiresome hopeless pathetic appalling slow shabby clumsy "
    "dismal"
)
_PHRASES: Final = (
    ("work", "works", "worked", True, ""),
    ("impress", "impresses", "impressed", True, ""),
    ("shine", "shines", "shone", True, ""),
    ("pay off", "pays off", "paid off", True, ""),
    ("come alive", "comes alive", "came alive", True, "film"),
    ("pick up pace", "picks up pace", "picked up pace", True, "film"),
    ("disappoint", "disappoints", "disappointed", False, ""),
    ("fall flat", "falls flat", "fell flat", False, ""),
    ("fail", "fails", "failed", False, ""),
    ("let us down", "lets us down", "let us down", False, ""),
    ("drag", "drags", "dragged", False, "film"),
    ("wear thin", "wears thin", "wore thin", False, "film"),
)
_VERBS: Final = (
    ("love", "loved", True),
    ("like", "liked", True),
    ("enjoy", "enjoyed", True),
    ("admire", "admired", True),
    ("hate", "hated", False),
    ("dislike", "disliked", False),
    ("regret", "regretted", False),
    ("detest", "detested", False),
)

OPINION_WORDS: Final[tuple[OpinionWord, ...]] = (
    *(OpinionWord(word, word, word, "adjective", True) for word in _PRAISE.split()),
    *(OpinionWord(word, word, word, "adjective", False) for word in _BLAME.split()),
    *(
        OpinionWord(base, present, past, "phrase", positive, domain)
        for base, present, past, positive, domain in _PHRASES
    ),
    *(OpinionWord(base, past, past, "verb", positive) for base, past, positive in _VERBS),
)

WEAKENERS: Final = ("slightly", "somewhat", "rather", "a bit", "fairly")
STRENGTHENERS: Final = ("very", "really", "extremely", "absolutely", "incredibly", "truly")

NEGATORS: Final[dict[Kind, tuple[Negator, ...]]] = {
    "adjective": (
        Negator("not", "was not", "is not"),
        Negator("n't", "wasn't", "isn't"),
        Negator("never", "was never", "is never"),
        Negator("hardly", "was hardly", "is hardly"),
        Negator("far from", "was far from", "is far from"),
        Negator("anything but", "was anything but", "is anything but"),
        Negator("by no means", "was by no means", "is by no means"),
        Negator("nowhere near", "was nowhere near", "is nowhere near"),
        Negator("not very", "was not very", "is not very", strength=1),
        Negator("not particularly", "was not particularly", "is not particularly", strength=1),
    ),
    "phrase": (
        Negator("not", "did not", "does not", bare=True),
        Negator("n't", "didn't", "doesn't", bare=True),
        Negator("never", "never", "never"),
        Negator("hardly", "hardly", "hardly"),
    ),
    "verb": (
        Negator("not", "did not", "did not", bare=True),
        Negator("n't", "didn't", "didn't", bare=True),
        Negator("never", "never", "never"),
        Negator("hardly", "hardly", "hardly"),
    ),
}
FRAMES: Final[tuple[str, ...]] = (
    "nobody could say that",
    "I would not claim that",
    "it is not true that",
    "I cannot agree that",
    "I doubt that",
    "I never had the feeling that",
    "I find it hard to believe that",
    "you will not hear me say that",
)
"""Beginnings that deny the clause they open, however far away its opinion word is."""

HEARSAY: Final[tuple[str, ...]] = (
    "the critics say that",
    "my {person} told me that",
    "the {source} claims that",
    "everyone had promised us that",
    "I had read in the {source} that",
    "some people think that",
    "my {person} was sure that",
    "I had hoped that",
)
"""Beginnings that make a clause somebody else's opinion, or a hope."""

CONTRASTS: Final[tuple[str, ...]] = (
    "{ignored} , but {counted}",
    "{ignored} , yet {counted}",
    "at first {ignored} , but later on {counted}",
    "although {ignored} , {counted}",
    "even though {ignored} , {counted}",
    "while {ignored} , {counted}",
    "{counted} , although {ignored}",
    "{counted} , even though {ignored}",
)
"""Two opposite opinions, of which one is conceded and the other is the writer's own."""

RELATIVES: Final[tuple[str, ...]] = (
    "which my {person} had mentioned",
    "which I had read about in the {source}",
    "of which my {person} had shown us a photo",
    "to be honest",
    "which was new to us",
    "after {number} days of waiting",
    "as far as I remember that {day}",
)
"""Insertions between a noun and its predicate."""

REMARKS: Final[tuple[str, ...]] = (
    "we went there on a {day}",
    "I had not been to a {subject} like this before",
    "it was raining that {day}",
    "my {person} had paid for all of us",
    "we did not stay for long",
    "I never write about a {subject}",
    "it took us {number} hours to get there",
    "nobody else was there",
    "my {person} could not come",
    "I cannot remember the name of the street",
    "we sat next to a family with {number} children",
    "that was {number} weeks ago",
    "it is not far from the station",
    "I had read the {source} first",
    "my {person} lives around the corner",
    "I hardly ever go out on a {day}",
    "you will find the address in the {source}",
    "there were {number} of us",
    "I wrote this down on a {day}",
    "the {subject} opened {number} years ago",
    "we left after {number} hours",
    "I doubt we will be there on a {day} again",
    "I would not know where else to begin",
    "my {person} asked me to write this",
)
"""Sentences without an opinion; some with words that elsewhere reverse one."""

SLOTS: Final[dict[str, tuple[str, ...]]] = {
    "person": _words("sister, brother, mother, uncle, neighbour, boss, friend, cousin"),
    "day": _words("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"),
    "source": _words("newspaper, guide, brochure, magazine, advertisement"),
    "number": _words("two, three, four, five, six, seven"),
}
