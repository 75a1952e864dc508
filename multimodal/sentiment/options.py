"""Options of a sentiment classifier's call, and of `multimodal sentiment`."""

from dataclasses import dataclass

from multimodal.inference.options import Options


@dataclass(frozen=True, kw_only=True)
class SentimentOptions(Options):
    """What is computed beside the label.

    Args:
        explain: Whether to compute the contribution of each word, which takes ten to twenty times
            as long as the prediction.
        batch_size: Texts that go through the model together.
    """

    explain: bool = True
