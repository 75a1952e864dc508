import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tiny_captioner import CAPTIONS, COLOURS, picture, save

from multimodal.cli.inference import run
from multimodal.cli.main import main
from multimodal.cli.printing import printable


def caption(*arguments):
    return run(["caption", *map(str, arguments), "--device", "cpu"])


@pytest.fixture
def terminal(monkeypatch):
    def pretend(columns):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    return pretend


def test_a_folder_becomes_a_table_with_aligned_columns(checkpoint, photos, capsys):
    assert caption(checkpoint, photos) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["image", "score", "caption"]
    start = header.index("caption")
    assert [row[start:] for row in rows] == [CAPTIONS[name] for name in sorted(COLOURS)]
    assert [Path(row.split()[0]) for row in rows] == sorted(photos.iterdir())
    assert all(float(row.split()[1]) < 0 for row in rows)


def test_alternatives_follow_beneath_their_caption(checkpoint, photos, capsys):
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
    said = capsys.readouterr().out
    values = json.loads(said)
    assert [value["caption"] for value in values] == [CAPTIONS[name] for name in sorted(COLOURS)]
    assert [Path(value["image"]) for value in values] == sorted(photos.iterdir())
    assert all(value["score"] > value["alternatives"][0]["score"] for value in values)
    first, *objects, last = said.splitlines()
    assert (first, last) == ("[", "]")
    assert [json.loads(line.rstrip(",")) for line in objects] == values


def test_a_bad_picture_is_named_the_others_are_captioned_and_the_code_is_1(
    checkpoint, photos, capsys
):
    (photos / "green.png").write_bytes(b"not a picture")
    assert caption(checkpoint, photos) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert said.err.startswith("multimodal: ")
    assert "green.png is not a picture" in said.err
    assert CAPTIONS["red"] in said.out
    assert CAPTIONS["blue"] in said.out


def test_json_holds_an_error_in_the_bad_pictures_place(checkpoint, photos, capsys):
    (photos / "green.png").write_bytes(b"")
    assert caption(checkpoint, photos, "--json") == 1
    blue, green, red = json.loads(capsys.readouterr().out)
    assert green.keys() == {"image", "error"}
    assert "green.png is empty" in green["error"]
    assert (blue["caption"], red["caption"]) == (CAPTIONS["blue"], CAPTIONS["red"])


def test_a_missing_picture_is_named(checkpoint, photos, capsys):
    assert caption(checkpoint, photos / "nowhere.png", photos / "red.png") == 1
    said = capsys.readouterr()
    assert "nowhere.png. Check the path." in said.err
    assert CAPTIONS["red"] in said.out


def test_a_folder_without_pictures_is_named(checkpoint, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("no picture")
    assert caption(checkpoint, tmp_path, "--json") == 1
    said = capsys.readouterr()
    assert f"{tmp_path} has no pictures in it (files that end in bmp, gif" in said.err
    assert json.loads(said.out) == []


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
    said = capsys.readouterr()
    assert "more.zip is not a zip archive" in said.err
    assert CAPTIONS["red"] in said.out


def test_names_never_steer_the_terminal(checkpoint, tmp_path, capsys):
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
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_a_missing_model_is_a_sentence_and_code_1(photos, capsys):
    assert main(["caption", "nothing.ckpt", str(photos)]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("multimodal: ")
    assert "nothing.ckpt" in said.err
    assert said.out == ""


def test_a_picture_in_the_models_place_is_refused(photos, capsys):
    assert main(["caption", str(photos / "red.png"), str(photos / "blue.png")]) == 1
    assert "red.png" in capsys.readouterr().err


def test_a_checkpoint_of_another_task_is_refused(tmp_path, photos, capsys):
    path = save(tmp_path / "answers.ckpt", task="vqa")
    assert main(["caption", str(path), str(photos)]) == 1
    said = capsys.readouterr().err
    assert "answers.ckpt is a checkpoint of the task 'vqa' and writes no captions" in said
    assert f"or answer questions about images: multimodal ask {path} IMAGE QUESTION..." in said


def test_a_device_that_is_not_there_is_refused(checkpoint, photos, capsys):
    assert main(["caption", str(checkpoint), str(photos), "--device", "gpu"]) == 1
    assert "no kind of device called 'gpu'" in capsys.readouterr().err


def test_progress_is_shown_where_captions_go_elsewhere(checkpoint, photos, capsys, monkeypatch):
    monkeypatch.setattr("multimodal.cli.printing._PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert caption(checkpoint, photos, "--json") == 0
    said = capsys.readouterr()
    assert "\r3 of 3 pictures, " in said.err
    assert said.err.endswith("\r\x1b[K")
    assert len(json.loads(said.out)) == 3


def test_a_reader_that_goes_away_gets_no_complaint(checkpoint, photos, capsys, monkeypatch):
    def gone(text):
        raise BrokenPipeError(32, "Broken pipe")

    closed = []
    monkeypatch.setattr(sys.stdout, "write", gone)
    monkeypatch.setattr(sys.stdout, "fileno", lambda: -1)
    monkeypatch.setattr("multimodal.cli.inference.os.dup2", lambda *files: closed.append(files))
    assert caption(checkpoint, photos) == 1
    assert closed[0][1] == -1
    assert capsys.readouterr().err == ""


def test_the_help_shows_examples_and_imports_nothing_heavy():
    program = (
        "import sys\n"
        "from multimodal.cli.inference import run\n"
        "try:\n    run(['caption', '--help'])\n"
        "except SystemExit as stop:\n"
        "    heavy = {'torch', 'numpy', 'PIL', 'lightning'} & set(sys.modules)\n"
        "    print(stop.code, sorted(heavy))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("0 []\n")
    assert "multimodal caption best.ckpt holiday/" in done.stdout
