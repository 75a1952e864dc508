"""The guide docs/add_a_data_set.md, followed to the letter in a copy of the package."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "add_a_data_set.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
BLOCKS = [(language, dedent(text)) for language, text in BLOCK.findall(GUIDE)]
OWN, MODULE, ROW, TEST = (text for language, text in BLOCKS if language == "python")
(SAMPLE,) = (text for language, text in BLOCKS if not language)
COMMANDS = [line for language, text in BLOCKS if language == "bash" for line in text.splitlines()]
QUIET = ["--trainer.enable_progress_bar", "false"]


def run(line, folder):
    """Run a line of the guide in a folder that has the package or is beside it."""
    words = [word for word in shlex.split(line) if not word.startswith("PYTHONPATH=")]
    more = QUIET if words[0] == "multimodal" else []
    done = subprocess.run(
        [sys.executable, "-m", *words, *more],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def write_sample(folder):
    folder.mkdir(parents=True)
    for split in ("train", "val", "test"):
        (folder / f"{split}.txt").write_text(SAMPLE, encoding="utf-8")


def insert(path, before, text):
    content = path.read_text(encoding="utf-8")
    assert content.count(before) == 1, path
    path.write_text(content.replace(before, text + before), encoding="utf-8")


@pytest.mark.slow
def test_a_reader_of_ones_own_is_named_by_its_import_path(tmp_path):
    (tmp_path / "my_headlines.py").write_text(OWN, encoding="utf-8")
    write_sample(tmp_path / "headlines")
    run(COMMANDS[0], tmp_path)


@pytest.mark.slow
def test_a_reader_is_added_to_the_package_as_the_guide_says(tmp_path):
    unneeded = shutil.ignore_patterns("__pycache__", "pretrained")
    for name in ("multimodal", "data", "tests/data", "tests/fixtures"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=unneeded)
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    readers, tests = tmp_path / "multimodal/data/readers", tmp_path / "tests/data/readers"
    (readers / "headlines.py").write_text(MODULE, encoding="utf-8")
    imports = "from multimodal.data.readers.headlines import read_headlines\n"
    insert(readers / "__init__.py", "from multimodal.data.readers.idx import", imports)
    insert(readers / "__init__.py", '    "read_image_folder",\n', '    "read_headlines",\n')
    source = tmp_path / "multimodal/data/text_source.py"
    insert(source, "    read_imdb,\n    read", "    read_headlines,\n")
    insert(source, '    "text": read_plain_text,\n', f"    {ROW.strip()}\n")
    write_sample(tmp_path / "data/samples/headlines")
    row = '    "headlines": readers.read_headlines,\n'
    assert row.strip(" ,\n") in GUIDE
    insert(tests / "test_every_reader.py", '    "verse.txt": readers', row)
    (tests / "test_headlines.py").write_text(TEST, encoding="utf-8")
    for line in COMMANDS[1:]:
        run(line, tmp_path)
