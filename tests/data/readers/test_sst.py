from pathlib import Path
from zipfile import ZipFile

import pytest
from samples import SAMPLES

from multimodal.data.examples import TextExample
from multimodal.data.readers.sst import read_sst


@pytest.fixture
def tree(tmp_path):
    def write(line: str) -> Path:
        (tmp_path / "train.txt").write_text(f"(2 (2 a) (2 b))\n\n{line}\n")
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        (2, ["positive", "negative", "positive"]),
        (3, ["positive", "negative", "positive", "neutral"]),
        (5, ["positive", "very negative", "very positive", "neutral"]),
    ],
)
def test_trees_are_read_with_two_three_or_five_classes(classes, labels):
    examples = read_sst(SAMPLES / "sst", "train", classes=classes)
    assert [example.label for example in examples] == labels
    assert examples[0] == TextExample("It works ( mostly ) .", "positive", "train.txt:1")


def test_dev_is_val_and_escapes_are_undone():
    assert read_sst(SAMPLES / "sst", "val")[1].text == "It drags and/or stops ."


def test_phrases_are_read_once_each_with_their_labels():
    examples = read_sst(SAMPLES / "sst", "train", classes=5, phrases=True)
    labels = [(example.text, example.label) for example in examples]
    assert ("dull plot", "negative") in labels
    assert ("never", "negative") in labels
    assert len(set(labels)) == len(labels)
    assert len({example.text_id for example in examples}) == len(examples)
    sentences = read_sst(SAMPLES / "sst", "train", classes=5)
    assert [e for e in examples if e.text_id.count(":") == 1] == sentences


def test_phrases_are_for_training_only():
    assert len(read_sst(SAMPLES / "sst", "test", phrases=True)) == 2


def test_neutral_sentences_give_their_phrases_for_two_classes(tree):
    root = tree("(2 (2 (2 an) (4 (3 odd) (2 film))) (2 .))")
    assert [(e.text, e.label) for e in read_sst(root, "train", phrases=True)] == [
        ("odd film", "positive"),
        ("odd", "positive"),
    ]


def test_the_usual_archive_is_read_in_place(tmp_path):
    with ZipFile(tmp_path / "trainDevTestTrees_PTB.zip", "w") as archive:
        for name in ("train", "dev", "test"):
            archive.write(SAMPLES / "sst" / f"{name}.txt", f"trees/{name}.txt")
    assert read_sst(tmp_path, "dev") == read_sst(SAMPLES / "sst", "dev")


def test_the_tables_of_glue_are_read_with_their_quotes():
    examples = read_sst(SAMPLES / "sst2", "train")
    assert examples[2] == TextExample('it is " brave " .', "positive", "train.tsv:4")
    assert [example.label for example in read_sst(SAMPLES / "sst2", "test")] == [None, None]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("(3 (2 It) (4 works)", "train.txt:3 is not a tree such as"),
        ("(3 (2 It) (4 works)))", "train.txt:3 is not a tree such as"),
        ("(3 It (4 works)) (2 .)", "train.txt:3 is not a tree such as"),
        ("(3 (2 It) (4))", "train.txt:3 is not a tree such as"),
        ("words", "train.txt:3 is not a tree such as"),
        ("(3 (2 It) (", "train.txt:3 is not a tree such as"),
        ("(7 (2 It) (4 works))", "train.txt:3: a label must be from 0 to 4, got '7'"),
        ("((2 It) (4 works))", r"train.txt:3: a label must be from 0 to 4, got '\('"),
    ],
)
def test_a_line_that_is_no_tree_is_named(tree, line, message):
    with pytest.raises(ValueError, match=message):
        read_sst(tree(line), "train")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text\tlabel\na\t1\n", "train.tsv:1 has no column 'sentence'; there is 'text', 'label'."),
        ("sentence\tlabel\na\n", "train.tsv:2 has 1 fields, the header has 2"),
        ("sentence\tlabel\na\t2\n", "train.tsv:2: a label must be 0 or 1, got '2'"),
        ("sentence\tlabel\n \t1\n", "train.tsv:2: the text is empty"),
    ],
)
def test_a_wrong_table_is_named_by_line(tmp_path, text, message):
    (tmp_path / "train.tsv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_sst(tmp_path, "train")


def test_classes_and_phrases_that_the_files_lack_are_refused():
    with pytest.raises(ValueError, match="`classes` can be 2, 3 or 5, got 4"):
        read_sst(SAMPLES / "sst", "train", classes=4)
    with pytest.raises(ValueError, match="has two classes and no trees; set `classes` to 2"):
        read_sst(SAMPLES / "sst2", "train", classes=5)
