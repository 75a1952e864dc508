import pytest

from multimodal.cli.inference import run
from multimodal.cli.verbs import VERBS


@pytest.mark.parametrize("name", VERBS)
def test_the_help_says_what_the_command_does_and_how(name, capsys):
    with pytest.raises(SystemExit):
        run([name, "--help"])
    words = capsys.readouterr().out
    assert VERBS[name].about in " ".join(words.split())
    assert VERBS[name].examples in words
