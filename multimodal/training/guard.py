"""Stop a run at the first value that is not finite, name its origin, and keep good checkpoints.

A single NaN in a loss turns every weight into NaN one step later, and Lightning reports such a run
as finished. The guard looks before the optimiser's step, while the weights are still good.

The check is one pass over the gradients and one over the parameters, each the Euclidean norm of all
tensors together, which is not finite if any number is not. Only when it fails are the tensors
looked at one by one. The norm also overflows, and the run stops, where values near 1e19 are still
finite: their squares are not, so neither Adam nor any layer can compute with them. A learning rate
of 1e30 gets there in one step.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer
from typing_extensions import override

from multimodal.training.checkpoints import newest_checkpoint

_NAMED = 16  # examples listed in a message


class NonFiniteError(RuntimeError):
    """A loss, gradient, input or parameter is not finite; the message says which and where."""


class NonFiniteGuard(Callback):
    """Raise ``NonFiniteError`` before a step or a checkpoint would contain non-finite values.

    The message names the step, the first bad tensor, the examples of the batch (from the batch's
    ``indices`` and ``examples``, if it has them), and the last good checkpoint.
    """

    def __init__(self) -> None:
        super().__init__()
        self._records: list[_Record] = []
        self._stepped = False

    @override
    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Check the parameters after the last step, and start a record of this batch."""
        if self._stepped:
            self._check_parameters(trainer, pl_module)
            self._records, self._stepped = [], False
        self._records.append(_Record(batch))

    @override
    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: Tensor
    ) -> None:
        self._records[-1].losses.append(loss.detach())

    @override
    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Check the losses and inputs of all batches since the last step, and the gradients."""
        gradients = {
            name: parameter.grad
            for name, parameter in pl_module.named_parameters()
            if parameter.grad is not None
        }
        # In float16 an infinite gradient is usual: the scaler skips that step and scales lower.
        if getattr(trainer.precision_plugin, "scaler", None) is not None:
            gradients = {}
        norms = [norm for record in self._records for norm in record.norms()]
        if gradients:
            norms.append(get_total_norm(gradients.values()))
        if not _all_finite(norms):
            raise self._error(trainer, _first_problem(self._records, gradients), self._records)
        self._stepped = True

    @override
    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._stepped:
            self._check_parameters(trainer, pl_module)

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._check_parameters(trainer, pl_module)

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Refuse to save non-finite weights, in particular over good ones."""
        self._check_parameters(trainer, pl_module)
        # Also buffers: a NaN in an image reaches the averages of a BatchNorm before any check.
        for name, value in checkpoint["state_dict"].items():
            if isinstance(value, Tensor) and value.is_floating_point() and not _all_finite([value]):
                raise self._error(trainer, f"`{name}` is not finite.", self._records)

    def _check_parameters(self, trainer: Trainer, module: LightningModule) -> None:
        trained = {name: value for name, value in module.named_parameters() if value.requires_grad}
        if _all_finite([get_total_norm(value.detach() for value in trained.values())]):
            return
        problem = _first_bad(trained) + " Is the learning rate too high?"
        raise self._error(trainer, problem, self._records)

    def _error(self, trainer: Trainer, problem: str, records: list["_Record"]) -> NonFiniteError:
        names = [name for record in records for name in record.examples()]
        listed = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
        kept = newest_checkpoint(trainer)
        return NonFiniteError(
            f"Training stopped after {trainer.global_step} steps, in epoch "
            f"{trainer.current_epoch}: {problem}\n"
            f"Examples in the batch: {listed or 'unknown, it has no `indices`'}.\n"
            + (f"The last good checkpoint is {kept}" if kept else "No checkpoint was written yet.")
        )


class _Record:
    """The batch and its losses, from its start to the optimiser's step."""

    def __init__(self, batch: Any) -> None:
        self.batch = batch
        self.losses: list[Tensor] = []

    def inputs(self) -> dict[str, Tensor]:
        return dict(_floating(self.batch, "batch"))

    def norms(self) -> list[Tensor]:
        # A sum of squares soon overflows float16, in which features are cached.
        inputs = [
            torch.linalg.vector_norm(value, dtype=torch.promote_types(value.dtype, torch.float32))
            for value in self.inputs().values()
        ]
        return inputs + [loss.reshape(()) for loss in self.losses]

    def examples(self) -> list[str]:
        """Name the examples by their position in the data set and, where known, their image."""
        indices = getattr(self.batch, "indices", None)
        if not isinstance(indices, Tensor):
            return []
        names = [str(index) for index in indices.tolist()]
        images = [getattr(example, "image_id", None) for example in _examples(self.batch)]
        if len(images) == len(names) and None not in images:
            return [f"{name} (image {image})" for name, image in zip(names, images, strict=True)]
        return names


def _first_problem(records: list[_Record], gradients: dict[str, Tensor]) -> str:
    """Find the first problem: an input, then a loss, then a gradient."""
    for record in records:
        for name, value in record.inputs().items():
            rows = sorted({row for row, *_ in (~value.isfinite()).nonzero().tolist()})
            if rows:
                return f"`{name}` is not finite in row {', '.join(map(str, rows[:_NAMED]))}."
        for loss in record.losses:
            if not loss.isfinite().all():
                return f"the loss is {loss.item()}."
    return "the gradient of " + _first_bad(gradients)


def _first_bad(tensors: Mapping[str, Tensor]) -> str:
    for name, value in tensors.items():
        if not _all_finite([get_total_norm([value.detach()])]):
            return f"`{name}` reached {float(value.detach().abs().max()):.3g}."
    return "all tensors together is beyond the range of float32."


def _floating(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """Yield the floating-point tensors of a batch with the names of their fields."""
    if isinstance(value, Tensor):
        if value.is_floating_point() and value.dim():
            yield name, value
        return
    if isinstance(value, dict):
        fields: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        fields = zip(value._fields, value, strict=True)
    elif isinstance(value, (tuple, list)):
        fields = enumerate(value)
    else:
        return
    for key, part in fields:
        yield from _floating(part, f"{name}.{key}")


def _examples(batch: Any) -> tuple[Any, ...]:
    examples = getattr(batch, "examples", ())
    return examples if isinstance(examples, tuple) else ()


def _all_finite(norms: list[Tensor]) -> bool:
    """Check norms that may be on several devices, waiting for each device once."""
    by_device: dict[torch.device, list[Tensor]] = {}
    for norm in norms:
        by_device.setdefault(norm.device, []).append(norm.float())
    return all(bool(torch.stack(each).isfinite().all()) for each in by_device.values())
