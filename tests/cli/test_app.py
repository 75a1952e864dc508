from types import SimpleNamespace

import pytest
import tiny_critic

from multimodal.cli import app
from multimodal.cli.app import run
from multimodal.cli.main import main


@pytest.fixture
def served(monkeypatch):
    """Serves nothing, and keeps what would have been."""
    kept = SimpleNamespace(replies=None, port=None)
    from multimodal.app import server

    def serve(replies, port):
        kept.replies, kept.port = replies, port

    monkeypatch.setattr(server, "serve", serve)
    monkeypatch.setattr(app, "find_spec", lambda name: object())
    return kept


def test_models_are_opened_and_the_address_is_printed(served, tmp_path, capsys):
    critic = tiny_critic.save(tmp_path / "critic.ckpt")
    others = [f"--{task}=nowhere.ckpt" for task in ("captioning", "vqa", "classification")]
    assert run(["--sentiment", str(critic), *others, "--port", "0", "--device", "cpu"]) == 0
    printed = capsys.readouterr()
    assert f"The page is at http://127.0.0.1:{served.port} (Ctrl-C ends it)." in printed.out
    assert served.replies.sentiment("the film is good").text.startswith("positive")
    assert len(printed.err.splitlines()) == 3
    assert "multimodal: No model for captions: " in printed.err


def test_without_gradio_it_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(app, "find_spec", lambda name: None)
    assert main(["app"]) == 1
    assert "Run `pip install -e '.[app]'`" in capsys.readouterr().err


def test_a_wrong_port_leaves_with_2(capsys):
    with pytest.raises(SystemExit) as exit_:
        run(["--port", "many"])
    assert exit_.value.code == 2
    assert "--port must be a whole number of 0 or more" in capsys.readouterr().err


def test_help_names_the_models_that_ship(capsys):
    with pytest.raises(SystemExit) as exit_:
        run(["--help"])
    assert exit_.value.code == 0
    output = " ".join(capsys.readouterr().out.split())
    for name in ("captioning-scenes", "vqa-scenes", "sentiment-reviews", "classification-digits"):
        assert f"(default: {name})" in output
