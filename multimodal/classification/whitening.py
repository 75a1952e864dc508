"""Start a residual encoder's stem from the training images' own patches."""

from collections.abc import Callable, Iterable

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from multimodal.data.batches import ClassificationBatch
from multimodal.nn.residual import ResidualCNN

_IMAGES = 500  # of 32 pixels: half a million patches
_REFUSAL = (
    "`whiten` is for the encoder `residual` and the images of a ClassificationData. Set "
    "`settings.encoder.name` to residual, or `whiten` to false."
)


class WhitenStem(Callback):
    """Before training, let the stem of ``task.model.encoder`` take patches apart; see its `whiten`.

    The images are the first that are trained on. A resumed run does this again, and then loads the
    checkpoint's weights.

    Args:
        batches: Returns the training batches.
    """

    def __init__(self, batches: Callable[[], Iterable[ClassificationBatch]]) -> None:
        super().__init__()
        self.batches = batches

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Whiten the stem.

        Raises:
            ValueError: If the encoder is another one, or has learned something, or there are no
                images.
        """
        if stage != "fit":
            return
        encoder = pl_module.get_submodule("model.encoder")
        if not isinstance(encoder, ResidualCNN):
            raise ValueError(_REFUSAL)
        images: list[torch.Tensor] = []
        for batch in self.batches():
            images.append(batch.images)
            if sum(map(len, images)) >= _IMAGES:
                break
        if not images:
            raise ValueError(_REFUSAL)
        encoder.whiten(torch.cat(images)[:_IMAGES])
