import runpy
from pathlib import Path

import pytest
from PIL import Image
from tiny_critic import save

SCRIPT = Path(__file__).parents[2] / "scripts" / "demo_sentiment.py"


@pytest.fixture(scope="module")
def demo():
    return runpy.run_path(str(SCRIPT))["main"]


@pytest.fixture(scope="module")
def critic(tmp_path_factory):
    """A checkpoint of a judge of a few words."""
    return str(save(tmp_path_factory.mktemp("model") / "critic.ckpt"))


def test_the_demo_prints_the_verdict_and_why_and_draws_it(demo, critic, tmp_path, capsys):
    output = tmp_path / "drawn" / "why.png"
    assert demo([critic, "The film is great", "--output", str(output)]) == 0
    first, second, words, drawn = capsys.readouterr().out.splitlines()
    assert first.endswith(" %  positive")
    assert second.endswith(" %  negative")
    assert float(first.split()[0]) > float(second.split()[0])
    assert words.startswith("the")
    assert "great(+" in words
    assert drawn == f"Drawn to {output}"
    with Image.open(output) as image:
        assert min(image.size) > 100


def test_a_review_is_written_where_no_text_is_at_hand(demo, critic, tmp_path, capsys):
    output = tmp_path / "why.svg"
    assert demo([critic, "review:3", "--output", str(output)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("The review is ")
    assert "The model never saw" in said
    assert output.is_file()


def test_a_number_is_printed_in_place_of_labels(demo, tmp_path, capsys):
    path = str(save(tmp_path / "stars.ckpt", target="number"))
    assert demo([path, "The film is great", "--output", str(tmp_path / "x.png")]) == 0
    assert float(capsys.readouterr().out.splitlines()[0]) == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["?!"], "A text has no word in it: '?!'. Write something"),
        (["fun", "--output", "x.txt"], "A picture is written as .png"),
    ],
)
def test_a_mistake_is_a_sentence_and_code_1(arguments, sentence, demo, critic, capsys):
    assert demo([critic, *arguments]) == 1
    assert f"demo_sentiment: {sentence}" in capsys.readouterr().err


def test_a_missing_model_is_named(demo, tmp_path, capsys):
    assert demo([str(tmp_path / "nothing.ckpt"), "fun"]) == 1
    assert "demo_sentiment: No checkpoint at" in capsys.readouterr().err


def test_a_captioner_is_refused(demo, checkpoint, capsys):
    assert demo([str(checkpoint), "fun"]) == 1
    assert "best.ckpt is a checkpoint of the task 'captioning'" in capsys.readouterr().err


def test_the_help_says_how_to_do_without_a_text(demo, capsys):
    with pytest.raises(SystemExit):
        demo(["--help"])
    assert "review:INDEX" in capsys.readouterr().out
