import subprocess
import sys

import pytest

from multimodal.tasks import TASKS, public_names


@pytest.mark.parametrize("row", TASKS.values(), ids=TASKS)
@pytest.mark.parametrize("part", ["module", "data", "settings", "predictor"])
def test_a_row_names_classes_that_are_there(row, part):
    loaded = row.load(part)
    assert loaded.__name__ == getattr(row, part)
    assert loaded.__module__.startswith(f"multimodal.{row.name}.")


def test_public_names_are_those_of_the_modules():
    import multimodal

    for name in public_names():
        assert getattr(multimodal, name).__name__ == name
    assert set(multimodal.__all__) <= set(dir(multimodal))
    assert set(public_names()) < set(dir(multimodal))


def test_the_table_needs_no_torch():
    program = "import sys, multimodal.tasks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
