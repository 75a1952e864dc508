"""Fusions of image and question: one contract, a network for each paper."""

from multimodal.nn.fusion.contract import Fusion, Questions, grid_coordinates
from multimodal.nn.fusion.film import FilmFusion
from multimodal.nn.fusion.product import ConcatenateFusion, MultiplyFusion
from multimodal.nn.fusion.slots import SlotsFusion
from multimodal.nn.fusion.stacked import StackedAttentionFusion
from multimodal.nn.fusion.top_down import TopDownFusion

__all__ = [
    "ConcatenateFusion",
    "FilmFusion",
    "Fusion",
    "MultiplyFusion",
    "Questions",
    "SlotsFusion",
    "StackedAttentionFusion",
    "TopDownFusion",
    "grid_coordinates",
]
