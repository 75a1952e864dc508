"""Fusions of image and question: one contract, a file for each network and a table of them."""

from multimodal.vqa.fusion.contract import Fusion, Questions
from multimodal.vqa.fusion.table import FUSIONS, FusionName

__all__ = ["FUSIONS", "Fusion", "FusionName", "Questions"]
