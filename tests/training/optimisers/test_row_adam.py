import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from multimodal.nn.embedding import _can_be_clipped
from multimodal.training.optimisers.row_adam import RowAdamW


class Net(nn.Module):
    def __init__(self, sparse):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(12, 3, padding_idx=0, sparse=sparse)
        self.layer = nn.Linear(3, 2)

    def forward(self, tokens):
        return self.layer(self.table(tokens).sum(dim=1))


TOKENS = torch.tensor([[4, 5, 5], [6, 4, 0]])


def _step(net, optimizer, tokens=TOKENS):
    optimizer.zero_grad()
    F.cross_entropy(net(tokens), torch.tensor([0, 1])).backward()
    optimizer.step()


def test_dense_gradients_are_taken_as_torchs_adamw_takes_them():
    ours, theirs = Net(sparse=False), Net(sparse=False)
    mine = RowAdamW(ours.parameters(), lr=0.1, betas=(0.8, 0.9), weight_decay=0.1)
    reference = torch.optim.AdamW(theirs.parameters(), lr=0.1, betas=(0.8, 0.9), weight_decay=0.1)
    for _ in range(3):
        _step(ours, mine)
        _step(theirs, reference)
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter, theirs.get_parameter(name))


def test_rows_of_every_batch_move_as_without_a_mean_of_gradients_and_the_others_rest():
    sparse, dense = Net(sparse=True), Net(sparse=False)
    before = sparse.table.weight.detach().clone()
    mine = RowAdamW(sparse.parameters(), lr=0.1, weight_decay=0.1)
    groups = [
        {"params": dense.table.parameters(), "betas": (0.0, 0.999)},
        {"params": dense.layer.parameters()},
    ]
    reference = torch.optim.AdamW(groups, lr=0.1, weight_decay=0.1)
    for _ in range(4):
        _step(sparse, mine)
        _step(dense, reference)
    touched = torch.zeros(12, dtype=torch.bool)
    touched[[4, 5, 6]] = True
    torch.testing.assert_close(sparse.table.weight[touched], dense.table.weight[touched])
    torch.testing.assert_close(sparse.layer.weight, dense.layer.weight)
    assert torch.equal(sparse.table.weight[~touched], before[~touched])


def test_rare_rows_get_as_far_as_in_the_dense_table():
    sparse, dense = (nn.Embedding(40, 3, sparse=kind) for kind in (True, False))
    dense.load_state_dict(sparse.state_dict())
    before = sparse.weight.detach().clone()
    mine = RowAdamW(sparse.parameters(), lr=0.01, weight_decay=0.0)
    reference = torch.optim.AdamW(dense.parameters(), lr=0.01, weight_decay=0.0)
    for step in range(400):  # each row has a gradient in every fortieth step
        for table, optimizer in ((sparse, mine), (dense, reference)):
            optimizer.zero_grad()
            (table(torch.tensor([step % 40])) * torch.tensor([1.0, -2.0, 3.0])).sum().backward()
            optimizer.step()
    # The last rows of the dense table have not come to rest yet.
    ours, theirs = (table.weight.detach()[:20] - before[:20] for table in (sparse, dense))
    assert (ours / theirs - 1).abs().max() < 0.2


def test_a_table_moves_as_under_torchs_sparse_adam():
    ours, theirs = (nn.Embedding(12, 3, sparse=True) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    mine = RowAdamW(ours.parameters(), lr=0.1, weight_decay=0.0)
    reference = torch.optim.SparseAdam(theirs.parameters(), lr=0.1, betas=(0.0, 0.999))
    for tokens in ([4, 4, 5], [5, 6], [4]):
        for table, optimizer in ((ours, mine), (theirs, reference)):
            optimizer.zero_grad()
            table(torch.tensor(tokens)).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours.weight, theirs.weight)


@pytest.mark.parametrize("sparse", [False, True])
def test_a_saved_state_goes_on_to_the_bit(sparse):
    net = Net(sparse)
    optimizer = RowAdamW(net.parameters(), lr=0.1)
    _step(net, optimizer)
    other, saved = copy.deepcopy(net), copy.deepcopy(optimizer.state_dict())
    resumed = RowAdamW(other.parameters(), lr=0.5)
    resumed.load_state_dict(saved)
    for each, its in ((net, optimizer), (other, resumed)):
        _step(each, its, torch.tensor([[4, 7, 8], [5, 0, 0]]))
    for name, parameter in net.named_parameters():
        assert torch.equal(parameter, other.get_parameter(name))


def test_gradients_are_still_there_after_the_step_and_clipping_counts_them():
    net = Net(sparse=True)
    optimizer = RowAdamW(net.parameters())
    _step(net, optimizer)
    assert net.table.weight.grad.is_sparse
    if not _can_be_clipped():
        pytest.skip("this torch takes no norm of a sparse gradient: tables get dense ones")
    norm = nn.utils.clip_grad_norm_(net.parameters(), 1e-3)
    dense = torch.cat([each.grad.to_dense().flatten() for each in net.parameters()])
    assert norm > 1e-3
    assert dense.norm().item() == pytest.approx(1e-3, rel=1e-2)


def test_a_closure_is_called_with_gradients_and_its_loss_returned():
    net = Net(sparse=True)
    optimizer = RowAdamW(net.parameters())

    def closure():
        optimizer.zero_grad()
        loss = net(TOKENS).square().sum()
        loss.backward()
        return loss

    before = net.table.weight.detach().clone()
    assert optimizer.step(closure).requires_grad
    assert not torch.equal(net.table.weight, before)


def test_a_float16_scaler_skips_a_step_that_is_not_finite_and_unscales_the_others():
    ours, plain = Net(sparse=True), Net(sparse=True)
    mine, reference = RowAdamW(ours.parameters(), lr=0.1), RowAdamW(plain.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for factor in (float("inf"), 1.0):
        mine.zero_grad()
        scaler.scale(ours(TOKENS).square().sum() * factor).backward()
        scaler.step(mine)
        scaler.update()
    plain(TOKENS).square().sum().backward()
    reference.step()
    torch.testing.assert_close(ours.table.weight, plain.table.weight)
    torch.testing.assert_close(ours.layer.weight, plain.layer.weight)
