import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from multimodal.data.examples import (
    CaptionExample,
    ImageExample,
    ImageFile,
    PixelImage,
    TextExample,
)


def test_a_file_is_named_by_its_last_part():
    assert ImageFile(Path("photos/dog.jpg")).name == "dog.jpg"
    assert str(ImageFile(Path("photos/dog.jpg"))) == str(Path("photos/dog.jpg"))


def test_a_zip_member_is_named_by_its_last_part_and_written_with_its_archive():
    image = ImageFile(Path("photos.zip"), "train/dog.jpg")
    assert image.name == "dog.jpg"
    assert str(image) == "photos.zip/train/dog.jpg"


def test_examples_travel_to_worker_processes():
    example = CaptionExample(ImageFile(Path("a.zip"), "b.jpg"), ("A dog .", "Ein Hund ."), 7)
    assert pickle.loads(pickle.dumps(example)) == example


def test_examples_cannot_be_changed():
    example = CaptionExample(ImageFile(Path("a.jpg")), ("A dog .",), "a.jpg")
    with pytest.raises(FrozenInstanceError):
        example.image_id = 1


def test_examples_and_readers_need_no_torch():
    code = "import sys, multimodal.data.readers; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_text_travels_with_its_label_or_without():
    example = TextExample("Dull .", None, "reviews.csv:2")
    assert pickle.loads(pickle.dumps(example)) == example


def test_a_picture_in_memory_is_named_by_its_place():
    example = ImageExample(PixelImage("digits", 17), ("a", "b"), 17)
    assert str(example.image) == "digits[17]"
    assert pickle.loads(pickle.dumps(example)) == example
