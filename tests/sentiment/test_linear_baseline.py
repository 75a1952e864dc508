import random
import zipfile

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from multimodal.sentiment.linear_baseline import LinearBaseline

TEXTS = ["a good film", "good fun", "great fun !", "a bad film", "not good , bad", "dull"]
LABELS = ["pos", "pos", "pos", "neg", "neg", "neg"]
NOUNS = ("film", "plot", "cast", "score", "end")


def sentences(count, words_of, seed=0):
    """Sentences of a class's words among words of all, with their labels."""
    draw = random.Random(seed)
    texts, labels = [], []
    for number in range(count):
        label = list(words_of)[number % len(words_of)]
        words = [*draw.choices(NOUNS, k=4), draw.choice(words_of[label])]
        draw.shuffle(words)
        texts.append(" ".join(words))
        labels.append(label)
    return texts, labels


def test_probabilities_equal_the_formulas_written_out():
    tfidf = TfidfVectorizer(token_pattern=r"\S+", sublinear_tf=True)
    features = tfidf.fit_transform(TEXTS).toarray()
    positive = np.array(LABELS) == "pos"
    p, q = (1 + (features[rows] > 0).sum(axis=0) for rows in (positive, ~positive))
    weighted = features * np.log((p / p.sum()) / (q / q.sum()))
    model = LogisticRegression(C=4.0, solver="liblinear").fit(weighted, positive)
    baseline = LinearBaseline(ngrams=1).fit([text.split() for text in TEXTS], LABELS)
    torch.testing.assert_close(
        baseline.predict_proba([text.split() for text in TEXTS]),
        torch.from_numpy(model.predict_proba(weighted)).float(),
        atol=1e-6,
        rtol=0,
    )
    assert baseline.classes == ["neg", "pos"]


def test_calibration_makes_unseen_texts_likelier_and_changes_no_label():
    words = {"pos": ("good", "fine"), "neg": ("bad", "dull")}
    texts, labels = sentences(300, words)
    draw = random.Random(1)
    labels = [draw.choice(("pos", "neg")) if draw.random() < 0.2 else label for label in labels]
    fresh, truth = sentences(200, words, seed=2)
    truth = [draw.choice(("pos", "neg")) if draw.random() < 0.2 else label for label in truth]
    plain, sure = (
        LinearBaseline(strength=0.02, calibration_folds=folds).fit(texts, labels)
        for folds in (0, 3)
    )
    assert plain.sharpness == 1.0
    assert sure.sharpness != 1.0
    assert plain.predict(fresh) == sure.predict(fresh)
    rows = torch.tensor([plain.classes.index(label) for label in truth])
    before, after = (
        torch.nn.functional.nll_loss(each.predict_proba(fresh).log(), rows)
        for each in (plain, sure)
    )
    assert after < before


def test_calibration_needs_two_classes_in_every_part():
    baseline = LinearBaseline(calibration_folds=3).fit(["good", "fine", "bad"], [1, 1, 0])
    assert baseline.sharpness == 1.0


def test_it_learns_any_number_of_classes():
    words = {name: (f"{name}ly", f"{name}er") for name in ("glad", "sad", "wild", "calm")}
    baseline = LinearBaseline().fit(*sentences(80, words))
    texts, labels = sentences(40, words, seed=1)
    assert baseline.predict(texts) == labels
    shares = baseline.predict_proba(texts)
    assert shares.shape == (40, 4)
    assert shares.dtype == torch.float32
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(40))
    assert baseline.classes == ["calm", "glad", "sad", "wild"]


def test_labels_may_be_numbers_and_mirrored_classes_give_mirrored_probabilities():
    one = LinearBaseline().fit(TEXTS, [1, 1, 1, 0, 0, 0]).predict_proba(TEXTS)
    other = LinearBaseline().fit(TEXTS, [0, 0, 0, 1, 1, 1]).predict_proba(TEXTS)
    torch.testing.assert_close(one, other.flip(1), atol=1e-3, rtol=0)


def test_pairs_of_words_distinguish_what_single_words_cannot():
    texts = ["not good", "good not", "not bad", "bad not"] * 5
    labels = ["neg", "pos", "pos", "neg"] * 5
    assert LinearBaseline(ngrams=2).fit(texts, labels).predict(texts) == labels
    assert LinearBaseline(ngrams=1).fit(texts, labels).predict(texts) != labels


def test_a_text_without_a_known_word_gets_what_the_training_texts_had():
    words = {"pos": ("good",), "neg": ("bad",)}
    baseline = LinearBaseline().fit(*sentences(60, words))
    shares = baseline.predict_proba(["", "xyz", "!!!"])
    torch.testing.assert_close(shares, torch.full((3, 2), 0.5), atol=0.1, rtol=0)


def test_texts_are_read_without_case_and_with_their_marks():
    baseline = LinearBaseline().fit(["Good!", "it's good !", "Why?", "why ?"], [1, 1, 0, 0])
    assert baseline.predict(["GOOD", "!", "WHY", "?"]) == [1, 1, 0, 0]
    shares = baseline.predict_proba(["IT'S GOOD!", ["it's", "good", "!"]])
    torch.testing.assert_close(shares[0], shares[1])


def test_rare_words_can_be_left_out():
    texts = ["good zebra", "good", "bad", "bad"]
    baseline = LinearBaseline(min_count=2).fit(texts, [1, 1, 0, 0])
    shares = baseline.predict_proba(["zebra", "unknown"])
    torch.testing.assert_close(shares[0], shares[1])


def test_the_same_texts_give_the_same_probabilities():
    one, other = (LinearBaseline().fit(TEXTS, LABELS).predict_proba(TEXTS) for _ in range(2))
    torch.testing.assert_close(one, other, atol=0, rtol=0)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match=r"at least two classes, of these all are 'pos'\."):
        LinearBaseline().fit(["good", "fun"], ["pos", "pos"])
    with pytest.raises(ValueError, match=r"at least two classes, of these there are none\."):
        LinearBaseline().fit([], [])


def test_a_label_for_each_text_is_needed():
    with pytest.raises(ValueError, match="got 2 texts and 1 labels"):
        LinearBaseline().fit(["good", "bad"], ["pos"])


@pytest.mark.parametrize(("texts", "least"), [(["", " "], 1), (["good", "bad"], 2)])
def test_texts_without_words_are_refused(texts, least):
    match = rf"No n-gram is in {least} of the 2 texts of the linear baseline\. Are the texts empty"
    with pytest.raises(ValueError, match=match):
        LinearBaseline(min_count=least).fit(texts, [0, 1])


def test_one_string_is_no_list_of_texts():
    with pytest.raises(TypeError, match="must be a list of texts, got the string 'good'"):
        LinearBaseline().fit("good", [1, 0, 1, 0])
    with pytest.raises(TypeError, match="must be a list of texts, got the string 'good'"):
        LinearBaseline().fit(TEXTS, LABELS).predict("good")


def test_it_must_be_fitted_before_it_predicts():
    with pytest.raises(ValueError, match="is not fitted: call `fit` first"):
        LinearBaseline().predict_proba(["good"])


@pytest.mark.data
def test_the_accuracy_on_a_fold_of_film_sentences_is_about_the_published_one(data_folder):
    texts, labels = [], []
    path = data_folder / "nltk_data" / "corpora" / "sentence_polarity.zip"
    with zipfile.ZipFile(path) as archive:
        for label in ("neg", "pos"):
            member = archive.read(f"sentence_polarity/rt-polarity.{label}").decode("latin-1")
            lines = [line for line in member.split("\n") if line.strip()]
            texts += lines
            labels += [label] * len(lines)
    held = [number % 10 == 3 for number in range(len(texts))]
    train = [number for number, out in enumerate(held) if not out]
    test = [number for number, out in enumerate(held) if out]
    baseline = LinearBaseline().fit([texts[n] for n in train], [labels[n] for n in train])
    found = baseline.predict([texts[n] for n in test])
    right = sum(label == labels[n] for label, n in zip(found, test, strict=True))
    assert right / len(test) > 0.77  # Wang and Manning: 79.4 in the mean of ten folds
