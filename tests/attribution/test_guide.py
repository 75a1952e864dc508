"""The guide docs/add_a_method.md, followed to the letter in a copy of the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^ *```python\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_a_method_is_added_as_the_guide_says(tmp_path):
    guide = (ROOT / "docs" / "add_a_method.md").read_text(encoding="utf-8")
    module, row, test = BLOCK.findall(guide)
    shutil.copytree(ROOT / "multimodal", tmp_path / "multimodal")
    shutil.copytree(ROOT / "tests" / "attribution", tmp_path / "tests" / "attribution")
    shutil.copytree(ROOT / "tests" / "fixtures", tmp_path / "tests" / "fixtures")
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    package, tests = tmp_path / "multimodal" / "attribution", tmp_path / "tests" / "attribution"
    (package / "gradient_times_input.py").write_text(dedent(module), encoding="utf-8")
    (tests / "test_gradient_times_input.py").write_text(dedent(test), encoding="utf-8")
    table = (package / "methods.py").read_text(encoding="utf-8")
    table = table.replace('"occlusion"]', '"occlusion", "gradient_times_input"]', 1)
    table = table.replace("\n)\n\nMETHODS", f"\n    {dedent(row).strip()}\n)\n\nMETHODS", 1)
    (package / "methods.py").write_text(table, encoding="utf-8")
    files = [f"tests/attribution/test_{name}.py" for name in ("methods", "gradient_times_input")]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *files],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert result.returncode == 0, result.stdout[-3000:]
