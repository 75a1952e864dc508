import json
import zipfile
from pathlib import Path

import pytest
import tiny_answerer
from PIL import Image
from tiny_answerer import QUESTIONS, WHAT, right_answer
from tiny_captioner import COLOURS, picture

from multimodal.cli.inference import run
from multimodal.cli.main import main

NAMES = sorted(COLOURS)


@pytest.fixture(scope="module")
def answerer(tmp_path_factory):
    """A checkpoint of an answerer that knows three colours."""
    return tiny_answerer.save(tmp_path_factory.mktemp("model") / "answers.ckpt")


def ask(*arguments):
    return run(["ask", *map(str, arguments), "--device", "cpu"])


def test_answers_are_listed_below_their_question_the_likeliest_first(answerer, red, capsys):
    assert ask(answerer, red, WHAT, "Is it blue?") == 0
    printed = capsys.readouterr()
    header, *rows = printed.out.splitlines()
    assert header.split() == ["question", "probability", "answer"]
    assert [row[: header.index("probability")].strip() for row in rows] == [
        *(WHAT, "", ""),
        *("Is it blue?", "", ""),
    ]
    found = [row[header.index("answer") :] for row in rows]
    assert (found[0], found[3]) == ("red", "no")
    shares = [float(row.split(" %")[0].split()[-1]) for row in rows]
    assert shares[:3] == sorted(shares[:3], reverse=True)
    assert printed.err == ""


@pytest.mark.parametrize(("top", "rows"), [(1, 1), (2, 2), (99, 5)])
def test_top_sets_the_number_of_answers(top, rows, answerer, red, capsys):
    assert ask(answerer, red, WHAT, "--top", top) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + rows


def test_every_picture_of_a_folder_gets_the_same_questions(answerer, photos, capsys):
    assert ask(answerer, photos, *QUESTIONS, "--top", 1) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["image", "question", "probability", "answer"]
    start = header.index("answer")
    expected = [right_answer(question, name) for name in NAMES for question in QUESTIONS]
    assert [row[start:] for row in rows] == expected
    assert [Path(row.split()[0]).stem for row in rows] == [n for n in NAMES for _ in QUESTIONS]


def test_pictures_of_a_zip_archive_get_answers(answerer, photos, tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        for path in sorted(photos.iterdir()):
            archive.write(path, f"deep/{path.name}")
    assert ask(answerer, tmp_path / "more.zip", WHAT, "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert [value["answer"] for value in values] == NAMES
    assert values[0]["image"].endswith("more.zip/deep/blue.png")


def test_json_is_an_array_with_an_object_a_line(answerer, photos, capsys):
    assert ask(answerer, photos, WHAT, "Is it pink?", "--top", 2, "--json") == 0
    printed = capsys.readouterr()
    values = json.loads(printed.out)
    assert [value["answer"] for value in values[::2]] == NAMES
    assert [value["question"] for value in values] == [WHAT, "Is it pink?"] * 3
    for value in values:
        assert value.keys() == {
            *("image", "question", "answer", "probability", "alternatives", "unknown_words")
        }
        (other,) = value["alternatives"]
        assert 1 >= value["probability"] >= other["probability"] >= 0
    assert [value["unknown_words"] for value in values[:2]] == [[], ["pink"]]
    first, *objects, last = printed.out.splitlines()
    assert (first, last) == ("[", "]")
    assert [json.loads(line.rstrip(",")) for line in objects] == values


def test_standard_input_holds_a_question_a_line(answerer, red, typed, capsys):
    typed("\ufeffIs it red?\r\n\r\n  Is it blue?  \nWhat colour is the picture?".encode())
    assert ask(answerer, red, "-", "Is it green?", "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert [value["question"] for value in values] == [
        *("Is it red?", "Is it blue?", WHAT, "Is it green?")
    ]
    assert [value["answer"] for value in values] == ["yes", "no", "red", "no"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Standard input holds no question. Write some there, one a line."),
        (b" \n\n", "Standard input holds no question."),
        (b"Welche Farbe hat das gr\xfcne?", "Standard input is not text in UTF-8."),
    ],
)
def test_standard_input_without_a_question_is_a_sentence(
    content, sentence, answerer, typed, capsys
):
    typed(content)
    assert main(["ask", str(answerer), "red.png", "-"]) == 1
    assert capsys.readouterr().err.startswith(f"multimodal: {sentence}")


def test_unknown_words_are_named_once_and_the_question_is_answered(answerer, photos, capsys):
    assert ask(answerer, photos, "Is it a gnu or a zebra?", WHAT, "--top", 1) == 0
    printed = capsys.readouterr()
    assert printed.err == (
        "multimodal: The model never saw the words a, gnu, or, zebra. "
        "It answered 'Is it a gnu or a zebra?' all the same.\n"
    )
    assert len(printed.out.splitlines()) == 7


@pytest.mark.parametrize("question", ["", "  ", "?!"])
def test_an_empty_question_is_a_sentence_and_code_1(question, answerer, photos, capsys):
    assert ask(answerer, photos, question) == 1
    printed = capsys.readouterr()
    assert printed.err == (
        f"multimodal: A question has no word in it: {question!r}. Ask something, such as 'What "
        "colour is it?'.\n"
    )
    assert printed.out == ""


def test_an_empty_question_does_not_stop_the_others(answerer, red, capsys):
    assert ask(answerer, red, "", WHAT, "--json") == 1
    empty, answered = json.loads(capsys.readouterr().out)
    assert empty.keys() == {"image", "question", "error"}
    assert "has no word in it" in empty["error"]
    assert answered["answer"] == "red"


def test_a_missing_picture_is_named(answerer, photos, capsys):
    assert ask(answerer, photos / "nowhere.png", *QUESTIONS) == 1
    printed = capsys.readouterr()
    assert printed.err == f"multimodal: No picture {photos / 'nowhere.png'}. Check the path.\n"
    assert printed.out == ""


def test_a_bad_picture_is_named_once_and_the_others_get_answers(answerer, photos, capsys):
    (photos / "green.png").write_bytes(b"not a picture")
    assert ask(answerer, photos, *QUESTIONS, "--top", 1) == 1
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "green.png is not a picture" in printed.err
    assert len(printed.out.splitlines()) == 1 + 2 * len(QUESTIONS)


def test_a_folder_without_pictures_is_named(answerer, tmp_path, capsys):
    assert ask(answerer, tmp_path, WHAT, "--json") == 1
    printed = capsys.readouterr()
    assert f"{tmp_path} has no pictures in it" in printed.err
    assert json.loads(printed.out) == []


def test_pictures_are_drawn_and_named_by_number_picture_and_question(
    answerer, photos, tmp_path, capsys, monkeypatch
):
    from multimodal.figures import page

    drawn = []
    save = page.save_figure
    monkeypatch.setattr(
        page, "save_figure", lambda figure, path: drawn.append(figure) or save(figure, path)
    )
    (photos / "blue.png").write_bytes(b"")
    folder = tmp_path / "looked" / "deep"
    assert ask(answerer, photos, "?", "Is it grün?" * 9, "--pictures", folder) == 1
    assert [path.name for path in sorted(folder.iterdir())] == [
        "4-green-is-it-grün-is-it-grün-is-it-grün-is-it-grün.png",
        "6-red-is-it-grün-is-it-grün-is-it-grün-is-it-grün-is.png",
    ]
    for path in folder.iterdir():
        with Image.open(path) as image:
            assert min(image.size) > 300
    texts = [text.get_text() for text in drawn[1].texts]
    assert "The model never saw the word grün." in texts
    assert sum(text.endswith(" %") for text in texts) == 3


def test_a_folder_that_cannot_be_made_is_a_sentence(answerer, red, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "looked"
    assert main(["ask", str(answerer), str(red), WHAT, "--pictures", str(folder)]) == 1
    assert capsys.readouterr().err.startswith(f"multimodal: Could not write {folder}")


def test_the_table_fits_the_terminal(answerer, photos, capsys, terminal):
    terminal(60)
    assert ask(answerer, photos, WHAT, "Is it red or is it blue or is it green or what is it?") == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert max(map(len, rows)) <= 60
    assert rows[0].startswith("...")
    assert "blue.png " in rows[0]
    start, end = header.index("question"), header.index("probability")
    joined = " ".join(" ".join(row[start:end] for row in rows).split())
    asked = f"{WHAT} Is it red or is it blue or is it green or what is it?"
    assert joined == " ".join([asked] * 3)


def test_a_very_narrow_terminal_still_gets_answers(answerer, red, capsys, terminal):
    terminal(10)
    assert ask(answerer, red, WHAT) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith("red")


def test_control_characters_of_names_and_questions_are_escaped(answerer, tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a\x1b[2J.png", "b.png"):
        picture("red").save(folder / name)
    assert ask(answerer, folder, "Is it\x1b[2J red?") == 0
    printed = capsys.readouterr()
    assert r"a\x1b[2J.png" in printed.out
    assert "\x1b" not in printed.out + printed.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "MODEL, IMAGE and QUESTION are missing."),
        (["m.ckpt", "a.png"], "QUESTION is missing."),
        (["m.ckpt", "a.png", "Why?", "--tpo", "3"], "Unknown option --tpo. Did you mean --top?"),
        (["m.ckpt", "a.png", "Why?", "--top", "0"], "--top must be a whole number of 1 or more"),
        (["m.ckpt", "a.png", "Why?", "--precision", "half"], "must be one of float32, bfloat16"),
        (
            ["m.ckpt", "a.png", "what", "colour", "is", "it?"],
            'A question stands in quotes: "what colour is it?". `multimodal ask --help` shows how.',
        ),
        (["m.ckpt", "a.png", "Why?", __file__], f"Expected a question, got the file {__file__}; "),
        (["m.ckpt", "What is it?", __file__], "give one picture, or a folder of several, and then"),
        (
            ["m.ckpt", "a.png", "Why?", "--pictures", __file__],
            f"--pictures must be a folder, got the file {__file__}.",
        ),
    ],
)
def test_a_wrong_call_is_a_sentence_and_code_2(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as stop:
        run(["ask", *arguments])
    assert stop.value.code == 2
    printed = capsys.readouterr().err
    assert sentence in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize("questions", [["Why?"], ["Why"], ["Why?", "Where?"], ["Why", "Is it?"]])
def test_short_questions_are_questions(questions, answerer, red, capsys):
    assert ask(answerer, red, *questions, "--top", 1) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(questions)


def test_a_missing_model_is_a_sentence_and_code_1(red, capsys):
    assert main(["ask", "nothing.ckpt", str(red), WHAT]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("multimodal: No checkpoint at nothing.ckpt.")
    assert printed.out == ""


def test_a_folder_in_the_models_place_is_refused(photos, capsys):
    assert main(["ask", str(photos), str(photos / "red.png"), WHAT]) == 1
    assert f"{photos} is a folder. Give the .ckpt file" in capsys.readouterr().err
