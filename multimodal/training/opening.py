"""Open more of a frozen encoder once what stands on it has learned something.

References:
    Howard and Ruder 2018, "Universal language model fine-tuning for text classification", section
    3.3 (gradual unfreezing); Xu et al. 2015 and the released code of Show and Tell train the
    decoder first and the encoder afterwards.
"""

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from multimodal.nn.encoder import ImageEncoder


class OpenEncoder(Callback):
    """Open the last stages of ``task.model.encoder`` at an epoch, and again when a run is resumed.

    All parameters are in the optimiser from the start, so that nothing has to be added to it.

    Args:
        epoch: When; -1 is never.
        stages: How many of the last stages; -1 is all.
    """

    def __init__(self, epoch: int, stages: int) -> None:
        super().__init__()
        self.epoch = epoch
        self.stages = stages

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open where a resumed run goes on in the middle of an epoch.

        Raises:
            ValueError: If several processes share the work: they would not share its gradients.
        """
        if self.epoch >= 0 and trainer.world_size > 1:
            raise ValueError(
                "`unfreeze_epoch` works in one process only. Train with --trainer.devices 1, or "
                "open the stages from the start with `encoder.trainable_stages`."
            )
        self.on_train_epoch_start(trainer, pl_module)

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open when the epoch has come."""
        if 0 <= self.epoch <= trainer.current_epoch:
            _encoder(pl_module).unfreeze(self.stages)


class OpenGradually(Callback):
    """Open ``task.model.encoder`` from top to bottom, a few stages at a time.

    The first epochs train what stands on the encoder alone. How many stages are open follows from
    the epoch, so that a run that is resumed opens what was open: Lightning's own ``BaseFinetuning``
    freezes it again (its issue 21901). Batch normalisation of closed stages keeps its statistics.

    Args:
        epochs: Epochs from one opening to the next.
        stages: How many stages each opens.

    Raises:
        ValueError: If either is not positive.
    """

    def __init__(self, epochs: int = 1, stages: int = 1) -> None:
        super().__init__()
        if epochs < 1 or stages < 1:
            raise ValueError(
                f"Stages open every `epochs` epochs, `stages` at a time: both must be 1 or more, "
                f"got {epochs} and {stages}."
            )
        self.epochs = epochs
        self.stages = stages

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open what is open where a resumed run goes on in the middle of an epoch.

        Raises:
            ValueError: If several processes share the work: they would not share its gradients.
        """
        if trainer.world_size > 1:
            raise ValueError(
                "Stages are opened in one process only. Train with --trainer.devices 1, or open "
                "them from the start."
            )
        self.on_train_epoch_start(trainer, pl_module)

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open as many stages as the epoch has come to."""
        encoder = _encoder(pl_module)
        opened = self.stages * (trainer.current_epoch // self.epochs)
        encoder.unfreeze(min(opened, len(encoder.stages())))


def _encoder(task: LightningModule) -> ImageEncoder:
    encoder = task.get_submodule("model.encoder")
    assert isinstance(encoder, ImageEncoder)
    return encoder
