"""The built-in scenes: images of coloured shapes with captions, questions and exact answers.

`sample_scene` draws a scene graph, `render_scene` renders it, `describe` captions it, and
`check_caption` checks each statement of any caption against it; `ask` asks questions about it, each
with the program by which `run` answers it. Nothing is stored: a scene is a pure function of (seed,
index, split).
"""

from multimodal.worlds.scenes.checker import CaptionCheck, Statement, check_caption
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
    "CaptionCheck",
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
