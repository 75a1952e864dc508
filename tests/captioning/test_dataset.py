from pathlib import Path

import pytest
import torch
from PIL import Image

from multimodal.captioning.dataset import CaptionDataset
from multimodal.data.examples import CaptionExample, ImageFile
from multimodal.data.features import cache_features
from multimodal.data.image_source import ImageSource
from multimodal.data.images import ImageError
from multimodal.data.transforms import EvalTransform, TrainTransform, TransformSettings
from multimodal.nn.encoders import SmallCNN
from multimodal.text import Vocabulary, tokenize
from multimodal.worlds.scenes import describe, sample_scene

SETTINGS = TransformSettings(size=48, min_area=0.5)
CAPTIONS = ("A red dog.", "The dog is red!", "One dog", "A dog", "Red dog on grass")


@pytest.fixture
def photos(tmp_path: Path) -> list[CaptionExample]:
    examples = []
    for number in range(4):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (60, 50), (40 * number, 80, 90)).save(path)
        examples.append(CaptionExample(ImageFile(path), CAPTIONS, path.name))
    return examples


def dataset(examples, *, captions_per_image=0, max_words=50, seed=0, transform=None, **images):
    vocabulary = Vocabulary.build(
        tokenize(text) for example in examples for text in example.captions
    )
    source = ImageSource(
        [example.image for example in examples],
        transform=transform or EvalTransform(SETTINGS),
        image_size=48,
        seed=seed,
        **images,
    )
    return CaptionDataset(
        examples,
        source,
        vocabulary,
        captions_per_image=captions_per_image,
        max_words=max_words,
        seed=seed,
    )


def test_a_batch_holds_images_and_all_their_captions(photos):
    batch = dataset(photos).__getitems__([(0, 2), (0, 0)])
    assert batch.images.shape == (2, 3, 48, 48)
    assert batch.images.dtype == torch.uint8
    assert batch.tokens.shape == (2, 5, 6)
    assert batch.indices.tolist() == [2, 0]
    assert [example.image_id for example in batch.examples] == ["2.png", "0.png"]


def test_some_captions_are_drawn_anew_each_epoch_and_the_same_way_each_time(photos):
    some = dataset(photos, captions_per_image=2)
    first = [some[(epoch, 0)].tokens.tolist() for epoch in range(6)]
    again = [some[(epoch, 0)].tokens.tolist() for epoch in range(6)]
    assert first == again
    assert len({str(tokens) for tokens in first}) > 1


def test_augmentation_is_a_function_of_seed_epoch_and_index(photos):
    one, other = (dataset(photos, transform=TrainTransform(SETTINGS), seed=seed) for seed in (1, 2))
    torch.manual_seed(5)
    before = one[(3, 1)].images
    torch.manual_seed(6)
    torch.testing.assert_close(one[(3, 1)].images, before)
    flat = dataset(photos, transform=TrainTransform(SETTINGS), seed=1)
    torch.testing.assert_close(flat[(3, 1)].images, before)
    assert one.seed != other.seed


def test_scenes_are_drawn_once_and_kept():
    scenes = [sample_scene(0, index, "train") for index in range(3)]
    drawn = dataset([CaptionExample(scene, describe(scene), scene.index) for scene in scenes])
    first = drawn[(0, 1)].images
    torch.testing.assert_close(drawn[(1, 1)].images, first)
    assert drawn.source._drawn is not None
    assert drawn.source._drawn[1] == [False, True, False]


def test_cached_features_take_the_place_of_images(photos, tmp_path):
    encoder = SmallCNN(channels=[8, 8], strides=[4, 2]).eval()
    images = [example.image for example in photos]
    cache = cache_features(encoder, images, EvalTransform(SETTINGS), tmp_path / "cache")
    batch = dataset(photos, cache=cache).__getitems__([(0, 3), (0, 1)])
    assert batch.images is None
    with torch.no_grad():
        expected = encoder(dataset(photos).__getitems__([(0, 3), (0, 1)]).images)
    torch.testing.assert_close(batch.features.float(), expected, atol=2e-3, rtol=2e-3)


def test_images_are_read_again_from_the_epoch_in_which_the_encoder_opens(photos, tmp_path):
    encoder = SmallCNN(channels=[8, 8], strides=[4, 2]).eval()
    images = [example.image for example in photos]
    cache = cache_features(encoder, images, EvalTransform(SETTINGS), tmp_path / "cache")
    both = dataset(photos, cache=cache, cached_until=2)
    assert both[(1, 0)].images is None
    assert both[(2, 0)].features is None


def test_an_unreadable_image_stops_with_its_name(photos):
    photos[1].image.path.write_bytes(b"not a picture")
    with pytest.raises(ImageError, match=r"1\.png"):
        dataset(photos).__getitems__([(0, 0), (0, 1)])


def test_an_unreadable_image_is_left_out_and_named_when_asked(photos):
    photos[1].image.path.write_bytes(b"not a picture")
    batch = dataset(photos, skip_bad_images=True).__getitems__([(0, 0), (0, 1), (0, 2)])
    assert batch.indices.tolist() == [0, 2]
    assert len(batch.tokens) == len(batch.images) == 2
    assert "1.png" in batch.skipped[0]


def test_a_batch_of_which_nothing_can_be_read_stops_even_then(photos):
    photos[1].image.path.write_bytes(b"not a picture")
    with pytest.raises(ImageError, match="None of the 1 images of a batch can be read"):
        dataset(photos, skip_bad_images=True).__getitems__([(0, 1)])


def test_a_caption_of_500_words_is_cut_with_a_warning(photos, caplog):
    long = CaptionExample(photos[0].image, ("dog " * 500,), "0.png")
    batch = dataset([long], max_words=10)[(0, 0)]
    assert batch.tokens.shape == (1, 1, 12)
    assert "1 captions are longer than 10 words and were cut" in caplog.text


def test_an_image_whose_captions_have_no_word_is_refused(photos):
    empty = CaptionExample(photos[0].image, ("!!!", "..."), "0.png")
    with pytest.raises(ValueError, match=r"Image '0.png' has no caption with a word in it"):
        dataset([*photos, empty])


def test_captions_in_any_script_are_accepted(photos):
    greek = CaptionExample(photos[0].image, ("ένας σκύλος", "一只 狗", "un chien d'été"), "0.png")
    batch = dataset([greek])[(0, 0)]
    assert not (batch.tokens == 3).any()
