import pytest
import torch
from torch import nn
from torch.nn import functional as F

from multimodal.vqa.fusion.contract import Questions
from multimodal.vqa.fusion.slots import SlotsFusion


def fusion(**sizes):
    torch.manual_seed(0)
    return SlotsFusion(6, 8, **{"fusion_dim": 12, "num_slots": 3, "num_hops": 3, **sizes}).eval()


def questions(lengths, time=5):
    torch.manual_seed(1)
    mask = torch.arange(time) < torch.tensor(lengths).unsqueeze(1)
    outputs = torch.randn(len(lengths), time, 8) * mask.unsqueeze(-1)
    return Questions(torch.randn(len(lengths), 8), outputs, mask)


REGIONS = torch.randn(2, 9, 6, generator=torch.Generator().manual_seed(2))
IMAGE_OF, QUESTION_OF = torch.tensor([0, 0, 1, 1, 1]), torch.tensor([0, 1, 1, 2, 0])


def test_regions_that_are_no_square_grid_are_refused():
    with pytest.raises(ValueError, match="regions in a square grid"):
        fusion()(torch.zeros(2, 7, 6), questions([5, 2, 3]), IMAGE_OF, QUESTION_OF)


def test_it_learns_on_which_side_of_each_other_two_things_are():
    """What no product of one image vector and one question vector learns: a spatial relation."""
    generator = torch.Generator().manual_seed(3)
    count, side = 256, 4
    places = torch.stack(
        [torch.randperm(side * side, generator=generator)[:2] for _ in range(count)]
    )
    regions = torch.zeros(count, side * side, 6)
    rows = torch.arange(count)
    regions[rows, places[:, 0], 0] = 1.0  # the red thing
    regions[rows, places[:, 1], 1] = 1.0  # the blue thing
    apart = places[:, 0] % side - places[:, 1] % side
    kept = apart != 0
    regions, labels, image_of = regions[kept], (apart[kept] < 0).long(), torch.arange(kept.sum())
    words = torch.randn(1, 2, 8, generator=generator)
    asked = Questions(words.sum(dim=1), words, torch.ones(1, 2, dtype=torch.bool))
    net = fusion(num_hops=1).train()
    head = nn.Linear(net.output_dim, 2)
    optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=1e-2)
    for _ in range(60):
        logits = head(net(regions, asked, image_of, torch.zeros_like(image_of))[0])
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (logits.argmax(dim=1) == labels).float().mean() > 0.97
