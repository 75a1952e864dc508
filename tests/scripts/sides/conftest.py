import importlib

import pytest


@pytest.fixture(scope="module")
def sides(request):
    """The file of scripts/sides that the file of tests is named for."""
    return importlib.import_module(f"sides.{request.path.stem.removeprefix('test_')}")
