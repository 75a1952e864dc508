"""The guide docs/add_a_task.md, followed literally in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^```(?:python|yaml|toml)\n(.*?)^```", re.DOTALL | re.MULTILINE)
PATH = re.compile(r"`((?:multimodal|tests)/[\w/]+\.(?:py|yaml))`:\n\n$")
COPIED = ("multimodal", "tests", "docs", "pyproject.toml", "data")


def follow_guide(guide: str, project: Path) -> list[str]:
    """Write the files of the guide into a project, and return its other blocks, in their order."""
    others = []
    for block in FENCE.finditer(guide):
        named = PATH.search(guide[: block.start()])
        if named is None:
            others.append(block[1])
            continue
        path = project / named[1]
        path.parent.mkdir(exist_ok=True)
        path.write_text(block[1], encoding="utf-8")
    return others


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name}: {old}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def add_length(project: Path) -> None:
    """Do what the guide says."""
    guide = (ROOT / "docs" / "add_a_task.md").read_text(encoding="utf-8")
    row, layer, case, kind = follow_guide(guide, project)
    change(project / "multimodal/tasks.py", "\n)\n\nTASKS", f"\n{row})\n\nTASKS")
    line = '    "captioning | vqa | sentiment | classification | language_model",\n'
    change(project / "pyproject.toml", line, layer)
    suite = project / "tests/training/test_task.py"
    change(suite, "\n\nCASES = {", f"\n\n{case}\n\nCASES = {{")
    old = "make for make in (captioning, vqa, sentiment, classification, language_model)"
    change(suite, old, old.replace(" for", "\n    for").replace("model)", "model, length)"))
    suite = project / "tests/inference/test_contract.py"
    change(suite, "import tiny_critic\n", "import tiny_critic\nimport tiny_length\n")
    change(suite, '    "language_model": Kind(', f'{kind}    "language_model": Kind(')


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    for name in COPIED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.png", "golden")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    add_length(folder)
    return folder


def run(project: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-1000:]}"
    return done.stdout


@pytest.mark.slow
def test_the_contract_suites_pass_for_a_task_that_is_added_as_the_guide_says(project):
    suites = ["training/test_task.py", "inference/test_contract.py", "inference/test_options.py"]
    suites += ["length", "test_tasks.py", "test_structure.py"]
    suites += [f"cli/test_{name}.py" for name in ("configs", "inference", "verbs", "lightning")]
    files = [f"tests/{name}" for name in suites]
    chosen = "length or every_task or public or table"
    run(project, "pytest", "-q", "-k", chosen, "-m", "not slow and not gpu", *files)


@pytest.mark.slow
def test_a_task_that_is_added_as_the_guide_says_is_trained_tested_and_used(project):
    quiet = ["--trainer.enable_progress_bar", "false"]
    run(project, "multimodal", "fit", "--config", "smoke_length", *quiet)
    (best,) = project.glob("runs/smoke_length/version_0/checkpoints/best.ckpt")
    config = ["--config", "smoke_length", "--ckpt_path", str(best)]
    assert "test/mean_error" in run(project, "multimodal", "test", *config, *quiet)
    printed = run(project, "multimodal", "length", str(best), "A very good film.")
    assert re.search(r"^ *\d+ +A very good film\.$", printed, re.MULTILINE), printed
    assert "estimate the lengths of texts" in run(project, "multimodal", "--help")


@pytest.mark.slow
def test_the_import_rule_and_the_style_hold_for_the_guides_files(project):
    ruff = ["ruff", "check", "multimodal/length", "tests/length", "tests/fixtures/tiny_length.py"]
    run(project, *ruff)
    run(project, "ruff", "format", "--check", *ruff[2:])
    run(project, "mypy", "multimodal/length")
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    environment = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run([sys.executable, "-c", program], cwd=project, env=environment)
    assert done.returncode == 0
