"""Options of an image classifier's call, and of `multimodal classify`."""

from dataclasses import dataclass

from multimodal.inference.options import Options, Range, option


@dataclass(frozen=True, kw_only=True)
class ClassificationOptions(Options):
    """Options of a classification.

    Args:
        top: Number of ranked labels.
        batch_size: Number of images in one forward pass.
    """

    top: int = option(5, "number of labels, the most probable first", within=Range(1))
