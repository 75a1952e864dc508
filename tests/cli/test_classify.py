import json
import zipfile

import pytest
from tiny_captioner import COLOURS, picture
from tiny_classifier import save

from multimodal.cli.inference import run

NAMES = sorted(COLOURS)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A checkpoint of a classifier of three colours."""
    return save(tmp_path_factory.mktemp("model") / "classes.ckpt")


def classify(*arguments):
    return run(["classify", *map(str, arguments), "--device", "cpu"])


def test_labels_are_listed_the_likeliest_first(classifier, red, capsys):
    assert classify(classifier, red) == 0
    printed = capsys.readouterr()
    header, *rows = printed.out.splitlines()
    assert header.split() == ["probability", "label"]
    assert len(rows) == 3
    assert rows[0].endswith("red")
    shares = [float(row.split()[0]) for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert printed.err == ""


def test_every_picture_of_a_folder_is_classified(classifier, photos, capsys):
    assert classify(classifier, photos, "--top", 1) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["image", "probability", "label"]
    assert [row.split()[-1] for row in rows] == NAMES
    assert [row.split()[0] for row in rows] == [str(photos / f"{name}.png") for name in NAMES]


def test_the_name_of_a_picture_is_written_once(classifier, photos, capsys):
    assert classify(classifier, photos, "--top", 2) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    assert [row.startswith(" ") for row in rows] == [False, True] * 3


def test_a_zip_archive_is_read_in_place(classifier, photos, tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        for path in sorted(photos.iterdir()):
            archive.write(path, f"deep/{path.name}")
    assert classify(classifier, tmp_path / "more.zip", "--json", "--batch-size", 2) == 0
    values = json.loads(capsys.readouterr().out)
    assert [value["label"] for value in values] == NAMES
    assert values[0]["image"].endswith("more.zip/deep/blue.png")


def test_json_is_an_array_with_an_object_a_line(classifier, photos, capsys):
    assert classify(classifier, photos, "--top", 2, "--json") == 0
    printed = capsys.readouterr().out
    values = json.loads(printed)
    for value, name in zip(values, NAMES, strict=True):
        assert value.keys() == {"image", "label", "probability", "labels", "top"}
        assert value["label"] == name
        assert value["labels"] == [name]
        assert value["top"][0] == {"label": name, "probability": value["probability"]}
        assert len(value["top"]) == 2
    first, *objects, last = printed.splitlines()
    assert (first, last) == ("[", "]")
    assert [json.loads(line.rstrip(",")) for line in objects] == values


@pytest.mark.parametrize(("target", "value"), [("count", "1"), ("number", "6.")])
def test_counts_and_numbers_have_no_probability(target, value, photos, tmp_path, capsys):
    path = save(tmp_path / "numbers.ckpt", target=target)
    assert classify(path, photos / "red.png", photos / "blue.png") == 0
    header, first, _ = capsys.readouterr().out.splitlines()
    assert header.split() == ["image", target]
    assert len(first.split()) == 2
    assert classify(path, photos / "red.png", "--json") == 0
    (values,) = json.loads(capsys.readouterr().out)
    assert values.keys() == {"image", "value"}


def test_a_missing_picture_is_named(classifier, photos, capsys):
    assert classify(classifier, photos / "nowhere.png", "--json") == 1
    printed = capsys.readouterr()
    assert printed.err == f"multimodal: No picture {photos / 'nowhere.png'}. Check the path.\n"
    assert json.loads(printed.out)[0].keys() == {"image", "error"}


def test_a_bad_picture_is_named_and_the_others_are_classified(classifier, photos, capsys):
    (photos / "green.png").write_bytes(b"not a picture")
    assert classify(classifier, photos, "--top", 1) == 1
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "green.png is not a picture" in printed.err
    assert len(printed.out.splitlines()) == 3


def test_a_folder_without_pictures_is_named(classifier, tmp_path, capsys):
    assert classify(classifier, tmp_path, "--json") == 1
    printed = capsys.readouterr()
    assert f"{tmp_path} has no pictures in it" in printed.err
    assert json.loads(printed.out) == []


def test_the_table_fits_the_terminal(classifier, photos, capsys, terminal):
    terminal(40)
    assert classify(classifier, photos, "--top", 1) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    assert max(map(len, rows)) <= 40
    assert all(row.startswith("...") for row in rows)


def test_control_characters_of_names_and_labels_are_escaped(tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a\x1b[2J.png", "b.png"):
        picture("red").save(folder / name)
    labels = ["red\x1b[2J", "green", "blue"]
    path = save(tmp_path / "odd.ckpt", extra={"labels": labels})
    assert classify(path, folder) == 0
    printed = capsys.readouterr()
    assert r"a\x1b[2J.png" in printed.out
    assert r"red\x1b[2J" in printed.out
    assert "\x1b" not in printed.out + printed.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "MODEL and IMAGE_OR_FOLDER are missing."),
        (["m.ckpt"], "IMAGE_OR_FOLDER is missing."),
        (["m.ckpt", "a.png", "--tpo", "3"], "Unknown option --tpo. Did you mean --top?"),
        (["m.ckpt", "a.png", "--top", "0"], "--top must be a whole number of 1 or more"),
        (["m.ckpt", "a.png", "--batch-size", "0"], "--batch-size must be a whole number of 1"),
        (["m.ckpt", "a.png", "--precision", "half"], "must be one of float32, bfloat16"),
    ],
)
def test_a_wrong_call_is_a_sentence_and_code_2(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as stop:
        run(["classify", *arguments])
    assert stop.value.code == 2
    printed = capsys.readouterr().err
    assert sentence in printed
    assert printed.count("\n") == 1
