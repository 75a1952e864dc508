from pathlib import Path

import pytest

from multimodal.classification.readers import GREY, PIXELS, READERS, SIZES
from multimodal.data.examples import PixelImage

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


def test_every_format_of_one_size_has_a_reader():
    assert set(SIZES) <= set(READERS)
    assert set(GREY) <= set(PIXELS) <= set(SIZES)


@pytest.mark.parametrize("format_", [name for name in PIXELS if name != "digits"])
def test_a_set_in_memory_is_kept_beside_its_examples(format_):
    sets = {}
    sample = SAMPLES / format_.removeprefix("fashion_")
    (first, *_) = READERS[format_](sample, "train", sets=sets)
    assert isinstance(first.image, PixelImage)
    assert sets[first.image.source].label(first.image.index) == first.label
    assert READERS[format_](sample, "val", sets=sets) == []


def test_the_digits_are_split_by_the_seed():
    sets = {}
    everything = READERS["digits"](Path(), "all", sets=sets, seed=0)
    parts = [READERS["digits"](Path(), split, sets=sets, seed=0) for split in ("train", "test")]
    assert sorted(e.image_id for part in parts for e in part) == [e.image_id for e in everything]
