"""Properties of every reader, on the samples under data/samples."""

import inspect
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from samples import SAMPLES

from multimodal.data import readers
from multimodal.data.archives import member_names
from multimodal.data.examples import ImageFile, TextExample
from multimodal.data.pixels import PixelSet

TEXT_SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".txt")

READERS = {
    "csv": readers.read_table,
    "tsv": readers.read_table,
    "jsonl": readers.read_table,
    "flickr8k": readers.read_flickr8k,
    "flickr8k_csv": readers.read_flickr8k,
    "karpathy": readers.read_karpathy,
    "coco": readers.read_coco,
    "questions_csv": readers.read_question_table,
    "questions_tsv": readers.read_question_table,
    "questions_jsonl": readers.read_question_table,
    "vqa": readers.read_vqa,
    "clevr": readers.read_clevr,
    "daquar": readers.read_daquar,
    "easy_vqa": readers.read_easy_vqa,
    "labels_csv": readers.read_image_table,
    "folder": readers.read_image_folder,
    "folder_zip": readers.read_image_folder,
    "texts_csv": readers.read_text_table,
    "texts_jsonl": readers.read_text_table,
    "nltk_data": readers.read_movie_reviews,
    "imdb": readers.read_imdb,
    "imdb_zip": readers.read_imdb,
    "sst": readers.read_sst,
    "sst2": readers.read_sst,
    "verse.txt": readers.read_plain_text,
    "mnist": readers.read_mnist,
    "cifar10": readers.read_cifar10,
    "cifar100": readers.read_cifar100,
}
IN_MEMORY = ("mnist", "cifar10", "cifar100")
ARCHIVED = ("folder_zip", "imdb_zip")  # no text of theirs lies in a file
EXAMPLES = [name for name in READERS if name not in IN_MEMORY]
TEXTS = [name for name in EXAMPLES if name not in (*ARCHIVED, "folder")]
WITHOUT_VAL = ("coco", "daquar", "easy_vqa", "flickr8k_csv", "imdb", "imdb_zip", *IN_MEMORY)
PICTURES = [
    name for name, read in READERS.items() if "skip_missing" in inspect.signature(read).parameters
]

EVERY_READER = pytest.mark.parametrize("name", READERS)


@pytest.fixture
def copy(tmp_path) -> Callable[[str], Path]:
    def copy(name: str) -> Path:
        source = SAMPLES / name
        (shutil.copyfile if source.is_file() else shutil.copytree)(source, tmp_path / name)
        return tmp_path / name

    return copy


def text_files(root: Path) -> Iterator[Path]:
    paths = [root] if root.is_file() else sorted(root.rglob("*"))
    return (path for path in paths if path.suffix in TEXT_SUFFIXES)


def without(image: ImageFile) -> None:
    """Delete a picture, also from an archive."""
    if image.member is None:
        image.path.unlink()
        return
    with ZipFile(image.path) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if name != image.member}
    with ZipFile(image.path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def ids(examples) -> list[int | str]:
    return [e.text_id if isinstance(e, TextExample) else e.image_id for e in examples]


def test_every_public_reader_is_tested():
    tested = {read.__name__ for read in READERS.values()}
    alike = {"read_fashion_mnist", "read_sentence_polarity", "read_subjectivity"}
    built_in = {"read_digits", "read_reviews"}
    built_in |= {"read_scene_captions", "read_scene_questions", "read_scene_labels"}
    public = {name for name in readers.__all__ if name.startswith("read_")}
    assert public == tested | alike | built_in
    assert public == {f"read_{name}" for name in EMPTY} | built_in


@pytest.mark.parametrize("name", EXAMPLES)
def test_ids_differ_and_examples_travel_to_worker_processes(name):
    examples = READERS[name](SAMPLES / name, "train")
    assert examples
    assert len(set(ids(examples))) == len(examples)
    assert pickle.loads(pickle.dumps(examples)) == examples
    assert READERS[name](SAMPLES / name, "train") == examples


@pytest.mark.parametrize("name", IN_MEMORY)
def test_a_set_in_memory_has_an_image_for_each_label(name):
    pixels = READERS[name](SAMPLES / name, "train")
    assert isinstance(pixels, PixelSet)
    assert len(pixels.images) == len(pixels.labels)
    assert pixels.images.shape[1] in (1, 3)


@pytest.mark.parametrize("name", [name for name in READERS if name not in WITHOUT_VAL])
def test_dev_is_another_name_of_val(name):
    assert READERS[name](SAMPLES / name, "dev") == READERS[name](SAMPLES / name, "val")


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_where_its_example_points(name):
    for example in READERS[name](SAMPLES / name, "train"):
        assert example.image.path.is_file()
        assert example.image.member is None or example.image.member in member_names(
            example.image.path
        )


# For each reader the error for an empty folder, and the advice that ends this and other errors.
EMPTY = {
    "table": (r"No captions\.csv or train\.csv", r"Put captions\.csv there"),
    "flickr8k": (r"No Flickr8k\.token\.txt or captions\.txt", "Put Flickr8k there: .*README"),
    "karpathy": (r"No dataset\*\.json", r"Put dataset_flickr8k\.json"),
    "coco": (r"No .*; there is no captions_\*\.json at all", "Put COCO there: annotations/"),
    "question_table": (r"No questions\.csv or train\.csv", r"Put questions\.csv there"),
    "vqa": (r"No .*; there is no \*_questions\.json at all", "Put VQA there: v2_OpenEnded"),
    "clevr": (r"No .*; there is no \*questions\.json at all", "Put CLEVR there: questions/"),
    "daquar": (r"No .*; there is no qa\.\*\.txt at all", r"Put DAQUAR there: qa\.894"),
    "easy_vqa": (r"No data/train/questions\.json in ", "Put easy-VQA there: data/"),
    "image_table": (r"No labels\.csv or train\.csv", r"Put labels\.csv there"),
    "image_folder": ("No picture in a class folder in ", "Put a folder of pictures for"),
    "text_table": (r"No texts\.csv or train\.csv", r"Put texts\.csv there"),
    "movie_reviews": ("No corpus movie_reviews in ", "python -m nltk.downloader -d .* movie_r"),
    "sentence_polarity": ("No corpus sentence_polarity in ", "nltk.downloader -d .* sentence"),
    "subjectivity": ("No corpus subjectivity in ", "python -m nltk.downloader -d .* subject"),
    "imdb": (r"No reviews train/pos/\*\.txt in ", "Put IMDB there: .* must be unpacked"),
    "sst": (r"No train\.txt or train\.tsv in ", "Put the treebank there"),
    "plain_text": ("No text file in ", r"Name a \.txt file"),
    "mnist": (r"No file train-images-idx3-ubyte or .*\.gz in ", "Put the four files of the set"),
    "fashion_mnist": ("No file train-images-idx3-ubyte or ", "Put the four files of the set"),
    "cifar10": ("No CIFAR batches in ", "Put the folder cifar-10-batches-py or cifar-10-batch"),
    "cifar100": ("No CIFAR batches in ", "Put the folder cifar-100-python or cifar-100-binary"),
}  # fmt: skip


@pytest.mark.parametrize("name", EMPTY)
def test_a_missing_and_an_empty_folder_are_named_with_advice(name, tmp_path):
    read, (message, advice) = getattr(readers, f"read_{name}"), EMPTY[name]
    with pytest.raises(FileNotFoundError, match=rf"No .*\bnone\b.*{advice}"):
        read(tmp_path / "none", "train")
    with pytest.raises(FileNotFoundError, match=rf"{message}.*{advice}"):
        read(tmp_path, "train")


@EVERY_READER
def test_an_unknown_split_is_refused(name):
    with pytest.raises((ValueError, FileNotFoundError), match="trian"):
        READERS[name](SAMPLES / name, "trian")


@pytest.mark.parametrize(
    "name", [name for name in WITHOUT_VAL if name not in ("coco", "flickr8k_csv")]
)
def test_a_set_without_val_tells_how_to_get_one(name):
    with pytest.raises((ValueError, FileNotFoundError), match=r"[Hh]old out a part of train with"):
        READERS[name](SAMPLES / name, "val")


@pytest.mark.parametrize("name", TEXTS)
def test_a_byte_order_mark_changes_nothing(name, copy):
    root = copy(name)
    examples = READERS[name](root, "train")
    for path in text_files(root):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert READERS[name](root, "train") == examples


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "nltk_data"])  # it keeps them
def test_windows_line_ends_change_nothing(name, copy):
    root = copy(name)
    examples = READERS[name](root, "train")
    for path in text_files(root):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert READERS[name](root, "train") == examples


@pytest.mark.parametrize("name", TEXTS)
def test_a_byte_that_is_not_utf8_is_named_by_file_and_line(name, copy):
    root = copy(name)
    for path in text_files(root):
        path.write_bytes(path.read_bytes() + b"na\xefve\n")
    with pytest.raises(ValueError, match=r"\.(csv|tsv|jsonl?|txt):\d+ is not UTF-8 \(byte 0xef\)"):
        READERS[name](root, "train")


@pytest.mark.parametrize("name", TEXTS)
def test_an_empty_file_is_refused(name, copy):
    root = copy(name)
    for path in text_files(root):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=name.removesuffix(".txt")):
        READERS[name](root, "train")


@pytest.mark.parametrize("name", [name for name in TEXTS if name in ("jsonl", "karpathy", "coco",
    "vqa", "clevr", "easy_vqa", "questions_jsonl", "texts_jsonl")])  # fmt: skip
def test_json_that_is_cut_short_is_named_by_line_and_column(name, copy):
    root = copy(name)
    for path in text_files(root):
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"\.jsonl?:\d+:\d+ is not valid JSON"):
        READERS[name](root, "train")


@pytest.mark.parametrize("name", PICTURES)
def test_missing_pictures_are_counted_and_named_or_left_out(name, copy):
    root = copy(name)
    first, *others = READERS[name](root, "train")
    without(first.image)
    message = rf"names 1 images \(of {1 + len(others)}\) that are not there: .*Looked in"
    with pytest.raises(FileNotFoundError, match=message):
        READERS[name](root, "train")
    assert READERS[name](root, "train", skip_missing=True) == others
    for example in others:
        without(example.image)
    with pytest.raises(FileNotFoundError, match="that are not there"):
        READERS[name](root, "train", skip_missing=True)


@pytest.mark.parametrize("name", PICTURES)
def test_a_missing_folder_of_pictures_is_named(name):
    with pytest.raises(FileNotFoundError, match=r"No folder or archive .*nowhere; `images` names"):
        READERS[name](SAMPLES / name, "train", images="nowhere")
