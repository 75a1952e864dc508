import math
from copy import deepcopy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from multimodal.training.optimisers.adamw import Rates
from multimodal.training.optimisers.muon import Muon, muon, orthogonalise


def net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(40, 48), nn.ReLU(), nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, 3)
    )


def built(model, **changes):
    found = muon(
        model, model[0], [model[-1]], Rates(**{"peak": 0.01, "encoder": 0.5, **changes}), 40
    )
    return found["optimizer"], found["lr_scheduler"]["scheduler"]


def train(model, optimizer, schedule, steps):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(64, 40, generator=generator)
    labels = torch.randint(3, (64,), generator=generator)
    for _ in range(steps):
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return loss.item()


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([(8, 8), (20, 50), (50, 20), (128, 200), (256, 300)]), st.integers(0, 99))
def test_singular_values_come_near_one_and_vectors_stay(shape, seed):
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    found = orthogonalise(matrix)
    assert found.shape == matrix.shape
    assert torch.linalg.svdvals(found).max() < 2.3  # of each block below 1.6
    if min(shape) <= 128:
        left, values, right = torch.linalg.svd(matrix, full_matrices=False)
        turned = left.T @ found @ right.T
        large = values > 0.2 * values[0]
        assert ((turned.diag()[large] > 0.4) & (turned.diag()[large] < 1.6)).all()
        assert (turned - torch.diag(turned.diag())).abs().max() < 1e-2


def test_a_wide_matrix_is_taken_in_blocks_of_128():
    matrix = torch.randn(256, 300, generator=torch.Generator().manual_seed(0))
    parts = [orthogonalise(part) for part in matrix.chunk(2)]
    torch.testing.assert_close(orthogonalise(matrix), torch.cat(parts))
    torch.testing.assert_close(orthogonalise(matrix.T.contiguous()), torch.cat(parts).T)


def test_a_step_is_that_of_the_papers():
    weight = nn.Parameter(torch.zeros(32, 50))
    optimizer = Muon(
        [{"params": [weight]}], [{"params": [nn.Parameter(torch.zeros(2))]}], lr=0.1, momentum=0.9
    )
    first, second = torch.randn(2, 32, 50, generator=torch.Generator().manual_seed(0))
    expected = torch.zeros(32, 50)
    momentum = torch.zeros(32, 50)
    for gradient in (first, second):
        weight.grad = gradient.clone()
        optimizer.step()
        momentum = 0.9 * momentum + 0.1 * gradient
        ahead = 0.1 * gradient + 0.9 * momentum
        expected -= 0.1 * 0.2 * math.sqrt(50) * orthogonalise(ahead)
    # The polynomials raise rounding errors some hundredfold; a step is a hundredth.
    torch.testing.assert_close(weight.detach(), expected, rtol=0, atol=3e-4)


def test_a_convolution_counts_as_the_matrix_of_its_output_channels():
    kernel = nn.Parameter(torch.randn(32, 8, 3, 3, generator=torch.Generator().manual_seed(0)))
    flat = nn.Parameter(kernel.detach().flatten(1))
    for weight in (kernel, flat):
        others = [{"params": [nn.Parameter(torch.zeros(2))]}]
        optimizer = Muon([{"params": [weight], "weight_decay": 0.1}], others, lr=0.1)
        weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
        optimizer.step()
    torch.testing.assert_close(kernel.flatten(1), flat)


def test_narrow_layers_and_embeddings_stay_with_adamw():
    model = nn.ModuleList([nn.Conv2d(3, 24, 3), nn.Embedding(64, 64), nn.LSTM(32, 32)])
    optimizer = muon(model, model[0], [], Rates(), 10)["optimizer"]
    taken = {id(each) for group in optimizer.param_groups[:1] for each in group["params"]}
    assert optimizer.param_groups[0]["momentum"] > 0
    assert taken == {id(model[2].weight_ih_l0), id(model[2].weight_hh_l0)}


def test_everything_else_moves_as_adamw_moves_it():
    ours, theirs = net(), net()
    optimizer, _ = built(ours)
    rest = [group for group in optimizer.param_groups if not group["momentum"]]
    others = [each for group in rest for each in group["params"]]
    names = {id(value): name for name, value in ours.named_parameters()}
    named = {names[id(each)] for each in others}
    assert named == {"0.bias", "2.bias", "4.weight", "4.bias"}
    groups = [
        {"params": [theirs[0].bias], "lr": 0.005, "weight_decay": 0.0},
        {"params": [theirs[2].bias, theirs[4].bias], "lr": 0.01, "weight_decay": 0.0},
        {"params": [theirs[4].weight], "lr": 0.01, "weight_decay": 0.01},
    ]
    reference = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)
    inputs = torch.randn(8, 40, generator=torch.Generator().manual_seed(2))
    factor = optimizer.param_groups[0]["lr"] / 0.005
    for group in reference.param_groups:
        group["lr"] *= factor
    for model, stepped in ((ours, optimizer), (theirs, reference)):
        model(inputs).square().sum().backward()
        stepped.step()
    for name in named:
        torch.testing.assert_close(ours.get_parameter(name), theirs.get_parameter(name), msg=name)
    assert not torch.equal(ours[2].weight, theirs[2].weight)


def test_a_resumed_run_ends_where_an_unbroken_one_does():
    unbroken = net()
    optimizer, schedule = built(unbroken)
    train(unbroken, optimizer, schedule, 5)
    resumed = net()
    resumed.load_state_dict(unbroken.state_dict())
    again, anew = built(resumed)
    again.load_state_dict(deepcopy(optimizer.state_dict()))
    anew.load_state_dict(schedule.state_dict())
    train(unbroken, optimizer, schedule, 5)
    train(resumed, again, anew, 5)
    torch.testing.assert_close(resumed.state_dict(), unbroken.state_dict(), rtol=0, atol=0)


def test_random_labels_are_learned_by_heart():
    model = net()
    assert train(model, *built(model, peak=0.03), 80) < 0.3  # at first it is log 3


def test_a_frozen_matrix_stays():
    model = net()
    model[2].requires_grad_(False)
    before = model[2].weight.clone()
    train(model, *built(model), 3)
    assert torch.equal(model[2].weight, before)


def test_what_is_no_matrix_is_refused():
    with pytest.raises(ValueError, match=r"Muon takes matrices, got .* shape \(3,\)"):
        Muon(
            [{"params": [nn.Parameter(torch.zeros(3))]}],
            [{"params": [nn.Parameter(torch.zeros(2))]}],
            lr=0.1,
        )
