"""The guide docs/add_a_decoder.md, followed to the letter in a copy of the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"^ *```python\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
COMMANDS = re.compile(r"^ *```bash\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_a_decoder_is_added_as_the_guide_says(tmp_path):
    guide = (ROOT / "docs" / "add_a_decoder.md").read_text(encoding="utf-8")
    module, row, test = BLOCK.findall(guide)
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache", ".git", ".venv", "test_guide.py")
    for folder in ("multimodal", "tests/nn", "tests/captioning", "tests/fixtures"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    package, tests = tmp_path / "multimodal/nn/decoders", tmp_path / "tests/nn/decoders"
    (package / "par_inject.py").write_text(dedent(module), encoding="utf-8")
    (tests / "test_par_inject.py").write_text(dedent(test), encoding="utf-8")
    table = (package / "table.py").read_text(encoding="utf-8")
    imported = "from multimodal.nn.decoders.par_inject import ParInjectDecoder"
    table = table.replace("\nDecoderName", f"{imported}\n\nDecoderName", 1)
    table = table.replace('"up_down"]', '"up_down", "par_inject"]', 1)
    table = table.replace("),\n}", f"),\n    {row.strip()}\n}}", 1)
    (package / "table.py").write_text(table, encoding="utf-8")

    for line in COMMANDS.search(guide)[1].splitlines():
        result = subprocess.run(
            [sys.executable, "-m", *line.split()],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
        assert result.returncode == 0, (result.stdout + result.stderr)[-3000:]
