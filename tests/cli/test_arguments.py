import pytest

from multimodal.cli.arguments import Arguments, whole_number


@pytest.fixture
def parser():
    parser = Arguments("draw", about="Draw.", examples="  multimodal draw KIND\n")
    parser.add_argument("kind", metavar="KIND", choices=["cat", "dog"])
    parser.add_argument("place", metavar="PLACE")
    parser.add_argument("--size", type=whole_number(1), default=3)
    parser.add_argument("--name")
    return parser


def complaint(parser, capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        parser.parse_args(arguments)
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "KIND and PLACE are missing."),
        (["cat"], "PLACE is missing."),
        (["cow", "here"], "KIND must be one of cat, dog, got 'cow'."),
        (["cat", "here", "--sice", "4"], "Unknown option --sice. Did you mean --size?"),
        (["cat", "here", "--sice=4"], "Unknown option --sice. Did you mean --size?"),
        (["cat", "here", "--sixe", "4"], "Unknown option --sixe. Did you mean --size?"),
        (["cat", "here", "--zzz"], "Unknown option --zzz."),
        (["cat", "here", "--size"], "--size expected one argument."),
        (["cat", "here", "--si", "4"], "Unknown option --si. Did you mean --size?"),
        (["cat", "here", "--size", "0"], "--size must be a whole number of 1 or more, got '0'."),
        (
            ["cat", "here", "--size", "2.5"],
            "--size must be a whole number of 1 or more, got '2.5'.",
        ),
        (["cat", "here", "--size", "9" * 5000], "--size must be a whole number of 1 or more, got"),
    ],
)
def test_a_mistake_is_one_sentence_that_points_to_the_help(arguments, sentence, parser, capsys):
    printed = complaint(parser, capsys, *arguments)
    assert printed.startswith(f"multimodal: {sentence}")
    assert printed.endswith(" `multimodal draw --help` shows how.\n")
    assert printed.count("\n") == 1


def test_other_complaints_are_kept_as_a_sentence(parser, capsys):
    with pytest.raises(SystemExit):
        parser.error("something else")
    assert capsys.readouterr().err.startswith("multimodal: Something else. `multimodal draw")


def test_the_help_keeps_the_examples_lines(parser, capsys):
    with pytest.raises(SystemExit) as stop:
        parser.parse_args(["--help"])
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert printed.startswith("usage: multimodal draw")
    assert printed.endswith("examples:\n  multimodal draw KIND\n")


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("007", 7), ("+5", 5)])
def test_whole_numbers_are_read(text, number):
    assert whole_number(1)(text) == number


def test_the_least_number_may_be_nought():
    assert whole_number(0)("0") == 0
