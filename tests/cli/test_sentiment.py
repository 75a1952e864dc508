import json
import re
import sys

import pytest
from PIL import Image
from tiny_critic import MAX_WORDS, save

from multimodal.cli.inference import run
from multimodal.cli.main import main
from multimodal.sentiment.result import Sentiment

GOOD, BAD = "The film is great!", "The plot is not fun."


@pytest.fixture(scope="module")
def critic(tmp_path_factory):
    """A checkpoint of a judge of a few words."""
    return save(tmp_path_factory.mktemp("model") / "critic.ckpt")


@pytest.fixture(scope="module")
def stars(tmp_path_factory):
    """A checkpoint of one that gives numbers."""
    return save(tmp_path_factory.mktemp("model") / "stars.ckpt", target="number")


def classify(*arguments):
    return run(["sentiment", *map(str, arguments), "--device", "cpu"])


def objects(capsys):
    """The output, every line of which must be whole."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_results_are_a_table(critic, capsys):
    assert classify(critic, GOOD, BAD) == 0
    printed = capsys.readouterr()
    header, *rows = printed.out.splitlines()
    assert header.split() == ["label", "probability", "text"]
    assert [row.split()[0] for row in rows] == ["positive", "negative"]
    assert [row[header.index("text") :] for row in rows] == [GOOD, BAD]
    assert all(50 < float(row.split()[1]) <= 100 for row in rows)
    assert printed.err == ""


def test_numbers_have_no_probability(stars, capsys):
    assert classify(stars, GOOD, BAD) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["value", "text"]
    assert [float(row.split()[0]) for row in rows] == pytest.approx([4, 2.5], abs=0.3)


def test_json_is_an_object_a_line(critic, capsys):
    assert classify(critic, GOOD, "The gnu is bad", "--json") == 0
    good, bad = objects(capsys)
    assert good.keys() == {
        *("text", "label", "probability", "probabilities", "unknown_words", "cut")
    }
    assert (good["text"], good["label"], good["cut"]) == (GOOD, "positive", False)
    assert good["probability"] == good["probabilities"]["positive"] > 0.5
    assert bad["unknown_words"] == ["gnu"]


def test_json_of_numbers_has_the_value(stars, capsys):
    assert classify(stars, GOOD, "--json", "--explain") == 0
    (values,) = objects(capsys)
    assert values.keys() == {*("text", "value", "unknown_words", "cut", "tokens", "contributions")}
    assert values["value"] == pytest.approx(4, abs=0.3)


def test_json_has_contributions_with_explain(critic, capsys):
    assert classify(critic, GOOD, "--json", "--explain") == 0
    (values,) = objects(capsys)
    assert values["tokens"] == ["the", "film", "is", "great"]
    assert max(values["contributions"]) == values["contributions"][3]


def test_standard_input_is_classified_line_by_line(critic, typed, capsys):
    typed(f"\ufeff{GOOD}\r\n\r\n  {BAD}".encode())
    assert classify(critic, "-", "--json") == 0
    good, bad = objects(capsys)
    assert (good["file"], good["line"], good["label"]) == ("standard input", 1, "positive")
    assert (bad["text"], bad["line"], bad["label"]) == (BAD, 3, "negative")


def test_files_are_classified_line_by_line_after_the_texts(critic, tmp_path, capsys):
    for name, text in (("a.txt", GOOD), ("b.txt", BAD)):
        (tmp_path / name).write_text(f"{text}\n" * 40)
    files = ["--file", tmp_path / "a.txt", "--file", tmp_path / "b.txt"]
    assert classify(critic, BAD, *files, "--json", "--batch-size", 7) == 0
    found = objects(capsys)
    labels = [values["label"] for values in found]
    assert labels == ["negative", *["positive"] * 40, *["negative"] * 40]
    assert found[41]["file"] == str(tmp_path / "b.txt")
    assert [values.get("line") for values in found] == [None, *range(1, 41), *range(1, 41)]


def test_an_endless_pipe_is_classified_while_it_is_written(critic, capsys, monkeypatch):
    def endless():
        yield GOOD.encode()
        yield BAD.encode()
        while True:
            assert "negative" in capsys.readouterr().out
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", type("Pipe", (), {"isatty": bool, "buffer": endless()}))
    with pytest.raises(KeyboardInterrupt):
        classify(critic, "-", "--batch-size", 1)


def test_each_typed_line_gets_an_answer_at_once(critic, capsys, monkeypatch):
    def by_hand():
        yield GOOD.encode()
        assert "positive" in capsys.readouterr().out
        yield BAD.encode()

    keyboard = type("Keyboard", (), {"isatty": lambda: True, "buffer": by_hand()})
    monkeypatch.setattr(sys, "stdin", keyboard)
    assert classify(critic, "-") == 0


@pytest.mark.parametrize("content", [b"", b" \n\n"])
def test_standard_input_without_a_text_is_a_sentence(content, critic, typed, capsys):
    typed(content)
    assert main(["sentiment", str(critic), "-"]) == 1
    printed = capsys.readouterr().err
    assert printed == "multimodal: Standard input holds no text. Write some there, one a line.\n"


def test_a_line_in_another_encoding_is_named_and_the_others_are_classified(
    critic, tmp_path, capsys
):
    (tmp_path / "some.txt").write_bytes(f"{GOOD}\n".encode() + b"sch\xf6n\n" + BAD.encode())
    assert classify(critic, "--file", tmp_path / "some.txt", "--json") == 1
    printed = capsys.readouterr()
    good, bad, last = map(json.loads, printed.out.splitlines())
    assert (good["label"], last["label"]) == ("positive", "negative")
    assert bad == {
        "file": str(tmp_path / "some.txt"),
        "line": 2,
        "text": "",
        "error": "This is not text in UTF-8. Save the texts so.",
    }
    assert printed.err.startswith(
        f"multimodal: {tmp_path / 'some.txt'}, line 2: This is not text in"
    )


@pytest.mark.parametrize("text", ["", "  ", "?!", "\u200b"])
def test_an_empty_text_is_a_sentence_and_code_1_and_does_not_stop_the_others(text, critic, capsys):
    assert classify(critic, text, GOOD) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("multimodal: A text has no word in it: ")
    assert printed.err.count("\n") == 1
    assert len(printed.out.splitlines()) == 2


def test_an_empty_line_of_a_file_is_named_by_its_number(critic, tmp_path, capsys):
    (tmp_path / "some.txt").write_text(f"{GOOD}\n?!\n")
    assert classify(critic, "--file", tmp_path / "some.txt") == 1
    assert f"{tmp_path / 'some.txt'}, line 2: A text has no word" in capsys.readouterr().err


def test_unknown_words_are_named_and_the_text_is_classified(critic, capsys):
    assert classify(critic, "The gnu and the zebra", "Quo vadis", GOOD) == 0
    printed = capsys.readouterr()
    assert printed.err == (
        "multimodal: The model never saw the words gnu, and, zebra.\n"
        "multimodal: The model never saw any of the words quo, vadis.\n"
    )
    assert len(printed.out.splitlines()) == 4


def test_a_long_text_is_cut_with_a_note(critic, capsys):
    assert classify(critic, "the film is great " * 100_000, "--json") == 0
    printed = capsys.readouterr()
    assert printed.err == f"multimodal: The text is longer than the {MAX_WORDS} words it read.\n"
    assert json.loads(printed.out)["cut"]


def test_of_a_file_the_notes_are_counted(critic, tmp_path, capsys):
    long = "the film is great " * 9
    (tmp_path / "some.txt").write_text(f"{GOOD}\nthe gnu\n{long}\na zebra\n")
    assert classify(critic, "--file", tmp_path / "some.txt") == 0
    assert capsys.readouterr().err == (
        "multimodal: 2 of 4 texts have words that the model never saw; --json says which.\n"
        "multimodal: 1 of 4 texts are longer than the model reads, and were read in part; --json "
        "says which.\n"
    )


def test_many_unknown_words_are_not_all_named():
    words = tuple(f"w{number}" for number in range(1200))
    printed = Sentiment("good", 0.5, {}, tokens=("a", *words), unknown_words=words).note
    assert printed.endswith("w8, w9 and 1,190 more.")
    assert Sentiment("good", 0.5, {}, tokens=("a",)).note == ""


def test_a_terminal_gets_coloured_words(critic, capsys, terminal):
    terminal(80)
    assert classify(critic, BAD, "--explain") == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.endswith("text (blue supports the label, orange opposes it)")
    assert re.search(r"\x1b\[48;5;\d+;38;5;\d+mnot\x1b\[0m", row)
    assert re.sub(r"\x1b\[[\d;]*m", "", row).endswith("the plot is not fun")


def test_a_pipe_gets_numbers_and_a_terminal_that_wants_no_colour_too(
    critic, capsys, terminal, monkeypatch
):
    assert classify(critic, BAD, "--explain") == 0
    plain = capsys.readouterr().out
    assert re.search(r" not\(\+[\d.]+\) fun", plain)
    assert "\x1b" not in plain
    terminal(80)
    monkeypatch.setenv("NO_COLOR", "1")
    assert classify(critic, BAD, "--explain") == 0
    assert capsys.readouterr().out == plain


def test_numbers_are_explained_too(stars, capsys, terminal):
    terminal(80)
    assert classify(stars, "the film is awful", "--explain") == 0
    header, row = capsys.readouterr().out.splitlines()
    assert "(blue supports a higher value, orange opposes it)" in header
    assert "mawful\x1b" in row


def test_a_result_is_drawn(critic, tmp_path, capsys, monkeypatch):
    from multimodal.figures import page

    drawn = []
    save_figure = page.save_figure
    monkeypatch.setattr(
        page,
        "save_figure",
        lambda figure, path, dpi: drawn.append(figure) or save_figure(figure, path, dpi=dpi),
    )
    path = tmp_path / "deep" / "why.png"
    assert classify(critic, "The gnu is great", "--picture", path) == 0
    with Image.open(path) as image:
        assert min(image.size) > 100
    printed = [text.get_text() for text in drawn[0].texts]
    assert re.fullmatch(r"positive, [\d.]+ %", printed[0])
    assert printed[1] == "The model never saw the word gnu."
    assert printed[2:] == [
        "the",
        "gnu",
        "is",
        "great",
        "supports positive",
        "opposes positive",
    ]
    assert "contributions" not in capsys.readouterr().out


def test_a_number_is_drawn(stars, tmp_path):
    assert classify(stars, "the film is great", "--picture", tmp_path / "why.svg") == 0
    assert (tmp_path / "why.svg").is_file()


def test_an_unusable_text_is_not_drawn(critic, tmp_path):
    assert classify(critic, "?!", "--picture", tmp_path / "why.png") == 1
    assert not (tmp_path / "why.png").exists()


def test_a_picture_of_another_kind_is_a_sentence(critic, tmp_path, capsys):
    assert main(["sentiment", str(critic), GOOD, "--picture", str(tmp_path / "why.txt")]) == 1
    assert "A picture is written as .png" in capsys.readouterr().err


def test_the_table_fits_the_terminal(critic, capsys, terminal):
    terminal(50)
    assert classify(critic, "the film is great " * 20, GOOD) == 0
    header, long, short = capsys.readouterr().out.splitlines()
    assert max(map(len, (header, long, short))) <= 50
    assert long.endswith("...")
    assert short.endswith(GOOD)


def test_a_very_narrow_terminal_still_gets_labels(critic, capsys, terminal):
    terminal(5)
    assert classify(critic, GOOD) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith(GOOD)


def test_control_characters_of_texts_are_escaped(critic, tmp_path, capsys):
    path = tmp_path / "labels.ckpt"
    save(path, extra={"labels": ["bad\x1b[2J", "good\x1b[2J"]})
    assert classify(path, "The film\x1b[2J is great\r\n\x07 gn\x1bu") == 0
    assert classify(path, "The film\x1b[2J is great", "--explain") == 0
    printed = capsys.readouterr()
    assert r"good\x1b[2J" in printed.out
    assert "\x1b" not in printed.out + printed.err
    assert "\x07" not in printed.out + printed.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "MODEL and TEXT are missing."),
        (["m.ckpt"], "TEXT is missing, or --file. `multimodal sentiment --help` shows how."),
        (["m.ckpt", "Fun!", "--explian"], "Unknown option --explian. Did you mean --explain?"),
        (["m.ckpt", "Fun!", "--batch-size", "0"], "--batch-size must be a whole number of 1 or"),
        (["m.ckpt", "Fun!", "--precision", "half"], "must be one of float32, bfloat16"),
        (
            ["m.ckpt", __file__],
            f"Expected a text, got the file {__file__}; to read its lines, --file {__file__}.",
        ),
        (["m.ckpt", "a", "b", "--picture", "x.png"], "--picture draws one text, given in quotes."),
        (["m.ckpt", "-", "--picture", "x.png"], "--picture draws one text, given in quotes."),
        (["m.ckpt", "--file", "a.txt", "--picture", "x.png"], "--picture draws one text"),
    ],
)
def test_a_wrong_call_is_a_sentence_and_code_2(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as stop:
        run(["sentiment", *arguments])
    assert stop.value.code == 2
    printed = capsys.readouterr().err
    assert sentence in printed
    assert printed.count("\n") == 1


def test_a_missing_model_or_file_is_a_sentence_and_code_1(critic, capsys):
    assert main(["sentiment", "nothing.ckpt", GOOD]) == 1
    assert main(["sentiment", str(critic), "--file", "nowhere.txt"]) == 1
    printed = capsys.readouterr()
    first, second = printed.err.splitlines()
    assert first.startswith("multimodal: No checkpoint at nothing.ckpt.")
    assert second == "multimodal: No file nowhere.txt. Check the path."
    assert printed.out == ""
