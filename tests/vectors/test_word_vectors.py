import pytest
import torch
import torchtext.vocab

from multimodal.vectors import keep_tls, read_vectors, read_word_vectors

TEXT = "the 0.5 1 0\ndog 0.25 -2 1\nCat 1 3.5 2\nPAD 0 0 0\n"
WORDS = ["<pad>", "cat", "the", "qat"]
WORD_LIST, NUMBERS = ["dog", "cat"], {"dog": 0, "cat": 1}


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "small.txt"
    file.write_text(TEXT, encoding="utf-8")
    return file


@pytest.fixture
def cache(path):
    folder = path.parent / ".vector_cache"
    with keep_tls():
        torchtext.vocab.Vectors(str(path), cache=str(folder))
    return folder


@pytest.mark.parametrize("ignore_case", [True, False])
def test_a_cache_of_torchtext_gives_the_vectors_of_its_text_file(cache, path, ignore_case):
    text = read_word_vectors(path, WORDS, ignore_case=ignore_case)
    for source in (cache, cache / "small.txt.pt", str(cache / "small.txt.pt")):
        vectors = read_word_vectors(source, WORDS, ignore_case=ignore_case)
        torch.testing.assert_close(vectors.matrix, text.matrix, atol=0, rtol=0)
        assert vectors.found.tolist() == text.found.tolist()
        ours, theirs = text.coverage, vectors.coverage
        assert (theirs.rows, theirs.width, theirs.folded) == (ours.rows, ours.width, ours.folded)
        assert theirs.source == "small.txt.pt"


def test_a_text_file_is_read_as_the_text_reader_does(path):
    read = read_word_vectors(path, WORDS)
    torch.testing.assert_close(read.matrix, read_vectors(path, WORDS).matrix)


def test_the_coverage_of_a_cache_is_logged(cache, caplog):
    caplog.set_level("INFO")
    read_word_vectors(cache, WORDS)
    assert caplog.messages[-1].startswith("small.txt.pt: 1 of 4 words (25.0 %) have a vector")


def test_a_folder_with_several_caches_lists_them(cache):
    (cache / "other.txt.pt").write_bytes(b"")
    match = r"holds 2 caches of word vectors. Name one: other.txt.pt, small.txt.pt\."
    with pytest.raises(ValueError, match=match):
        read_word_vectors(cache, WORDS)


def test_a_folder_without_a_cache_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is a folder without a \.pt file of torchtext"):
        read_word_vectors(tmp_path, WORDS)


def test_a_missing_cache_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No cache of word vectors at .*glove\.pt"):
        read_word_vectors(tmp_path / "glove.pt", WORDS)


def test_one_string_is_no_list_of_words(cache):
    with pytest.raises(TypeError, match="`words` must be a list of words, got the string 'dog'"):
        read_word_vectors(cache, "dog")


class Harmful:
    def __reduce__(self):
        return exec, ("raise SystemExit('run by the pickle')",)


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (Harmful(), r"it cannot be read \(UnpicklingError\)"),
        ((WORD_LIST, NUMBERS, torch.ones(2, 3)), r"it cannot be read \(TypeError\)"),
        (("dog", NUMBERS, torch.ones(2, 3), 3), "its first part is no list of words"),
        ((WORD_LIST, {"dog": 0}, torch.ones(2, 3), 3), "does not number the words of the first"),
        ((WORD_LIST, NUMBERS, [1.0], 3), "its third part is no matrix of numbers"),
        ((WORD_LIST, NUMBERS, torch.ones(1, 3), 3), r"2 words of 3 numbers .* of \(1, 3\)"),
    ],
)
def test_other_contents_are_refused_and_never_run(tmp_path, contents, reason):
    torch.save(contents, tmp_path / "other.pt")
    match = f"is no cache of word vectors as torchtext 0.6 writes it: .*{reason}"
    with pytest.raises(ValueError, match=match):
        read_word_vectors(tmp_path / "other.pt", WORDS)


def test_a_file_that_is_no_pickle_is_refused(tmp_path):
    (tmp_path / "other.pt").write_bytes(b"dog 1 2 3")
    with pytest.raises(ValueError, match=r"cannot be read .* Name its \.pt file, or a text file"):
        read_word_vectors(tmp_path / "other.pt", WORDS)


def test_numbers_that_are_not_finite_are_refused_where_they_are_wanted(tmp_path):
    matrix = torch.tensor([[1.0, 2.0], [torch.nan, 0.0]])
    torch.save((WORD_LIST, NUMBERS, matrix, 2), tmp_path / "other.pt")
    assert read_word_vectors(tmp_path, ["dog"]).found.all()
    with pytest.raises(ValueError, match=r"other.pt has numbers for 'cat' that are not finite"):
        read_word_vectors(tmp_path, WORDS)
