"""Muon: weight matrices learn by orthogonalised momentum, everything else by AdamW.

The gradient of a weight matrix is nearly of low rank: a few directions take most of each step, and
rare ones hardly move. Muon replaces the momentum by the nearest orthogonal matrix, so that every
direction moves equally. A network can learn in fewer steps, each of which costs a few more matrix
products. torch's own Muon orthogonalises in bfloat16, which is slow on many CPUs, and takes
matrices only, while Lightning takes a single optimiser.

References:
    Jordan, Jin, Boza, You, Cesista, Newhouse and Bernstein 2024, "Muon: an optimizer for hidden
    layers in neural networks" (hidden matrices only, the rest stays with AdamW); Liu et al. 2025,
    "Muon is scalable for LLM training", equation 4 (0.2 times the root of the longer side, so that
    AdamW's learning rates and decay do for it); Amsel, Persson, Musco and Gower 2025, "The Polar
    Express", table of coefficients (a polynomial of its own for each iteration).
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from typing_extensions import override

from multimodal.training.optimisers.adamw import Rates, with_schedule

_POLYNOMIALS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
)
_ROWS = 128  # of a block: half the work of 256, and as good
_NARROWEST = 32  # rows or columns: a smaller matrix has few directions to balance


class Muon(torch.optim.Optimizer):
    """Orthogonalised momentum for matrices, AdamW for the other parameters.

    Args:
        matrices: Groups of hidden layers' weights; a convolution's counts as the matrix
            ``(out channels, in channels x height x width)``. Learning rates are on AdamW's scale.
        others: AdamW's groups: biases, embeddings, output layers.
        lr: Learning rate of groups without one.
        momentum: Share of the last momentum that stays, also in Nesterov's step.
        betas: AdamW's.
    """

    def __init__(
        self,
        matrices: list[dict[str, Any]],
        others: list[dict[str, Any]],
        *,
        lr: float,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.98),
    ) -> None:
        for matrix in (each for group in matrices for each in group["params"]):
            if matrix.ndim < 2:
                raise ValueError(
                    f"Muon takes matrices, got a parameter of shape {tuple(matrix.shape)}. Put it "
                    "among the others, which AdamW takes."
                )
        self._adamw = torch.optim.AdamW(others, lr=lr, betas=betas, fused=True)
        rest = [{**group, "momentum": 0.0} for group in self._adamw.param_groups]
        first = [{"momentum": momentum, **group} for group in matrices]
        super().__init__([*first, *rest], self._adamw.defaults)

    @override
    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for matrix in group["params"]:
                if group["momentum"] and matrix.grad is not None:
                    self._move(matrix, matrix.grad, group)
        rest = [group for group in self.param_groups if not group["momentum"]]
        # One state for both: a checkpoint that is loaded replaces these dictionaries.
        self._adamw.param_groups, self._adamw.state = rest, self.state
        self._adamw.step()
        return loss

    def _move(self, matrix: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, rate = self.state[matrix], group["lr"]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(matrix)
        state["momentum"].lerp_(gradient, 1 - group["momentum"])
        ahead = gradient.lerp(state["momentum"], group["momentum"])
        matrix.mul_(1 - rate * group["weight_decay"])
        flat = ahead.flatten(1)
        step = 0.2 * max(flat.shape) ** 0.5
        matrix.add_(orthogonalise(flat).reshape(matrix.shape), alpha=-rate * step)


def orthogonalise(matrix: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
    """Approximate ``u @ v`` of a matrix ``u @ s @ v``: singular values become about 0.4 to 1.6.

    If the shorter side is a multiple of 128, each block of 128 is orthogonalised separately.

    Example:
        >>> orthogonalise(torch.diag(torch.tensor([3.0, -2.0]))).diag().sign()
        tensor([ 1., -1.])
    """
    is_tall = matrix.shape[0] > matrix.shape[1]
    wide = matrix.T if is_tall else matrix
    rows = _ROWS if wide.shape[0] % _ROWS == 0 else wide.shape[0]
    blocks = wide.reshape(-1, rows, wide.shape[1])
    norms = torch.linalg.matrix_norm(blocks, keepdim=True)
    blocks = blocks / (1.01 * norms + 1e-7)  # the polynomials need singular values up to 1
    for a, b, c in _POLYNOMIALS:
        gram = blocks @ blocks.mT
        blocks = torch.baddbmm(
            blocks, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), blocks, beta=a
        )
    wide = blocks.reshape(wide.shape)
    return wide.T if is_tall else wide


def muon(
    model: nn.Module,
    encoder: nn.Module,
    outputs: Sequence[nn.Module],
    rates: Rates,
    estimated_steps: int | float,
) -> OptimizerLRScheduler:
    """Build Muon and its schedule for the run that a trainer is about to start.

    Args:
        model: The network, with the layers that are frozen now and opened later.
        encoder: Its part that learns at the encoder's rate.
        outputs: Layers that give the output, which AdamW takes.
    """
    hidden = _hidden_weights(model, outputs)
    inside = {id(parameter) for parameter in encoder.parameters()}
    groups: dict[tuple[bool, bool, bool], list[Tensor]] = {}
    for parameter in model.parameters():
        key = (id(parameter) in hidden, id(parameter) in inside, parameter.ndim > 1)
        groups.setdefault(key, []).append(parameter)
    matrices, others = (
        [
            {
                "params": parameters,
                "lr": rates.peak * (rates.encoder if in_encoder else 1.0),
                "weight_decay": rates.weight_decay if is_decayed else 0.0,
            }
            for (is_hidden, in_encoder, is_decayed), parameters in groups.items()
            if is_hidden == wanted
        ]
        for wanted in (True, False)
    )
    return with_schedule(Muon(matrices, others, lr=rates.peak), rates, estimated_steps)


def _hidden_weights(model: nn.Module, outputs: Sequence[nn.Module]) -> set[int]:
    """Return the identities of weights of linear, recurrent and convolutional layers."""
    outside = {id(parameter) for module in outputs for parameter in module.parameters()}
    return {
        id(parameter)
        for module in model.modules()
        if isinstance(module, nn.Linear | nn.RNNBase | nn.Conv2d)
        for parameter in module.parameters(recurse=False)
        if id(parameter) not in outside
        and parameter.ndim > 1
        and min(parameter.flatten(1).shape) >= _NARROWEST
    }
