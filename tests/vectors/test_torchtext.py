import logging
import ssl
from collections import Counter

import pytest
import torch
import torchtext.vocab

from multimodal.vectors import from_torchtext, keep_tls, read_vectors, torchtext_words

TEXT = "the 0.5 1 0\ndog 0.25 -2 1\ncat 1 3.5 2\nPAD 0 0 0\n"
WORDS = ["<pad>", "cat", "the", "qat"]


class LaterVocab(torch.nn.Module):
    """What is public of ``torchtext.vocab.Vocab`` from release 0.9 to 0.18: words, no vectors."""

    def __init__(self, itos):
        super().__init__()
        self.words = list(itos)

    def __len__(self):
        return len(self.words)

    def __contains__(self, token):
        return token in self.words

    def __getitem__(self, token):
        return self.words.index(token)

    def get_itos(self):
        return list(self.words)

    def get_stoi(self):
        return {word: row for row, word in enumerate(self.words)}

    def lookup_indices(self, tokens):
        return [self[token] for token in tokens]


class LaterVectors:
    """What is public of ``torchtext.vocab.Vectors`` in those releases."""

    def __init__(self, itos, vectors):
        self.itos, self.vectors = itos, vectors
        self.stoi = {word: row for row, word in enumerate(itos)}
        self.dim = vectors.shape[1]

    def __getitem__(self, token):
        known = token in self.stoi
        return self.vectors[self.stoi[token]] if known else torch.zeros(self.dim)

    def __len__(self):
        return len(self.vectors)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "small.txt"
    file.write_text(TEXT, encoding="utf-8")
    return file


@pytest.fixture
def glove(path, tmp_path):
    with keep_tls():
        return torchtext.vocab.Vectors(str(path), cache=str(tmp_path / "cache"))


@pytest.fixture
def vocab(glove):
    counts = Counter(["a", "dog", "and", "the", "cat", "and", "the", "qat"])
    return torchtext.vocab.Vocab(counts, vectors=glove)


def test_vectors_of_torchtext_equal_those_of_our_reader(glove, path):
    theirs, ours = from_torchtext(glove, WORDS), read_vectors(path, WORDS)
    torch.testing.assert_close(theirs.matrix, ours.matrix, atol=0, rtol=0)
    torch.testing.assert_close(theirs.found, ours.found)
    assert theirs.coverage.missing == ours.coverage.missing == ("<pad>", "qat")
    assert (theirs.coverage.rows, theirs.coverage.width) == (4, 3)
    assert theirs.coverage.source == "Vectors"


def test_a_word_with_a_vector_of_zeros_has_one_in_vectors(glove):
    assert from_torchtext(glove, ["PAD"]).found.tolist() == [True]


def test_a_vocab_of_torchtext_0_6_gives_its_own_rows(vocab):
    words = torchtext_words(vocab)
    assert words == vocab.itos
    assert words[:2] == ["<unk>", "<pad>"]
    vectors = from_torchtext(vocab, words)
    torch.testing.assert_close(vectors.matrix, vocab.vectors)
    assert vectors.coverage.missing == ("<unk>", "<pad>", "and", "a", "qat")
    assert vectors.coverage.source == "Vocab"


def test_asking_a_vocab_for_a_word_does_not_teach_it_the_word(vocab):
    before = len(vocab.stoi)
    assert from_torchtext(vocab, ["zebra", "dog"]).found.tolist() == [False, True]
    assert len(vocab.stoi) == before


def test_vectors_and_vocab_of_the_later_interface_go_together(path):
    ours = read_vectors(path, ["the", "dog", "cat"])
    glove = LaterVectors(["the", "dog", "cat"], ours.matrix.double())
    vocab = LaterVocab(["<unk>", "cat", "the"])
    vectors = from_torchtext(glove, torchtext_words(vocab))
    torch.testing.assert_close(vectors.matrix, read_vectors(path, ["<unk>", "cat", "the"]).matrix)
    assert vectors.found.tolist() == [False, True, True]


def test_a_vocab_of_the_later_interface_has_no_vectors():
    match = r"This LaterVocab has words and no vectors\. Give the Vectors object itself, such as"
    with pytest.raises(ValueError, match=match):
        from_torchtext(LaterVocab(["a"]), ["a"])


def test_a_vocab_without_vectors_is_refused():
    with pytest.raises(ValueError, match="This Vocab has words and no vectors"):
        from_torchtext(torchtext.vocab.Vocab(Counter("ab")), ["a"])


def test_words_without_a_row_are_refused(vocab):
    vocab.extend(torchtext.vocab.Vocab(Counter(["zebra"])))
    with pytest.raises(ValueError, match=r"This Vocab has 9 words and vectors of shape \(8, 3\)"):
        from_torchtext(vocab, ["dog"])


@pytest.mark.parametrize("source", [None, {"dog": [1.0]}, torch.zeros(2, 2)])
def test_other_objects_are_refused(source):
    match = f"Expected a Vocab or Vectors of torchtext, got {type(source).__name__}"
    with pytest.raises(TypeError, match=match):
        from_torchtext(source, ["dog"])
    with pytest.raises(TypeError, match=match):
        torchtext_words(source)


def test_an_object_with_numbers_alone_is_refused():
    source = LaterVectors(["a"], torch.zeros(1, 2))
    del source.stoi
    with pytest.raises(TypeError, match="got LaterVectors, without `stoi`"):
        from_torchtext(source, ["a"])


def test_one_string_is_no_list_of_words(glove):
    with pytest.raises(TypeError, match="`words` must be a list of words, got the string 'dog'"):
        from_torchtext(glove, "dog")


def test_the_way_through_torchtext_leaves_the_verification_of_certificates_as_it_was(
    path, tmp_path
):
    before = ssl._create_default_https_context
    with keep_tls():
        glove = torchtext.vocab.Vectors(str(path), cache=str(tmp_path / "cache"))
        assert ssl._create_default_https_context is ssl._create_unverified_context
    from_torchtext(glove, WORDS)
    assert ssl._create_default_https_context is before
    assert ssl.create_default_context().verify_mode is ssl.CERT_REQUIRED


def test_verification_comes_back_after_an_error_too():
    before = ssl._create_default_https_context
    with pytest.raises(RuntimeError, match="no vectors found"), keep_tls():
        torchtext.vocab.Vectors("none.txt")
    assert ssl._create_default_https_context is before


def test_a_process_that_torchtext_left_open_is_warned_of(glove, monkeypatch, caplog):
    from_torchtext(glove, WORDS)
    assert not caplog.messages
    monkeypatch.setattr(ssl, "_create_default_https_context", ssl._create_unverified_context)
    with caplog.at_level(logging.WARNING):
        from_torchtext(glove, WORDS)
    assert caplog.messages[0].startswith("TLS certificates are not verified any more in this")
    assert ssl._create_default_https_context is ssl._create_unverified_context
