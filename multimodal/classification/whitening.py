"""Start a residual encoder's stem from the training images' own patches."""

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from multimodal.classification.data import ClassificationData
from multimodal.nn.residual import ResidualCNN

_IMAGES = 500  # of 32 pixels: half a million patches


class WhitenStem(Callback):
    """Before training, let the stem of ``task.model.encoder`` take patches apart; see its `whiten`.

    A run that is resumed does so again, and then goes on from the checkpoint's weights.
    """

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Look at the first images, in the order in which they are trained on.

        Raises:
            ValueError: If the encoder is another one, or has learned something, or the trainer has
                no images.
        """
        if stage != "fit":
            return
        encoder = pl_module.get_submodule("model.encoder")
        data = getattr(trainer, "datamodule", None)
        if not isinstance(encoder, ResidualCNN) or not isinstance(data, ClassificationData):
            raise ValueError(
                "`whiten` is for the encoder `residual` and the images of a ClassificationData. "
                "Set `settings.encoder.name` to residual, or `whiten` to false."
            )
        images: list[torch.Tensor] = []
        for batch in data.train_dataloader():
            images.append(batch.images)
            if sum(map(len, images)) >= _IMAGES:
                break
        encoder.whiten(torch.cat(images)[:_IMAGES])
