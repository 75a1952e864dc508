"""Options of an image classifier's call, and of `multimodal classify`."""

from dataclasses import dataclass

from multimodal.inference.options import Options, Range, option


@dataclass(frozen=True, kw_only=True)
class ClassificationOptions(Options):
    """How many labels are returned.

    Args:
        top: Number of ranked labels.
        batch_size: Images that go through the model together.
    """

    top: int = option(5, "number of labels, the most probable first", within=Range(1))
