"""Train the top of a pretrained network first, and more of it as the epochs pass.

New layers learn first, on top of pretrained ones; otherwise their first, large gradients would undo
what the layers below have learned. A strategy of transfer learning chooses the layers that are
trained, from the cheapest to the most expensive: a linear classifier on the features of a frozen
encoder; the head alone; the head and the last stages; the stages one after the other; everything at
once. The more images, the more layers; `multimodal transfer` tries all strategies.

References:
    Howard and Ruder 2018, "Universal language model fine-tuning for text classification", section
    3.3 (gradual unfreezing); Kornblith, Shlens and Le 2019, "Do better ImageNet models transfer
    better?", section 3.2 (a logistic regression on fixed features beside fine-tuning); Yosinski et
    al. 2014, "How transferable are features in deep neural networks?" (the last stages); Xu et al.
    2015 and the released code of Show and Tell train the decoder first and the encoder afterwards.
"""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn
from typing_extensions import override

from multimodal.nn.encoder import ImageEncoder

Strategy = Literal["none", "linear", "head", "last_stages", "gradual", "full"]


class Unfreezing(Callback):
    """Set at the start of each epoch how many of the top layers are trained.

    All parameters are in the optimiser from the start, so nothing has to be added to it. The number
    of open layers is a function of the epoch, so a resumed run opens the same layers: Lightning's
    own ``BaseFinetuning`` freezes them again (its issue 21901).

    Args:
        unfreeze: Opens this many of the top layers and freezes the others; -1 opens all.
        schedule: The number of open layers at an epoch; None leaves all as they are.
        option: The task's option, for messages.
    """

    def __init__(
        self, unfreeze: Callable[[int], None], schedule: Callable[[int], int | None], option: str
    ) -> None:
        super().__init__()
        self.unfreeze = unfreeze
        self.schedule = schedule
        self.option = option

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the layers of the epoch in whose middle a resumed run goes on.

        Raises:
            ValueError: If there are several processes.
        """
        if trainer.world_size > 1:  # they would not share the gradients of layers opened later
            raise ValueError(
                f"`{self.option}` opens layers during training, which works in one process only. "
                "Train with --trainer.devices 1, or train these layers from the start."
            )
        self.on_train_epoch_start(trainer, pl_module)

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        number = self.schedule(trainer.current_epoch)
        if number is not None:
            self.unfreeze(number)


def unfreeze_at(encoder: ImageEncoder, epoch: int, stages: int) -> list[Callback]:
    """Return the callback that opens stages of an encoder at an epoch; none if that is below 0."""
    if epoch < 0:
        return []
    return [Unfreezing(encoder.unfreeze, from_epoch(epoch, stages), "unfreeze_epoch")]


def from_epoch(epoch: int, layers: int) -> Callable[[int], int | None]:
    """Open some layers at an epoch; before it, leave the network as it is.

    Args:
        epoch: The first epoch in which they are open.
        layers: Number of top layers; -1 for all.

    Example:
        >>> schedule = from_epoch(2, layers=1)
        >>> [schedule(epoch) for epoch in range(4)]
        [None, None, 1, 1]
    """
    return lambda current: layers if current >= epoch else None


def gradual(
    epochs: int, *, layers: int = 1, first: int = 0, total: int
) -> Callable[[int], int | None]:
    """Open layers from top to bottom, a few at a time.

    Args:
        epochs: Epochs from one opening to the next.
        layers: Number of layers that each opening adds.
        first: Number of layers that are open in the first epochs.
        total: Number of all layers.

    Example:
        >>> schedule = gradual(2, first=1, total=3)
        >>> [schedule(epoch) for epoch in range(8)]
        [1, 1, 2, 2, 3, 3, 3, 3]
    """
    if epochs < 1 or layers < 1:
        raise ValueError(
            f"Layers open every `unfreeze_epochs` epochs, `stages` at a time: both must be 1 or "
            f"more, got {epochs} and {layers}."
        )
    return lambda current: min(first + layers * (current // epochs), total)


def unfreeze_groups(groups: Sequence[Sequence[nn.Parameter]], number: int) -> None:
    """Train the top groups of a network's parameters and freeze the others.

    Args:
        groups: From bottom to top, as a model's ``parameters_by_depth`` lists them.
        number: Number of last groups that are trained.
    """
    for height, group in enumerate(reversed(groups)):
        for parameter in group:
            parameter.requires_grad_(height < number)


def open_encoder(encoder: ImageEncoder, strategy: str, stages: int) -> None:
    """Open the stages of an encoder that a strategy trains at its start; ``none`` leaves all.

    Raises:
        ValueError: If there is no such strategy, or the encoder has fewer stages.
    """
    match strategy:
        case "none":
            return
        case "linear" | "head" | "gradual":
            encoder.unfreeze(0)
        case "last_stages":
            if not 1 <= stages <= len(encoder.stages()):
                raise ValueError(
                    f"`stages` must be from 1 to {len(encoder.stages())}, the stages of "
                    f"{encoder.name}, got {stages}."
                )
            encoder.unfreeze(stages)
        case "full":
            encoder.unfreeze(-1)
        case _:
            raise ValueError(
                f"`transfer` must be one of {', '.join(get_args(Strategy))}, got {strategy!r}."
            )


def check_start(strategy: str, weights: str) -> None:
    """Refuse to train on top of a frozen encoder with random weights.

    Raises:
        ValueError: If most of the encoder would stay random.
    """
    if weights == "none" and strategy in ("linear", "head", "last_stages", "gradual"):
        raise ValueError(
            f"`transfer` {strategy} builds on what an encoder has learned, and this one starts "
            "from random weights. Set `settings.encoder.weights` to pretrained or to a file, or "
            "`transfer` to none."
        )
