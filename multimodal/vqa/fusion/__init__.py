"""Fusions of image and question: one contract, a network for each paper."""

from multimodal.vqa.fusion.contract import Fusion, Questions, grid_coordinates
from multimodal.vqa.fusion.film import FilmFusion
from multimodal.vqa.fusion.product import ConcatenateFusion, MultiplyFusion
from multimodal.vqa.fusion.slots import SlotsFusion
from multimodal.vqa.fusion.stacked import StackedAttentionFusion
from multimodal.vqa.fusion.table import FUSIONS, FusionName
from multimodal.vqa.fusion.top_down import TopDownFusion

__all__ = [
    "FUSIONS",
    "ConcatenateFusion",
    "FilmFusion",
    "Fusion",
    "FusionName",
    "MultiplyFusion",
    "Questions",
    "SlotsFusion",
    "StackedAttentionFusion",
    "TopDownFusion",
    "grid_coordinates",
]
