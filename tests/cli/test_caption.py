import json
import sys
import zipfile
from pathlib import Path

import pytest
from tiny_captioner import CAPTIONS, COLOURS, picture

from multimodal.cli.inference import run
from multimodal.cli.printing import printable


def caption(*arguments):
    return run(["caption", *map(str, arguments), "--device", "cpu"])


def test_a_folder_becomes_a_table_with_aligned_columns(checkpoint, photos, capsys):
    assert caption(checkpoint, photos) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["image", "score", "caption"]
    start = header.index("caption")
    assert [row[start:] for row in rows] == [CAPTIONS[name] for name in sorted(COLOURS)]
    assert [Path(row.split()[0]) for row in rows] == sorted(photos.iterdir())
    assert all(float(row.split()[1]) < 0 for row in rows)


def test_alternatives_follow_below_their_caption(checkpoint, photos, capsys):
    assert caption(checkpoint, photos / "red.png", "--alternatives", 2) == 0
    header, best, second, third = capsys.readouterr().out.splitlines()
    start = header.index("caption")
    assert best[start:] == CAPTIONS["red"]
    assert second.startswith(" ")
    assert float(best.split()[1]) > float(second.split()[0]) > float(third.split()[0])


def test_the_table_fits_the_terminal(checkpoint, photos, capsys, terminal):
    terminal(60)
    assert caption(checkpoint, photos) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert len(lines) > 4  # captions were wrapped
    assert lines[1].startswith("...")
    assert "blue.png " in lines[1]
    start = lines[0].index("caption")
    joined = " ".join(line[start:] for line in lines[1:])
    assert joined == " ".join(CAPTIONS[name] for name in sorted(COLOURS))


def test_a_very_narrow_terminal_still_gets_words(checkpoint, photos, capsys, terminal):
    terminal(10)
    assert caption(checkpoint, photos / "red.png") == 0
    assert "picture" in capsys.readouterr().out


def test_json_is_an_array_with_an_object_a_line(checkpoint, photos, capsys):
    assert caption(checkpoint, photos, "--json", "--alternatives", 1) == 0
    printed = capsys.readouterr().out
    values = json.loads(printed)
    assert [value["caption"] for value in values] == [CAPTIONS[name] for name in sorted(COLOURS)]
    assert [Path(value["image"]) for value in values] == sorted(photos.iterdir())
    assert all(value["score"] > value["alternatives"][0]["score"] for value in values)
    first, *objects, last = printed.splitlines()
    assert (first, last) == ("[", "]")
    assert [json.loads(line.rstrip(",")) for line in objects] == values


def test_a_bad_picture_is_named_the_others_are_captioned_and_the_code_is_1(
    checkpoint, photos, capsys
):
    (photos / "green.png").write_bytes(b"not a picture")
    assert caption(checkpoint, photos) == 1
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("multimodal: ")
    assert "green.png is not a picture" in printed.err
    assert CAPTIONS["red"] in printed.out
    assert CAPTIONS["blue"] in printed.out


def test_json_holds_an_error_in_the_bad_pictures_place(checkpoint, photos, capsys):
    (photos / "green.png").write_bytes(b"")
    assert caption(checkpoint, photos, "--json") == 1
    blue, green, red = json.loads(capsys.readouterr().out)
    assert green.keys() == {"image", "error"}
    assert "green.png is empty" in green["error"]
    assert (blue["caption"], red["caption"]) == (CAPTIONS["blue"], CAPTIONS["red"])


def test_a_missing_picture_is_named(checkpoint, photos, capsys):
    assert caption(checkpoint, photos / "nowhere.png", photos / "red.png") == 1
    printed = capsys.readouterr()
    assert "nowhere.png. Check the path." in printed.err
    assert CAPTIONS["red"] in printed.out


def test_a_folder_without_pictures_is_named(checkpoint, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("no picture")
    assert caption(checkpoint, tmp_path, "--json") == 1
    printed = capsys.readouterr()
    assert f"{tmp_path} has no pictures in it (files that end in bmp, gif" in printed.err
    assert json.loads(printed.out) == []


def test_a_zip_archive_is_read_in_place(checkpoint, photos, tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        for path in sorted(photos.iterdir()):
            archive.write(path, f"deep/{path.name}")
        archive.writestr("deep/notes.txt", "no picture")
        archive.writestr("deep/._red.png", "a shadow copy")
    assert caption(checkpoint, tmp_path / "more.zip", "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert [value["caption"] for value in values] == [CAPTIONS[name] for name in sorted(COLOURS)]
    assert values[0]["image"].endswith("more.zip/deep/blue.png")


def test_a_broken_archive_is_named(checkpoint, photos, tmp_path, capsys):
    (tmp_path / "more.zip").write_bytes(b"PK")
    assert caption(checkpoint, tmp_path / "more.zip", photos) == 1
    printed = capsys.readouterr()
    assert "more.zip is not a zip archive" in printed.err
    assert CAPTIONS["red"] in printed.out


def test_control_characters_of_names_are_escaped(checkpoint, tmp_path, capsys):
    picture("red").save(tmp_path / "a\x1b[2J\n.png")
    assert caption(checkpoint, tmp_path) == 0
    assert r"a\x1b[2J\n.png" in capsys.readouterr().out
    assert printable("crème \udcff.png") == r"crème \udcff.png"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "MODEL and IMAGE are missing."),
        (["m.ckpt"], "IMAGE is missing."),
        (["m.ckpt", "a.png", "--beam-sise", "3"], "Did you mean --beam-size?"),
        (
            ["m.ckpt", "a.png", "--beam-size", "0"],
            "--beam-size must be a whole number of 1 or more",
        ),
        (["m.ckpt", "a.png", "--alternatives", "5"], "--alternatives must be below --beam-size"),
    ],
)
def test_a_wrong_call_is_a_sentence_and_code_2(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as stop:
        run(["caption", *arguments])
    assert stop.value.code == 2
    printed = capsys.readouterr().err
    assert sentence in printed
    assert printed.count("\n") == 1


def test_progress_is_shown_if_captions_go_to_a_file(checkpoint, photos, capsys, monkeypatch):
    monkeypatch.setattr("multimodal.cli.printing._PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert caption(checkpoint, photos, "--json") == 0
    printed = capsys.readouterr()
    assert "\r3 of 3 pictures, " in printed.err
    assert printed.err.endswith("\r\x1b[K")
    assert len(json.loads(printed.out)) == 3
