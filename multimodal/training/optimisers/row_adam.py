"""AdamW that, for large tables of word vectors, touches only the rows of the batch.

Adam moves a parameter for a while after its last gradient, so it updates every row and its moments
at every step. Here only the rows of a sparse gradient are updated. With the usual momentum, nine
tenths of the effect of a gradient come in later steps, in which its row would not move: rare words
would learn ten times as slowly. So a row moves by its whole gradient at once, and only the mean of
the squares is kept. All else is torch's fused AdamW.

References:
    Loshchilov and Hutter 2019, "Decoupled weight decay regularization", algorithm 2; Kingma and Ba
    2015, "Adam: a method for stochastic optimization", algorithm 1, for rows with beta1 = 0, that
    is RMSprop with Adam's correction of its first steps. torch's SparseAdam rests the same rows,
    but keeps the mean of their gradients, and takes no dense gradients beside.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class RowAdamW(torch.optim.AdamW):
    """AdamW for dense gradients, and for the rows of sparse ones.

    Args:
        betas: How slowly the means of the gradient and of its square change; of rows the second.

    Example:
        >>> table = torch.nn.Embedding(5, 2, sparse=True)
        >>> before = table.weight.detach().clone()
        >>> table(torch.tensor([3])).sum().backward()
        >>> RowAdamW(table.parameters(), lr=0.1).step()
        >>> (table.weight != before).any(dim=1).tolist()
        [False, False, False, True, False]
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, weight_decay=weight_decay, fused=True)
        # A float16 scaler then unscales the gradients itself, sparse ones too.
        self._step_supports_amp_scaling = False

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        tables: list[tuple[Tensor, Tensor]] = []
        for group in self.param_groups:
            for parameter in group["params"]:
                gradient = parameter.grad
                if gradient is not None and gradient.layout == torch.sparse_coo:
                    self._update_rows(parameter, gradient.coalesce(), group)
                    tables.append((parameter, gradient))
                    parameter.grad = None  # so that the dense optimiser skips it
        super().step()
        for parameter, gradient in tables:
            parameter.grad = gradient
        return loss

    def _update_rows(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        state["step"] += 1
        (rows,), values = gradient.indices(), gradient.values()
        beta, rate = group["betas"][1], group["lr"]
        square = state["exp_avg_sq"].index_select(0, rows).mul_(beta)
        square.addcmul_(values, values, value=1 - beta)
        state["exp_avg_sq"].index_copy_(0, rows, square)
        # Reading the step as a number would wait for the GPU.
        corrected = square.div_(1 - beta ** state["step"]).sqrt_().add_(group["eps"])
        update = values / corrected
        moved = parameter.index_select(0, rows).mul_(1 - rate * group["weight_decay"])
        parameter.index_copy_(0, rows, moved.sub_(update.mul_(rate)))
