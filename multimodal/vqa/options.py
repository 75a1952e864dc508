"""Options of an answerer's call, and of `multimodal ask`."""

from dataclasses import dataclass

from multimodal.inference.options import Options, Range, option


@dataclass(frozen=True, kw_only=True)
class AnswerOptions(Options):
    """Options of an answer.

    Args:
        top: Number of ranked answers, the best one included; the others are its alternatives.
        batch_size: Number of images in one forward pass, each with its question.
    """

    top: int = option(5, "number of answers, the most probable first", within=Range(1))
