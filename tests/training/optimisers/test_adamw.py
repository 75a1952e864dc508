import pytest
import torch
from torch import nn

from multimodal.training.optimisers.adamw import Rates, adamw, adamw_by_depth, total_steps


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


def test_each_group_learns_more_slowly_than_the_one_above():
    groups = [list(nn.Linear(2, 2).parameters()) for _ in range(3)]
    rates = Rates(peak=0.26, weight_decay=0.3)
    found = adamw_by_depth(groups, rates, 10.0)["optimizer"].param_groups
    by_parameter = {id(each): group for group in found for each in group["params"]}
    for depth, group in enumerate(groups):
        for parameter in group:
            its = by_parameter[id(parameter)]
            assert its["initial_lr"] == pytest.approx(0.26 / 2.6 ** (2 - depth))
            assert its["weight_decay"] == (0.3 if parameter.ndim > 1 else 0.0)


def test_all_below_the_top_learns_at_the_encoders_rate():
    groups = [list(nn.Linear(2, 2).parameters()) for _ in range(3)]
    found = adamw_by_depth(groups, Rates(peak=1.0, encoder=0.1), 10.0, depth_factor=2.0)
    rates = {group["initial_lr"] for group in found["optimizer"].param_groups}
    assert sorted(rates) == pytest.approx([0.025, 0.05, 1.0])


def test_a_factor_below_1_is_refused():
    with pytest.raises(ValueError, match=r"`depth_factor` must be 1 or more, got 0.5"):
        adamw_by_depth([], Rates(), 10.0, depth_factor=0.5)


def test_the_groups_keep_the_order_in_which_saved_states_number_them():
    net = model()
    found = adamw(net, net["encoder"], Rates(), 10.0)["optimizer"].param_groups
    expected = [net["encoder"].weight, net["encoder"].bias, net["head"].weight, net["head"].bias]
    assert all(group["params"] == [each] for group, each in zip(found, expected, strict=True))
