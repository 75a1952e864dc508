"""The table of the fusions."""

from typing import Literal

from multimodal.nn.choices import Choice
from multimodal.vqa.fusion.contract import Fusion
from multimodal.vqa.fusion.film import FilmFusion
from multimodal.vqa.fusion.product import ConcatenateFusion, MultiplyFusion
from multimodal.vqa.fusion.slots import SlotsFusion
from multimodal.vqa.fusion.stacked import StackedAttentionFusion
from multimodal.vqa.fusion.top_down import TopDownFusion

FusionName = Literal["slots", "multiply", "concatenate", "stacked", "top_down", "film"]

FUSIONS: dict[FusionName, Choice[Fusion]] = {
    "slots": Choice(
        SlotsFusion,
        ("fusion_dim", "num_slots", "num_hops"),
        "the default: several queries per question, compared in pairs; counts and relations",
    ),
    "multiply": Choice(
        MultiplyFusion,
        ("fusion_dim",),
        "the oldest baseline: the product of an image vector and a question vector",
    ),
    "concatenate": Choice(
        ConcatenateFusion,
        ("fusion_dim",),
        "the same two vectors side by side",
    ),
    "stacked": Choice(
        StackedAttentionFusion,
        ("fusion_dim", "num_hops"),
        "attention in several hops",
    ),
    "top_down": Choice(
        TopDownFusion,
        ("fusion_dim",),
        "one attention over regions, for photographs",
    ),
    "film": Choice(
        FilmFusion,
        ("fusion_dim", "num_hops"),
        "residual blocks modulated by the question; questions of several steps, and the slowest",
    ),
}
