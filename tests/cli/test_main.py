import subprocess
import sys

import pytest

from multimodal.cli import main as command
from multimodal.cli.main import main


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(verb in text for verb in command._VERBS)


def test_no_command_shows_the_help_and_is_a_mistake(capsys):
    assert main([]) == 2
    assert "usage: multimodal COMMAND" in capsys.readouterr().out


def test_the_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("multimodal ")


def test_a_misspelt_command_gets_the_closest_one(capsys):
    assert main(["captoin"]) == 2
    assert "Unknown command 'captoin'. Did you mean 'caption'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [(ValueError("told so"), 1), (OSError("told so"), 1), (KeyboardInterrupt(), 130)],
)
def test_an_error_becomes_a_sentence_and_a_code(error, code, capsys, monkeypatch):
    def fail(arguments):
        raise error

    monkeypatch.setattr(command, "_find", lambda verb: fail)
    assert main(["configs"]) == code
    assert capsys.readouterr().err in ("multimodal: told so\n", "multimodal: Interrupted.\n")


HELP = "from multimodal.cli.main import main; main(['--help'])"


@pytest.mark.parametrize("code", ["import multimodal", HELP])
def test_import_and_help_load_nothing_heavy(code):
    heavy = "{'torch', 'lightning', 'torchvision', 'nltk', 'numpy', 'PIL'}"
    program = f"import sys; {code}; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_the_help_ends_with_how_to_see_a_traceback(capsys, monkeypatch):
    main(["--help"])
    assert "MULTIMODAL_DEBUG=1" in capsys.readouterr().out.strip().splitlines()[-1]

    def fail(arguments):
        raise ValueError("told so")

    monkeypatch.setattr(command, "_find", lambda verb: fail)
    monkeypatch.setenv("MULTIMODAL_DEBUG", "1")
    with pytest.raises(ValueError, match="told so"):
        main(["configs"])


def test_an_error_of_a_worker_is_shown_without_its_traceback(capsys, monkeypatch):
    def fail(arguments):
        raise ValueError(
            "Caught ImageError in DataLoader worker process 0.\nOriginal Traceback (most recent "
            "call last):\n  File ...\nmultimodal.data.images.ImageError: 7.png: is truncated\n"
        )

    monkeypatch.setattr(command, "_find", lambda verb: fail)
    assert main(["configs"]) == 1
    assert capsys.readouterr().err == "multimodal: 7.png: is truncated\n"
