import gzip
import logging
import os
import ssl
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from multimodal.vectors import read_vectors
from multimodal.vectors import reader as module

TEXT = "the 0.5 1\nParis 0.25 -2\ncat 1 3.5\n"
WORDS = ["<pad>", "cat", "the", "qat"]


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "small.txt"
    file.write_text(TEXT, encoding="utf-8")
    return file


@pytest.fixture
def readings(monkeypatch):
    """Count the readings of the text file."""
    calls = []
    read = module.read_rows

    def counted(*args, **options):
        calls.append(1)
        return read(*args, **options)

    monkeypatch.setattr(module, "read_rows", counted)
    return calls


def same(first, second):
    torch.testing.assert_close(first.matrix, second.matrix, atol=0, rtol=0)
    torch.testing.assert_close(first.found, second.found)
    return first.coverage == second.coverage


def test_the_matrix_has_a_row_for_each_word_in_order(path):
    vectors = read_vectors(path, WORDS)
    torch.testing.assert_close(
        vectors.matrix, torch.tensor([[0.0, 0.0], [1.0, 3.5], [0.5, 1.0], [0.0, 0.0]])
    )
    assert vectors.found.tolist() == [False, True, True, False]
    report = vectors.coverage
    assert (report.words, report.found, report.rows, report.width) == (4, 2, 3, 2)
    assert report.missing == ("<pad>", "qat")


def test_another_case_counts_where_it_is_allowed(path):
    assert read_vectors(path, ["paris"]).coverage.found == 0
    vectors = read_vectors(path, ["the", "paris"], ignore_case=True)
    torch.testing.assert_close(vectors.matrix, torch.tensor([[0.5, 1.0], [0.25, -2.0]]))
    assert (vectors.coverage.found, vectors.coverage.folded) == (2, 1)


def test_the_exact_word_goes_before_one_in_another_case(path):
    path.write_text("The 1 1\nthe 2 2\n", encoding="utf-8")
    vectors = read_vectors(path, ["the"], ignore_case=True)
    assert vectors.matrix.tolist() == [[2, 2]]
    assert vectors.coverage.folded == 0


def test_packed_files_give_the_same_vectors_as_the_plain_file(path, tmp_path):
    packed, archive = tmp_path / "small.txt.gz", tmp_path / "small.zip"
    packed.write_bytes(gzip.compress(TEXT.encode()))
    with zipfile.ZipFile(archive, "w") as file:
        file.write(path, "vectors/small.txt")
        file.writestr("readme.txt", "hello")
    for other in (packed, archive / "vectors" / "small.txt"):
        torch.testing.assert_close(
            read_vectors(other, WORDS).matrix, read_vectors(path, WORDS).matrix
        )


def test_the_report_is_logged(path, caplog):
    with caplog.at_level(logging.INFO):
        read_vectors(path, WORDS)
    assert caplog.messages == [
        "small.txt: 2 of 4 words (50.0 %) have a vector of 2 numbers; without one: <pad>, qat."
    ]


def test_a_file_without_any_of_the_words_is_warned_of(path, caplog):
    read_vectors(path, ["<pad>"])
    (message,) = caplog.messages
    assert message.startswith("small.txt: 0 of 1 words (0.0 %) have a vector")


def test_words_that_are_not_utf8_are_logged_once_with_the_first_line(path, caplog):
    path.write_bytes(TEXT.encode() + b"caf\xe9 1 2\n")
    read_vectors(path, WORDS)
    path.write_bytes(TEXT.encode() + 3 * b"caf\xe9 1 2\n")
    assert read_vectors(path, WORDS).coverage.not_utf8 == 3
    assert caplog.messages == [
        f"{path}:4 is left out: its word is not UTF-8.",
        f"{path}:4 and 2 more lines are left out: their words are not UTF-8.",
    ]


@pytest.mark.parametrize("promised", [2, 4])
def test_a_header_with_another_number_of_words_is_logged(path, caplog, promised):
    path.write_text(f"{promised} 2\n{TEXT}", encoding="utf-8")
    assert read_vectors(path, WORDS).coverage.rows == 3
    (message,) = caplog.messages
    assert message.endswith(f"promises {promised} words in its first line and has 3. Was it cut "
                            "short?")  # fmt: skip


def test_a_second_reading_comes_from_the_cache(path, tmp_path, readings):
    cache = tmp_path / "cache"
    first = read_vectors(path, WORDS, cache=cache)
    second = read_vectors(path, WORDS, cache=cache)
    assert same(first, second)
    assert len(readings) == 1
    (entry,) = cache.iterdir()
    assert entry.name.startswith("small-")
    assert entry.suffix == ".safetensors"


def test_without_a_cache_nothing_is_stored(path, tmp_path, readings):
    read_vectors(path, WORDS)
    read_vectors(path, WORDS)
    assert len(readings) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_another_file_of_the_same_name_is_another_entry(path, tmp_path, readings):
    other = tmp_path / "other" / path.name
    other.parent.mkdir()
    other.write_text(TEXT.replace("3.5", "9"), encoding="utf-8")
    status = path.stat()
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    first, second = (read_vectors(each, WORDS, cache=tmp_path / "c") for each in (path, other))
    assert (first.matrix[1, 1], second.matrix[1, 1]) == (3.5, 9)
    assert len(readings) == 2


def test_the_same_content_elsewhere_is_the_same_entry(path, tmp_path, readings):
    read_vectors(path, WORDS, cache=tmp_path / "c")
    moved = path.rename(tmp_path / "small.vec")
    assert read_vectors(moved, WORDS, cache=tmp_path / "c").coverage.source == "small.vec"
    assert len(readings) == 1


@pytest.mark.parametrize(
    ("words", "options"), [(WORDS[::-1], {}), (WORDS[:3], {}), (WORDS, {"ignore_case": True})]
)
def test_other_words_or_options_are_another_entry(path, tmp_path, readings, words, options):
    read_vectors(path, WORDS, cache=tmp_path / "c")
    assert same(
        read_vectors(path, words, cache=tmp_path / "c", **options),
        read_vectors(path, words, **options),
    )
    assert len(readings) == 3


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "other"])
def test_a_damaged_entry_is_written_anew(path, tmp_path, readings, damage):
    first = read_vectors(path, WORDS, cache=tmp_path / "c")
    (entry,) = (tmp_path / "c").iterdir()
    whole = entry.read_bytes()
    if damage == "other":
        fewer = {"matrix": torch.zeros(3, 2), "found": torch.ones(3) > 0}
        save_file(fewer | {"counts": torch.zeros(5)}, entry)
    else:
        entry.write_bytes({"cut": whole[:-5], "garbage": b"x" * 99, "empty": b""}[damage])
    assert same(read_vectors(path, WORDS, cache=tmp_path / "c"), first)
    assert len(readings) == 2
    assert entry.read_bytes() == whole


def test_a_failed_reading_stores_nothing(path, tmp_path):
    path.write_text(f"{TEXT}cow 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"small\.txt:4 has 1 numbers, the lines before it have 2"):
        read_vectors(path, WORDS, cache=tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_a_cache_that_cannot_be_written_is_an_error(path, tmp_path):
    (tmp_path / "c").write_text("a file")
    with pytest.raises(OSError, match="Could not write"):
        read_vectors(path, WORDS, cache=tmp_path / "c")


def test_one_string_is_no_list_of_words(path):
    with pytest.raises(TypeError, match="`words` must be a list of words, got the string 'dog'"):
        read_vectors(path, "dog")


def test_a_word_given_twice_is_refused(path):
    with pytest.raises(ValueError, match=r"given once, got 'cat' 2 times"):
        read_vectors(path, ["cat", "the", "cat"])


def test_words_without_a_utf8_form_have_no_vector(path):
    assert read_vectors(path, []).matrix.shape == (0, 2)
    assert read_vectors(path, ["\ud800", "cat"]).found.tolist() == [False, True]


def test_reading_leaves_the_verification_of_certificates_as_it_was(path, tmp_path):
    before = ssl._create_default_https_context
    read_vectors(path, WORDS, cache=tmp_path / "c")
    read_vectors(path, WORDS, cache=tmp_path / "c")
    assert ssl._create_default_https_context is before


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="No file of word vectors at"):
        read_vectors(tmp_path / "none.txt", WORDS, cache=tmp_path / "c")
