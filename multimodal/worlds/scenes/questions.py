"""Questions about a scene, each with the program that answers it from the graph.

Over many scenes, ten kinds are about equally frequent and their answers as even as scenes allow. No
question names an object ambiguously or asks for a relation that is too close to call: its program
gives the same answer whether relations begin at `STATED_MARGIN` or at minus `STATED_MARGIN`.

References:
    CLEVR (Johnson et al. 2017, section 3.2): questions that are programs over a scene graph.
    Goyal et al. 2017, "Making the V in VQA Matter" (balanced answers).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from multimodal.worlds.scenes.graph import COLOURS, MAX_OBJECTS, SHAPES, SIZES, Scene
from multimodal.worlds.scenes.programs import Program, execute
from multimodal.worlds.scenes.question_attributes import (
    compare_attributes,
    compare_counts,
    count,
    exist,
    query,
)
from multimodal.worlds.scenes.question_grammar import Draft
from multimodal.worlds.scenes.question_relations import chain, relation, side
from multimodal.worlds.scenes.references import References

Kind = Literal[
    "exist",
    "count",
    "colour",
    "shape",
    "size",
    "compare_counts",
    "compare_attributes",
    "relation",
    "side",
    "chain",
]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
ANSWERS: Final[tuple[str, ...]] = (
    "yes",
    "no",
    *(str(number) for number in range(MAX_OBJECTS + 1)),
    *COLOURS,
    *SHAPES,
    *SIZES,
    "left",
    "right",
    "above",
    "below",
)
MAX_QUESTIONS: Final = 50

# One object allows seven kinds, two allow nine, three and more all ten. With these shares all kinds
# come out about equally frequent when scenes of one to five objects are; kinds that not every scene
# permits (no two objects that can be named, say) have a little more.
_ALWAYS: Final[tuple[Kind, ...]] = (
    "exist",
    "count",
    "colour",
    "shape",
    "size",
    "compare_counts",
    "side",
)
_BAGS: Final[tuple[tuple[Kind, ...], ...]] = (
    _ALWAYS,
    _ALWAYS * 6 + ("relation",) * 8 + ("compare_attributes",) * 9,
    _ALWAYS * 4
    + ("colour", "shape", "size", "side")
    + ("relation",) * 7
    + ("compare_attributes",) * 8
    + ("chain",) * 10,
)
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class SceneQuestion:
    """A question about a scene, and its answer.

    Args:
        text: Lower-case words without a question mark.
        answer: One of `ANSWERS`: the result of `run` for the program.
        kind: One of `KINDS`.
        program: The operations that answer it, for `run`.
    """

    text: str
    answer: str
    kind: Kind
    program: Program


def ask(scene: Scene, number: int = 10) -> tuple[SceneQuestion, ...]:
    """Ask 1 to 50 questions about a scene; no two have the same program or the same text.

    They follow from the scene's key (seed, index, split); a smaller number gives the first of a
    larger one.

    Raises:
        ValueError: If the number is out of range.

    Example:
        >>> from multimodal.worlds.scenes import sample_scene
        >>> for question in ask(sample_scene(0, 4, "train"), 3):
        ...     print(question.text, question.answer, sep=" -> ")
        how many small shapes can you see -> 2
        what colour is the square below the large triangle -> orange
        what colour is the large thing -> orange
    """
    if not 1 <= number <= MAX_QUESTIONS:
        raise ValueError(
            f"`number` must be 1 to {MAX_QUESTIONS}, got {number}. Ask about more scenes instead."
        )
    references = References(scene)
    kinds = _BAGS[min(len(scene.objects), len(_BAGS)) - 1]
    bag: list[Kind] = []
    questions: dict[Program, SceneQuestion] = {}
    while len(questions) < number:
        bag = bag or list(kinds)  # an empty bag: every kind has had its share
        kind = bag.pop(references.draws.number(len(bag)))
        question = _try(references, kind, questions)
        if question is not None:
            questions[question.program] = question
    return tuple(questions.values())


def _try(
    references: References, kind: Kind, questions: dict[Program, SceneQuestion]
) -> SceneQuestion | None:
    """Draft a few questions of one kind until one is new."""
    for _ in range(_TRIES):
        draft = _DRAFT[kind](references)
        if draft is not None and draft.program not in questions:
            answer = execute(draft.program, references.facts)
            return SceneQuestion(draft.text, answer, kind, draft.program)
    return None


_DRAFT: Final[dict[Kind, Callable[[References], Draft | None]]] = {
    "exist": exist,
    "count": count,
    "colour": lambda references: query(references, "colour"),
    "shape": lambda references: query(references, "shape"),
    "size": lambda references: query(references, "size"),
    "compare_counts": compare_counts,
    "compare_attributes": compare_attributes,
    "relation": relation,
    "side": side,
    "chain": chain,
}
