"""The guides name only verbs, configurations, options and files that exist."""

import re
import shlex
from pathlib import Path

import pytest

from multimodal.cli.configs import find_config
from multimodal.cli.main import _VERBS

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").rglob("*.md"))
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
