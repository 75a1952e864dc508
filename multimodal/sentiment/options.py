"""Options of a sentiment classifier's call, and of `multimodal sentiment`."""

from dataclasses import dataclass

from multimodal.inference.options import Options


@dataclass(frozen=True, kw_only=True)
class SentimentOptions(Options):
    """Options of a sentiment prediction.

    Args:
        explain: Whether to compute the contribution of each word, which takes ten to twenty times
            as long as the prediction alone.
        batch_size: Number of texts in one forward pass.
    """

    explain: bool = True
