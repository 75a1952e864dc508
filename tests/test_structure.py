"""What holds for the whole tree."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path.relative_to(ROOT / "multimodal")
    for path in (ROOT / "multimodal").rglob("*.py")
    if path.name != "__init__.py"
)


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_every_source_file_has_its_test_file(source):
    assert (ROOT / "tests" / source.parent / f"test_{source.name}").is_file()


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_no_source_file_is_longer_than_400_lines(source):
    lines = (ROOT / "multimodal" / source).read_text(encoding="utf-8").count("\n")
    assert lines <= 400


def test_a_package_is_more_than_its_subfolders_names():
    for path in (ROOT / "multimodal").rglob("__init__.py"):
        assert path.read_text(encoding="utf-8").startswith('"""')


@pytest.mark.parametrize("name", ["quickstart", "test"])
def test_the_two_commands_can_be_run(name):
    assert (ROOT / "scripts" / name).stat().st_mode & 0o111
