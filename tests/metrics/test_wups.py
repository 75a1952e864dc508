import importlib

import nltk.data
import pytest

from multimodal.metrics.wups import answer_items, wups

module = importlib.import_module("multimodal.metrics.wups")  # the package's `wups` is a function

# A hand-made WordNet: each noun's meanings, and each meaning's hypernyms. A dog is also a person
# (a dull one), and a cat has two ways up, one of them shorter.
MEANINGS = {
    "dog": ("dog.n.01", "dull.n.01"),
    "domestic_dog": ("dog.n.01",),
    "cat": ("cat.n.01",),
    "person": ("person.n.01",),
    "animal": ("animal.n.01",),
    "stone": ("stone.n.01",),
    "red": (),
}
HYPERNYMS = {
    "thing.n.01": (),
    "animal.n.01": ("thing.n.01",),
    "person.n.01": ("thing.n.01",),
    "mammal.n.01": ("animal.n.01",),
    "dog.n.01": ("mammal.n.01",),
    "dull.n.01": ("person.n.01",),
    "cat.n.01": ("mammal.n.01", "animal.n.01"),
    "stone.n.01": (),
}


class Synset:
    def __init__(self, name):
        self._name = name

    def name(self):
        return self._name

    def hypernyms(self):
        return [Synset(name) for name in HYPERNYMS[self._name]]

    def instance_hypernyms(self):
        return []

    def min_depth(self):
        return min((1 + above.min_depth() for above in self.hypernyms()), default=0)

    def max_depth(self):
        return max((1 + above.max_depth() for above in self.hypernyms()), default=0)


class WordNet:
    def synsets(self, word, pos):
        assert pos == "n"
        return [Synset(name) for name in MEANINGS.get(word, ())]

    def synset(self, name):
        return Synset(name)


def _forget():
    for function in (module._wordnet, module._similarity, module._meanings, module._meaning):
        getattr(function, "cache_clear", lambda: None)()


@pytest.fixture
def wordnet(monkeypatch):
    _forget()
    monkeypatch.setattr(module, "_wordnet", WordNet)
    yield
    _forget()


@pytest.mark.parametrize(
    ("one", "other", "closeness"),
    [
        ("dog", "dog", 1),
        ("dog", "domestic_dog", 1),  # two names of one meaning
        ("dog", "cat", 6 / 8),  # mammal, 3 below the root, 1 above each
        ("dog", "person", 4 / 5),  # by the dog's second meaning
        ("animal", "cat", 4 / 5),  # the shorter way
        ("dog", "stone", 0),  # nothing in common
        ("dog", "red", 0),  # no noun
        ("red", "red", 1),
        ("two", "2", 1),  # the same answer, normalised
    ],
)
def test_items_are_as_close_as_their_closest_meanings(wordnet, one, other, closeness):
    assert wups(one, other, 0.0) == wups(other, one, 0.0) == pytest.approx(closeness)


def test_similarity_below_the_threshold_counts_a_tenth(wordnet):
    assert wups("dog", "cat", 0.75) == 0.75
    assert wups("dog", "cat", 0.76) == pytest.approx(0.075)
    assert wups("dog", "cat") == pytest.approx(0.075)
    assert wups("dog", "domestic dog") == 1


def test_sets_are_compared_in_both_directions(wordnet):
    # Every item given is right; of what was asked for, the cat is missed by 3/4.
    assert wups("dog", "dog, cat", 0.0) == 0.75
    # The cat given is 3/4 right.
    assert wups("dog, cat", "dog", 0.0) == 0.75
    assert wups("dog, cat, person", "dog", 0.0) == pytest.approx(0.75 * 0.8)
    assert wups("cat, dog", "dog,cat", 0.9) == 1
    assert wups("dog, dog", "dog", 0.9) == 1


def test_an_empty_answer_is_close_to_an_empty_one_only(wordnet):
    assert wups("", "dog") == wups("dog", " , ") == 0
    assert wups("", ",") == 1


def test_items_are_spelt_as_wordnet_spells_them():
    assert answer_items(" Garbage  bin,tape_dispenser,, Book ") == {
        "garbage_bin",
        "tape_dispenser",
        "book",
    }


@pytest.mark.parametrize("threshold", [-0.1, 1.1])
def test_a_threshold_out_of_range_is_refused(threshold):
    with pytest.raises(ValueError, match=rf"between 0 and 1, got {threshold}"):
        wups("a", "b", threshold)


def test_without_wordnet_the_command_to_get_it_is_named(monkeypatch):
    _forget()
    monkeypatch.setattr(nltk.data, "path", [])
    monkeypatch.setenv("NLTK_DATA", "here")
    with pytest.raises(FileNotFoundError, match=r"'here'\).*python -m nltk.downloader wordnet"):
        wups("dog", "dog")


@pytest.fixture
def real_wordnet(data_folder, monkeypatch):
    _forget()
    monkeypatch.setattr(nltk.data, "path", [str(data_folder / "nltk_data")])
    yield module._wordnet()
    _forget()


@pytest.mark.data
@pytest.mark.slow  # nltk takes seconds to open WordNet
def test_the_measure_is_that_of_nltk(real_wordnet):
    words = ("chair", "table", "dog", "garbage_bin", "red", "person", "paper", "night_stand")
    names = [synset.name() for word in words for synset in real_wordnet.synsets(word, pos="n")[:3]]
    for one in names:
        for other in names:
            expected = real_wordnet.synset(one).wup_similarity(real_wordnet.synset(other))
            found = module._wu_palmer(module._meaning(one), module._meaning(other))
            assert found == pytest.approx(expected or 0.0, abs=1e-12), (one, other)


@pytest.mark.data
@pytest.mark.slow
def test_synonyms_are_right_and_relatives_nearly(real_wordnet):
    assert wups("sofa", "couch", 0.9) == 1
    assert 0.8 < wups("chair", "table", 0.0) < 0.9
    assert wups("chair", "table", 0.9) == pytest.approx(wups("chair", "table", 0.0) / 10)
