import pytest
import torch

from multimodal.attribution.cells import pool_cells


@pytest.mark.parametrize("size", [(16, 16), (32, 20), (64, 64), (100, 47)])
def test_sums_of_cells_add_up_to_the_sum_of_the_pixels(size):
    maps = torch.rand(2, *size)
    cells = pool_cells(maps, "sum")
    assert max(cells.shape[1:]) <= 32
    torch.testing.assert_close(cells.sum(dim=(1, 2)), maps.sum(dim=(1, 2)))


@pytest.mark.parametrize("size", [16, 100])
def test_the_mean_of_equal_pixels_is_their_value_at_the_edges_too(size):
    cells = pool_cells(torch.full((1, size, size), 3.0), "mean")
    torch.testing.assert_close(cells, torch.full_like(cells, 3.0))
