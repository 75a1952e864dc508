import json

import pytest
from tiny_writer import TEXT, save

from multimodal.cli.inference import run


@pytest.fixture(scope="module")
def poet(tmp_path_factory):
    """A checkpoint of a model that knows two lines by heart."""
    return save(tmp_path_factory.mktemp("model") / "poet.ckpt")


def write(*arguments):
    return run(["write", *map(str, arguments), "--device", "cpu"])


@pytest.mark.parametrize("prompt", ["", "roses", "roses are red"])
def test_the_text_goes_on_where_the_prompt_ends(prompt, poet, capsys):
    assert write(poet, prompt, "--temperature", 0) == 0
    printed = capsys.readouterr()
    assert printed.out == TEXT + "\n"
    assert printed.err == ""


def test_characters_are_written_too(tmp_path, capsys):
    path = save(tmp_path / "letters.ckpt", level="characters")
    assert write(path, "roses ar", "--temperature", 0) == 0
    assert capsys.readouterr().out == TEXT + "\n"


def test_a_seed_repeats_a_text(poet, capsys):
    hot = ("--temperature", 9, "--seed", 3, "--count", 3)
    assert write(poet, "roses", *hot) == write(poet, "roses", *hot) == 0
    texts = capsys.readouterr().out
    assert texts[: len(texts) // 2] == texts[len(texts) // 2 :]


def test_several_texts_are_separated_by_an_empty_line(poet, capsys):
    assert write(poet, "roses", "--count", 2, "--temperature", 0) == 0
    assert capsys.readouterr().out == f"{TEXT}\n\n{TEXT}\n"


def test_json_is_an_object_a_line_with_the_seed_that_repeats_it(poet, capsys):
    options = ("--temperature", 5, "--top-k", 5, "--top-p", 0.9, "--max-length", 4, "--json")
    assert write(poet, "roses gnu", *options, "--count", 2) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(found) == 2
    for values in found:
        assert values.keys() == {"text", "prompt", "seed", "log_prob", "ended", "unknown"}
        assert values["text"].startswith("roses gnu")
        assert values["unknown"] == ["gnu"]
    again = ("--seed", found[0]["seed"], "--count", 2)
    assert write(poet, "roses gnu", *options, *again) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == found


def test_unknown_words_are_named_once(poet, capsys):
    assert write(poet, "roses gnu", "--count", 3) == 0
    assert capsys.readouterr().err == "multimodal: The model never saw gnu.\n"


def test_a_prompt_that_is_too_long_gets_a_note(poet, capsys):
    assert write(poet, "roses are " * 2_000) == 0
    assert capsys.readouterr().err == "multimodal: Of the long prompt it read the end.\n"


def test_control_characters_of_a_prompt_are_escaped(poet, capsys):
    assert write(poet, "roses\x1b[2J gn\x1bu") == 0
    printed = capsys.readouterr()
    assert "\x1b" not in printed.out + printed.err
    assert r"roses\x1b[2J" in printed.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "MODEL and PROMPT are missing."),
        (["m.ckpt"], "PROMPT is missing."),
        (["m.ckpt", "", "--temprature", "1"], "Unknown option --temprature. Did you mean --temper"),
        (["m.ckpt", "", "--temperature", "-1"], "--temperature must be a number, 0 or more, got '"),
        (["m.ckpt", "", "--temperature", "inf"], "must be a number, 0 or more, got 'inf'"),
        (["m.ckpt", "", "--temperature", "nan"], "must be a number, 0 or more, got 'nan'"),
        (["m.ckpt", "", "--temperature", "hot"], "must be a number, 0 or more, got 'hot'"),
        (
            ["m.ckpt", "", "--top-p", "2"],
            "--top-p must be a number, above 0 and at most 1, got '2'",
        ),
        (["m.ckpt", "", "--top-k", "-1"], "--top-k must be a whole number of 0 or more, got '-1'"),
        (["m.ckpt", "", "--seed", "x"], "--seed must be a whole number of 0 or more, got 'x'"),
        (["m.ckpt", "", "--max-length", "0"], "--max-length must be a whole number of 1 or more"),
        (["m.ckpt", "", "--count", "0"], "--count must be a whole number of 1 or more, got '0'"),
        (
            ["m.ckpt", "the", "film"],
            'A prompt stands in quotes: "the film". `multimodal write --help',
        ),
    ],
)
def test_a_wrong_call_is_a_sentence_and_code_2(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as stop:
        run(["write", *arguments])
    assert stop.value.code == 2
    printed = capsys.readouterr().err
    assert sentence in printed
    assert printed.count("\n") == 1
