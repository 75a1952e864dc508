"""Options of a captioner's call, and of `multimodal caption`."""

from dataclasses import dataclass
from typing import Literal

from multimodal.inference.options import Options, Range, option


@dataclass(frozen=True, kw_only=True)
class CaptionOptions(Options):
    """Options of the caption search.

    Args:
        beam_size: Width of the beam search; 1 is greedy search.
        n_best: Number of captions returned, the best one included; at most `beam_size`.
        max_length: Maximum number of words; the end of the sentence counts as one.
        length_penalty: Exponent of the length normalisation, 0 for none, or ``average``; see
            `multimodal.decoding.beam_search`.
        no_repeat_ngram: Length of the word sequences that may not occur twice; 0 allows all.
        batch_size: Number of images in one forward pass.
    """

    beam_size: int = option(5, "width of the beam search; 1 is fastest", within=Range(1))
    n_best: int = option(3, "number of captions, the best one included", within=Range(1))
    max_length: int = option(20, "maximum number of words", within=Range(1))
    length_penalty: float | Literal["average"] = 0.0
    no_repeat_ngram: int = option(
        0, "length of the word sequences that may not occur twice; 0 allows all", within=Range(0)
    )
