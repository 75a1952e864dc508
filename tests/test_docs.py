"""The guides name only verbs, configurations, extras and files that exist; their Python runs."""

import re
import shlex
import tomllib
from pathlib import Path

import jaxtyping
import pytest
import torch

from multimodal.cli.configs import find_config
from multimodal.cli.main import _VERBS, main

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^( *)```(?:bash|)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_is_one_of_ours(page):
    for _, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in text.splitlines():
            if not line.strip().startswith("multimodal "):
                continue
            _, verb, *rest = shlex.split(line.split("  #")[0])
            assert verb in _VERBS, line
            if "--config" in rest:
                find_config(rest[rest.index("--config") + 1])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_extra_of_a_page_can_be_installed(page):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"'\.\[([^]]+)\]'", page.read_text(encoding="utf-8"))
    extras = {name for list_ in named for name in list_.split(",")}
    assert extras <= set(project["optional-dependencies"])


STARTED = (ROOT / "docs" / "getting_started.md").read_text(encoding="utf-8")
FIRST, SEARCH = re.findall(r"^```python\n(.*?)^```", STARTED, re.DOTALL | re.MULTILINE)


def test_the_python_of_the_first_minute_runs(capsys):
    exec(compile(FIRST, "getting_started.md", "exec"), {})
    caption, answer, verdict = capsys.readouterr().out.splitlines()
    assert (caption, answer, verdict) == ("nothing but a purple circle", "1", "positive")


@pytest.mark.slow
def test_the_python_over_graphs_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # it would fix sizes
    assert main(["export", "captioning-scenes", "graphs", "--onnx"]) == 0
    names = {"images": torch.zeros(2, 3, 64, 64, dtype=torch.uint8)}
    exec(compile(SEARCH, "getting_started.md", "exec"), names)
    assert len(names["found"].tokens) == 2
