"""The built-in world: pictures of coloured shapes, their captions, and a checker of captions.

`sample_scene` draws a scene graph, `render_scene` paints it, `describe` captions it, and
`check_caption` says which statements of any caption are true of it. Nothing is stored: a scene is a
pure function of (seed, index, split).
"""

from multimodal.data.scenes.checker import CaptionVerdict, Statement, check_caption
from multimodal.data.scenes.grammar import WORDS, Mention, describe
from multimodal.data.scenes.graph import (
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
from multimodal.data.scenes.parser import ParsedCaption, parse
from multimodal.data.scenes.render import MAX_PIXELS, MIN_PIXELS, render_scene
from multimodal.data.scenes.sampling import HELD_OUT_PAIRS, sample_scene

__all__ = [
    "COLOURS",
    "HELD_OUT_PAIRS",
    "MAX_PIXELS",
    "MIN_PIXELS",
    "RELATIONS",
    "SHAPES",
    "SIZES",
    "SPLITS",
    "TEXTURES",
    "WORDS",
    "Background",
    "CaptionVerdict",
    "Lighting",
    "Mention",
    "ParsedCaption",
    "Scene",
    "SceneObject",
    "Statement",
    "check_caption",
    "describe",
    "offset",
    "parse",
    "relations",
    "render_scene",
    "sample_scene",
]
