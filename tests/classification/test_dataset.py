import math

import pytest
import torch

from multimodal.classification.dataset import ClassificationDataset, PixelSource, to_targets
from multimodal.data.augmentation import Augmentation
from multimodal.data.examples import ImageExample, PixelImage
from multimodal.data.image_source import ImageRows

IMAGES = torch.randint(
    0, 256, (6, 3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
)
PLACES = [4, 0, 5]


def examples(*labels) -> list[ImageExample]:
    return [
        ImageExample(PixelImage("set", place), label, place)
        for place, label in zip(PLACES, labels, strict=False)
    ]


def dataset(*labels, names=("cat", "dog"), target="label", **changes) -> ClassificationDataset:
    source = PixelSource(IMAGES, PLACES)
    return ClassificationDataset(examples(*labels), source, names, target, **changes)


def test_a_batch_holds_what_was_asked_for_in_that_order():
    batch = dataset("dog", "cat", "dog").__getitems__([(1, 2), (1, 1)])
    assert batch.indices.tolist() == [2, 1]
    assert batch.images.equal(IMAGES[[5, 0]])
    assert batch.images.dtype == torch.uint8
    assert batch.labels.tolist() == [1, 0]
    assert batch.labels.dtype == torch.int64
    assert [example.image_id for example in batch.examples] == [5, 0]
    assert batch.skipped == ()


def test_one_image_is_a_batch_of_one():
    assert dataset("dog", "cat", "cat")[0, 0].images.shape == (1, 3, 16, 16)
    assert len(dataset("dog", "cat", "cat")) == 3


def test_images_are_varied_by_seed_epoch_and_index():
    varied = dataset("dog", "cat", "cat", augmentation=Augmentation("standard", 16), seed=3)
    batch = varied.__getitems__([(1, 2), (1, 1)])
    assert batch.images[1:].equal(varied[1, 1].images)
    assert not batch.images[1:].equal(varied[2, 1].images)
    expected = Augmentation("standard", 16)(IMAGES[[5, 0]], 3, [(1, 2), (1, 1)])
    assert batch.images.equal(expected)


def test_several_labels_are_zeros_and_ones():
    several = dataset(("dog", "cat"), (), None, target="labels")
    batch = several.__getitems__([(0, 0), (0, 1), (0, 2)])
    assert batch.labels[:2].tolist() == [[1, 1], [0, 0]]
    assert batch.labels[2].isnan().all()
    assert batch.labels.dtype == torch.float32


def test_numbers_are_targets():
    batch = dataset(1.5, None, 4.0, names=(), target="number").__getitems__([(0, 0), (0, 1)])
    assert batch.labels.dtype == torch.float32
    assert batch.labels[0] == 1.5
    assert math.isnan(batch.labels[1])


def test_an_image_without_a_label_has_class_minus_one():
    assert to_targets(examples("dog", None), ["cat", "dog"], "label").tolist() == [1, -1]


def test_a_class_that_training_lacks_is_named_with_its_image():
    with pytest.raises(
        ValueError, match=r"set\[0\]: the label 'bird' is none of the training .* \(cat, dog\)\. C"
    ):
        dataset("dog", "bird", "cat")
    with pytest.raises(ValueError, match=r"set\[4\]: the label 'bird' is none of the training"):
        dataset(("dog", "bird"), (), (), target="labels")


def test_many_labels_are_listed_in_part():
    with pytest.raises(ValueError, match=r"\(0, 1, 2, 3, 4, 5, 6, 7 and 12 more\)"):
        dataset("dog", names=[str(n) for n in range(20)])


@pytest.mark.parametrize("label", [1.5, ("dog",)])
def test_a_label_that_is_no_name_is_refused(label):
    with pytest.raises(ValueError, match=r"set\[4\]: the label .* is none of the training labels"):
        dataset(label)


def test_a_name_where_numbers_are_wanted_is_refused():
    with pytest.raises(
        ValueError, match=r"set\[4\]: the label must be a number, got 'dog'. Set `target`"
    ):
        dataset("dog", names=(), target="number")


def test_features_are_not_images():
    class Cached:
        def read(self, requests) -> ImageRows:
            return ImageRows(list(requests), None, torch.zeros(1, 1, 4), ())

    read = ClassificationDataset(examples("dog"), Cached(), ["cat", "dog"], "label")
    with pytest.raises(ValueError, match="Classification reads images; leave the source's `cache`"):
        read.__getitems__([(0, 0)])
