import importlib
import os
from pathlib import Path

import nltk.data
import nltk.translate.meteor_score
import pytest

from multimodal.metrics.meteor import meteor, meteor_per_image, wordnet_is_there

module = importlib.import_module("multimodal.metrics.meteor")  # not the function


@pytest.fixture
def stub(monkeypatch):
    """WordNet is there, and nltk scores the share of the caption's words in the best reference."""

    def meteor_score(references, hypothesis):
        shares = [len(set(words) & set(hypothesis)) / len(hypothesis) for words in references]
        return max(shares)

    monkeypatch.setattr(module, "wordnet_is_there", lambda: True)
    monkeypatch.setattr(nltk.translate.meteor_score, "meteor_score", meteor_score)


def test_the_corpus_scores_the_mean_over_images(stub):
    candidates = [["a", "dog"], ["a", "cat"], []]
    references = [[["a", "dog"], ["x"]], [["a", "b"]], [["x"]]]
    assert meteor_per_image(candidates, references) == [1.0, 0.5, 0.0]
    assert meteor(candidates, references) == 0.5


def test_without_wordnet_the_command_to_get_it_is_named(monkeypatch):
    monkeypatch.setattr(nltk.data, "path", [])
    monkeypatch.setenv("NLTK_DATA", "here")
    assert not wordnet_is_there()
    with pytest.raises(FileNotFoundError, match=r"'here'\).*python -m nltk.downloader wordnet"):
        meteor([["a"]], [[["a"]]])


@pytest.mark.parametrize("name", ["wordnet", "wordnet.zip"])
def test_wordnet_is_found_in_a_folder_or_an_archive(name, tmp_path, monkeypatch):
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    assert not wordnet_is_there()
    place = tmp_path / "corpora" / name
    place.parent.mkdir()
    if name.endswith(".zip"):
        place.write_bytes(b"PK\x05\x06" + bytes(18))
    else:
        place.mkdir()
    assert wordnet_is_there()


def test_a_string_is_refused():
    with pytest.raises(TypeError, match="got the string 'a dog'"):
        meteor(["a dog"], [[["a", "dog"]]])


@pytest.fixture
def wordnet(monkeypatch):
    folder = Path(os.environ["MULTIMODAL_DATA"]) / "nltk_data"
    monkeypatch.setattr(nltk.data, "path", [str(folder)])


@pytest.mark.data
def test_synonyms_and_stems_match(wordnet):
    exact, stem, synonym, none = meteor_per_image(
        [["dog", "runs"], ["dog", "running"], ["domestic_dog", "runs"], ["red", "car"]],
        [[["dog", "runs"]]] * 4,
    )
    assert exact == stem == synonym > 0.9
    assert none == 0


@pytest.mark.data
def test_nltk_meteor_is_not_that_of_coco(wordnet, stored):
    scores = meteor_per_image(stored.candidates, stored.references)
    coco = [row["METEOR"] for row in stored.scores]
    assert sum(scores) / sum(coco) > 1.5  # the docstring says so: they must not share a column
