"""Variation of training pictures on whole batches of bytes, by named presets."""

from multimodal.data.augmentation.draws import Draws
from multimodal.data.augmentation.presets import PRESETS, Augmentation, Preset, PresetName
from multimodal.data.augmentation.rand_augment import rand_augment

__all__ = ["PRESETS", "Augmentation", "Draws", "Preset", "PresetName", "rand_augment"]
