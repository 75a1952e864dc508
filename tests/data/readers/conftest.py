import shutil
from pathlib import Path

import pytest


@pytest.fixture
def root(request, tmp_path) -> Path:
    """A copy of the test module's SAMPLE that a test may change."""
    sample = request.module.SAMPLE
    return Path(shutil.copytree(sample, tmp_path / sample.name))
