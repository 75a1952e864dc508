"""Open a pretrained network from top to bottom, one group of layers after the other.

What is new learns first, on top of what is known; otherwise its first, wild gradients would undo
what the layers below had learned.

References:
    Howard and Ruder 2018, "Universal language model fine-tuning for text classification", section
    3.3 (gradual unfreezing).
"""

from typing import Protocol, runtime_checkable

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn
from typing_extensions import override


@runtime_checkable
class Layered(Protocol):
    """A network that lists what learns in groups."""

    def parameters_by_depth(self) -> list[list[nn.Parameter]]:
        """Return the groups from bottom to top."""


class GradualUnfreezing(Callback):
    """Train the top group of ``task.model`` alone, and one more from every ``epochs`` epochs on.

    All parameters are in the optimiser from the start, so that nothing has to be added to it, and a
    run that is resumed opens what was open.

    Args:
        epochs: Epochs from one group to the next; 0 trains everything from the start.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        if epochs < 0:
            raise ValueError(f"`unfreeze_epochs` must be 0 or more, got {epochs}.")
        self.epochs = epochs

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open what is open where a resumed run goes on in the middle of an epoch.

        Raises:
            ValueError: If several processes share the work: they would not share its gradients.
        """
        if self.epochs and trainer.world_size > 1:
            raise ValueError(
                "`unfreeze_epochs` works in one process only. Train with --trainer.devices 1, or "
                "train everything from the start with `unfreeze_epochs` 0."
            )
        self.on_train_epoch_start(trainer, pl_module)

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open as many groups as the epoch has come to."""
        if not self.epochs:
            return
        model = pl_module.get_submodule("model")
        assert isinstance(model, Layered)
        opened = 1 + trainer.current_epoch // self.epochs
        groups = model.parameters_by_depth()
        for height, group in enumerate(reversed(groups)):
            for parameter in group:
                parameter.requires_grad_(height < opened)
