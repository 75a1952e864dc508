import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multimodal.classification.mixing import mix_images


def images(count=6, size=16):
    """Pictures of one brightness each."""
    levels = torch.arange(count, dtype=torch.uint8) * 40
    return levels.view(count, 1, 1, 1).expand(count, 3, size, size)


def generator(seed):
    return torch.Generator().manual_seed(seed)


@given(st.integers(0, 500), st.floats(0.1, 2))
def test_mixup_lays_two_pictures_over_each_other_in_their_shares(seed, strength):
    mixed = mix_images(images(), mixup=strength, generator=generator(seed))
    own, other = images() / 255, images()[mixed.partners] / 255
    expected = mixed.share * own + (1 - mixed.share) * other
    torch.testing.assert_close(mixed.images, expected)


@given(st.integers(0, 500), st.floats(0.1, 2))
def test_cutmix_pastes_a_rectangle_whose_area_is_the_others_share(seed, strength):
    mixed = mix_images(images(), cutmix=strength, generator=generator(seed))
    assert mixed.images.dtype == torch.uint8
    own, other = images(), images()[mixed.partners]
    is_own = (mixed.images == own)[:, 0]
    assert ((mixed.images == own) | (mixed.images == other)).all()
    for picture in torch.nonzero(own[:, 0, 0, 0] != other[:, 0, 0, 0])[:, 0]:
        assert is_own[picture].float().mean().item() == pytest.approx(mixed.share)
        rows, columns = (~is_own[picture]).any(1), (~is_own[picture]).any(0)
        assert rows.sum() * columns.sum() == (~is_own[picture]).sum()


def test_the_same_seed_mixes_the_same():
    first, again, other = (
        mix_images(images(), mixup=1.0, cutmix=1.0, generator=generator(seed)) for seed in (1, 1, 2)
    )
    assert first.share == again.share
    torch.testing.assert_close(first.images, again.images, rtol=0, atol=0)
    assert first.share != other.share


def test_torchs_own_generator_is_the_default():
    torch.manual_seed(5)
    first = mix_images(images(), mixup=1.0)
    torch.manual_seed(5)
    assert mix_images(images(), mixup=1.0).share == first.share


def test_both_come_about_equally_often():
    drawn = [
        mix_images(images(), mixup=1.0, cutmix=1.0, generator=generator(seed)).images.dtype
        for seed in range(200)
    ]
    assert 70 < drawn.count(torch.uint8) < 130


def test_small_parameters_let_one_picture_prevail():
    shares = [
        mix_images(images(), mixup=0.05, generator=generator(seed)).share for seed in range(50)
    ]
    assert sum(0.05 < share < 0.95 for share in shares) < 20


def test_without_either_nothing_changes():
    mixed = mix_images(images())
    assert mixed.share == 1
    assert mixed.images.equal(images())


def test_negative_parameters_are_refused():
    with pytest.raises(ValueError, match=r"must be 0 or more, got -0.1 and 0.0"):
        mix_images(images(), mixup=-0.1)
