import io
import sys

import pytest


@pytest.fixture
def red(photos):
    return photos / "red.png"


@pytest.fixture
def terminal(monkeypatch):
    """Let standard output be a terminal of so many columns."""

    def pretend(columns):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    return pretend


@pytest.fixture
def typed(monkeypatch):
    """Let standard input hold these bytes."""

    def give(content, *, by_hand=False):
        stdin = io.TextIOWrapper(io.BytesIO(content), "utf-8")
        monkeypatch.setattr(stdin, "isatty", lambda: by_hand, raising=False)
        monkeypatch.setattr(sys, "stdin", stdin)

    return give
