"""The built-in world: pictures of coloured shapes, their captions, and a checker of captions.

`sample_scene` draws a scene graph, `render_scene` paints it, `describe` captions it, and
`check_caption` says which statements of any caption are true of it; `ask` asks questions about it,
each with the program that `run` answers it by. Nothing is stored: a scene is a pure function of
(seed, index, split).
"""

from multimodal.worlds.scenes.checker import CaptionVerdict, Statement, check_caption
from multimodal.worlds.scenes.grammar import WORDS, Mention, describe
from multimodal.worlds.scenes.graph import (
    COLOURS,
    RELATIONS,
    SHAPES,
    SIZES,
    SPLITS,
    TEXTURES,
    Background,
    Lighting,
    Scene,
    SceneObject,
    offset,
    relations,
)
from multimodal.worlds.scenes.parser import ParsedCaption, parse
from multimodal.worlds.scenes.programs import Program, run
from multimodal.worlds.scenes.questions import (
    ANSWERS,
    KINDS,
    MAX_QUESTIONS,
    Kind,
    SceneQuestion,
    ask,
)
from multimodal.worlds.scenes.render import MAX_PIXELS, MIN_PIXELS, render_scene
from multimodal.worlds.scenes.sampling import HELD_OUT_PAIRS, sample_scene
from multimodal.worlds.scenes.vocabulary import answers, caption_words, question_words

__all__ = [
    "ANSWERS",
    "COLOURS",
    "HELD_OUT_PAIRS",
    "KINDS",
    "MAX_PIXELS",
    "MAX_QUESTIONS",
    "MIN_PIXELS",
    "RELATIONS",
    "SHAPES",
    "SIZES",
    "SPLITS",
    "TEXTURES",
    "WORDS",
    "Background",
    "CaptionVerdict",
    "Kind",
    "Lighting",
    "Mention",
    "ParsedCaption",
    "Program",
    "Scene",
    "SceneObject",
    "SceneQuestion",
    "Statement",
    "answers",
    "ask",
    "caption_words",
    "check_caption",
    "describe",
    "offset",
    "parse",
    "question_words",
    "relations",
    "render_scene",
    "run",
    "sample_scene",
]
