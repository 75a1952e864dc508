from pathlib import Path

import pytest
import torch

from multimodal.saving.checkpoint import SavedModel
from multimodal.sentiment.data import SentimentData, TextSettings, in_order
from multimodal.text import SPECIALS

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


def tiny(**changes) -> SentimentData:
    reviews = {} if "format" in changes else {"options": {"train": 30, "val": 6, "test": 8}}
    return SentimentData(**{"batch_size": 8, **reviews, **changes})


def saved(tokens, labels=("negative", "positive"), task="sentiment", **extra) -> SavedModel:
    held = {"labels": list(labels), "target": "label", "excerpt": {"max_words": 9, "keep": "end"}}
    return SavedModel(task, {}, tokens, {}, {}, {**held, **extra})


def table(tmp_path: Path, rows: str, **changes) -> SentimentData:
    (tmp_path / "texts.csv").write_bytes(rows.encode())
    return tiny(format="table", root=str(tmp_path), **changes)


def test_built_in_reviews_give_batches_of_similar_length():
    data = tiny(options={"train": 80, "val": 6, "test": 8})
    batches = list(data.train_dataloader())
    assert sum(len(batch.indices) for batch in batches) == 80
    real = sum(int(batch.mask.sum()) for batch in batches)
    assert real > 0.8 * sum(batch.mask.numel() for batch in batches)
    assert data.labels == ["negative", "positive"]
    assert data.vocabulary[:4] == ["<pad>", "<bos>", "<eos>", "<unk>"]
    assert data.excerpt == {"max_words": 400, "keep": "start"}


@pytest.mark.parametrize(
    ("format_", "sample", "changes"),
    [
        ("polarity", "nltk_data", {}),
        ("movie_reviews", "nltk_data", {"holdout": 0.4}),
        ("subjectivity", "nltk_data", {"holdout": 0.4}),
        ("imdb", "imdb", {"holdout": 0.5}),
        ("imdb", "imdb_zip", {"target": "number", "holdout": 0.5}),
        ("sst", "sst", {"options": {"classes": 3}}),
        ("sst", "sst2", {}),
        ("table", "texts_csv", {}),
        ("table", "texts_tsv", {"options": {"columns": {"text": "review", "label": "verdict"}}}),
        ("table", "texts_jsonl", {"target": "number"}),
    ],
)
def test_every_accepted_format_gives_batches(format_, sample, changes):
    data = tiny(format=format_, root=str(SAMPLES / sample), **changes)
    batches = [*data.train_dataloader(), *data.val_dataloader()]
    assert sum(len(batch.indices) for batch in batches) == len(data.examples("train")) + len(
        data.examples("val")
    )
    assert all(batch.labels.isfinite().all() for batch in batches)
    assert all((batch.labels >= 0).all() for batch in batches)


def test_every_fold_is_tested_and_validates_on_a_part_of_the_others():
    tested = []
    for fold in range(3):
        root = str(SAMPLES / "nltk_data")
        data = tiny(format="polarity", root=root, folds=3, fold=fold, holdout=0.2, seed=5)
        parts = {
            split: {e.text for e in data.examples(split)} for split in ("train", "val", "test")
        }
        assert not parts["test"] & (parts["train"] | parts["val"])
        assert not parts["train"] & parts["val"]
        assert sum(map(len, parts.values())) == 24
        tested += parts["test"]
    assert len(set(tested)) == 24


def test_folds_validate_on_a_tenth_where_nothing_is_said():
    assert tiny(folds=10).holdout == 0.1


def test_numbers_have_no_labels():
    data = tiny(target="number")
    assert data.labels == []
    (batch, *_) = data.train_dataloader()
    assert batch.labels.dtype == torch.float32


def test_the_vocabulary_and_labels_of_a_checkpoint_replace_those_of_the_data():
    tokens = ["<pad>", "<bos>", "<eos>", "<unk>", "the"]
    data = tiny()
    data.adopt(saved(tokens, ["positive", "negative"]))
    assert data.vocabulary == tokens
    assert data.excerpt == {"max_words": 9, "keep": "end"}
    assert data.labels == ["positive", "negative"]
    (batch,) = data.predict_dataloader()
    expected = [data.labels.index(example.label) for example in data.examples("test")]
    assert batch.labels.tolist() == expected
    assert batch.tokens.max() == 4


def test_words_of_the_training_texts_can_follow_a_given_vocabulary(tmp_path):
    rows = "text,label,split\ngood good fun,1,train\nbad bad odd,0,train\n"
    given = [*SPECIALS, "film", "bad"]
    own = {"text": TextSettings(min_count=2)}
    data = table(tmp_path, rows, **own)
    data.adopt(saved(given, task="language_model"))
    assert data.vocabulary == [*given, "good"]
    assert data.labels == ["0", "1"]
    assert table(tmp_path, rows, **own).vocabulary == [*SPECIALS, "bad", "good"]


def test_the_target_of_a_checkpoint_replaces_that_of_the_data():
    data = tiny()
    data.adopt(saved([*SPECIALS, "the"], [], target="number"))
    assert data.labels == []
    (batch,) = data.test_dataloader()
    assert batch.labels.dtype == torch.float32


def test_rare_words_and_long_texts_are_cut():
    data = tiny(text=TextSettings(max_vocabulary=20, max_words=7, keep="ends"))
    assert len(data.vocabulary) == 20
    assert max(batch.tokens.shape[1] for batch in data.train_dataloader()) == 7


def test_prediction_keeps_the_order_and_evaluation_says_it():
    data = tiny(eval_batch_size=3)
    assert [i for batch in data.predict_dataloader() for i in batch.indices.tolist()] == [*range(8)]
    seen = [i for batch in data.test_dataloader() for i in batch.indices.tolist()]
    assert sorted(seen) == [*range(8)]


def test_a_model_can_be_tested_on_the_validation_texts():
    (batch,) = tiny(test_split="val").test_dataloader()
    assert len(batch.indices) == 6


def test_two_epochs_differ_and_two_runs_do_not():
    first, second = tiny().train_dataloader(), tiny().train_dataloader()
    runs = [
        [batch.indices.tolist() for _ in range(2) for batch in loader] for loader in (first, second)
    ]
    assert runs[0] == runs[1]
    assert runs[0][:4] != runs[0][4:]


def test_labels_are_sorted_by_what_they_say():
    five = ["very negative", "negative", "neutral", "positive", "very positive"]
    assert in_order(sorted(five)) == five
    assert in_order(["b", "10", "2", "a"]) == ["2", "10", "a", "b"]


def test_one_class_only_is_refused(tmp_path):
    data = table(tmp_path, "text,label,split\nA.,good,train\nB.,good,train\n")
    with pytest.raises(
        ValueError, match=r"All 2 training texts of .* have the label 'good', so that there is noth"
    ):
        _ = data.labels


def test_texts_without_labels_are_refused():
    data = tiny(format="text", root=str(SAMPLES / "verse.txt"))
    with pytest.raises(ValueError, match=r"training texts of .*verse\.txt have no label, so that"):
        _ = data.labels


def test_a_label_that_training_lacks_is_named_with_its_line(tmp_path):
    rows = "text,label,split\nA.,good,train\nB.,bad,train\nC.,odd,val\nD.,,test\n"
    data = table(tmp_path, rows)
    with pytest.raises(
        ValueError, match=r"texts\.csv:4: the label 'odd' is none of the training labels"
    ):
        data.val_dataloader()
    (batch,) = data.test_dataloader()
    assert batch.labels.tolist() == [-1]


def test_a_missing_val_is_to_be_held_out():
    with pytest.raises(ValueError, match=r"IMDB has no val; hold out a part of train with `data.h"):
        tiny(format="imdb", root=str(SAMPLES / "imdb")).examples("val")


@pytest.mark.data
def test_the_folds_of_real_sentences_are_a_partition(data_folder):
    tested = 0
    for fold in (0, 9):
        data = SentimentData(
            format="polarity", root=str(data_folder / "nltk_data"), folds=10, fold=fold
        )
        labels = [example.label for example in data.examples("test")]
        assert len(labels) in (1066, 1067)
        assert abs(labels.count("positive") - 533) <= 1
        tested += len(labels)
    assert tested in range(2132, 2135)
