import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch import LightningModule, Trainer
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from multimodal.training.rate_finder import RateFinder, Suggestion, draw_rates, suggest


class Valley(LightningModule):
    """Two parts, of which one learns ten times as fast."""

    def __init__(self) -> None:
        super().__init__()
        self.fast = torch.nn.Parameter(torch.ones(1))
        self.slow = torch.nn.Parameter(torch.ones(1))
        self.seen = []

    def training_step(self, batch, number):
        groups = self.optimizers().param_groups
        self.seen.append([group["lr"] for group in groups])
        return (self.fast + self.slow - batch[0]).square().mean()

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(
            [{"params": [self.fast], "lr": 1.0}, {"params": [self.slow], "lr": 0.1}]
        )
        constant = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5)
        return [optimizer], [{"scheduler": constant, "interval": "step"}]


def tried(finder, **changes):
    task = Valley()
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, max_epochs=1000,
        enable_progress_bar=False, enable_model_summary=False, callbacks=[finder], **changes,
    )  # fmt: skip
    trainer.fit(task, DataLoader(TensorDataset(torch.linspace(-0.2, 0.2, 8)), 4))
    return task


def test_the_rate_rises_by_equal_factors_whatever_the_scheduler_does():
    finder = RateFinder(1e-4, 1e-2, 21)
    task = tried(finder)
    factors = [
        after / before for before, after in zip(finder.rates, finder.rates[1:], strict=False)
    ]
    assert factors == pytest.approx([100 ** (1 / 20)] * 20)
    assert (finder.rates[0], finder.rates[-1]) == pytest.approx((1e-4, 1e-2))
    assert [seen[0] for seen in task.seen] == pytest.approx(finder.rates)
    assert [seen[1] for seen in task.seen] == pytest.approx([rate / 10 for rate in finder.rates])


def test_a_run_that_diverges_is_stopped():
    finder = RateFinder(1e-3, 1e3, 200)
    tried(finder)
    assert len(finder.losses) < 150
    assert finder.losses[-1] > 4 * min(finder.losses)
    found = suggest(finder.rates, finder.losses)
    # The valley is stable up to a rate of 1 / 1.1 and falls fastest a good deal before that.
    assert 0.01 < found.steepest <= found.lowest < 2


def test_several_batches_of_a_step_count_with_their_whole_loss():
    finder = RateFinder(1e-9, 1e-8, 10)
    tried(finder, accumulate_grad_batches=2)
    assert finder.losses == pytest.approx([4.0] * 10, rel=0.3)


@given(st.integers(20, 60), st.integers(3, 8))
def test_the_steepest_fall_is_found_where_it_was_put(place, width):
    losses = [1 / (1 + math.exp((step - place) / width)) for step in range(100)]
    losses = [*losses, 2.0, 9.0]
    rates = [10 ** (step / 20 - 5) for step in range(102)]
    assert rates.index(suggest(rates, losses).steepest) == pytest.approx(place, abs=1)


def test_losses_that_never_fall_are_refused():
    rates = [10 ** (step / 5 - 4) for step in range(20)]
    with pytest.raises(ValueError, match="The loss fell at no learning rate that was tried"):
        suggest(rates, [1.0] * 20)
    with pytest.raises(ValueError, match="The loss fell at no learning rate that was tried"):
        suggest(rates, [1.0, math.nan] * 10)


def test_a_range_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"must rise from above 0 to more, in 10 steps at least"):
        RateFinder(1e-2, 1e-3)


def test_the_picture_is_written(tmp_path):
    rates = [10 ** (step / 5 - 4) for step in range(20)]
    losses = [2.0, *[1.5] * 17, 90.0, math.inf]
    draw_rates(rates, losses, Suggestion(1e-3, 1e-2), tmp_path / "rates.png")
    assert Image.open(tmp_path / "rates.png").size == (720, 480)
