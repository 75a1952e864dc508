"""What holds for the whole tree."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE, TESTS = ROOT / "multimodal", ROOT / "tests"
FOLDERS = sorted({path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")})
NOT_MIRRORED = {"fixtures", "golden", "scripts"}  # what tests need, and tests of scripts/


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_every_folder_of_the_package_has_a_folder_of_tests(folder):
    assert list((TESTS / folder).glob("test_*.py"))


def test_every_folder_of_tests_belongs_to_a_folder_of_the_package():
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    assert {each for each in folders - set(FOLDERS) if each.parts[0] not in NOT_MIRRORED} == set()


def test_a_package_is_more_than_its_subfolders_names():
    for path in (ROOT / "multimodal").rglob("__init__.py"):
        assert path.read_text(encoding="utf-8").startswith('"""')


@pytest.mark.parametrize("name", ["quickstart", "test"])
def test_the_two_commands_can_be_run(name):
    assert (ROOT / "scripts" / name).stat().st_mode & 0o111
