import pytest
import torch
from torch import nn

from multimodal.training.optimisation import Rates, adamw, total_steps


def model():
    return nn.ModuleDict({"encoder": nn.Linear(3, 2), "head": nn.Linear(2, 2)})


def test_only_matrices_decay_and_the_encoder_has_its_own_rate():
    net = model()
    rates = Rates(peak=5e-3, encoder=0.1, weight_decay=0.3)
    found = adamw(net, net["encoder"], rates, 10.0)
    groups = found["optimizer"].param_groups
    for group in groups:
        assert all((p.ndim > 1) == (group["weight_decay"] == 0.3) for p in group["params"])
    assert {round(group["initial_lr"], 6) for group in groups} == {5e-3, 5e-4}
    assert sum(len(group["params"]) for group in groups) == 4


def test_the_rate_follows_the_schedule_at_every_step():
    net = model()
    found = adamw(net, None, Rates(peak=1.0, warmup=0.1), 20.0)
    assert found["lr_scheduler"]["interval"] == "step"
    seen = []
    for _ in range(20):
        seen.append(found["optimizer"].param_groups[0]["lr"])
        for parameter in net.parameters():
            parameter.grad = torch.zeros_like(parameter)
        found["optimizer"].step()
        found["lr_scheduler"]["scheduler"].step()
    assert seen[0] == 0.5
    assert max(seen) == 1.0
    assert seen[-1] < 0.05


def test_a_run_without_an_end_is_refused():
    with pytest.raises(ValueError, match=r"set --trainer.max_epochs or --trainer.max_steps"):
        total_steps(float("inf"))
