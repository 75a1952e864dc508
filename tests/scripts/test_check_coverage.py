import check_coverage
import pytest
from check_coverage import File

FILES = [File("nn/good.py", 180, 0, ""), File("nn/bad.py", 20, 11, "3-12, 15")]


def test_a_part_below_the_floor_names_its_files_below_it():
    assert check_coverage.find_gaps("nn", FILES) == (
        "Tests run 94.5% of the lines of nn, 95% are expected. Add tests for nn/bad.py "
        "(45%, not 3-12, 15)."
    )


@pytest.mark.parametrize("files", [[], FILES[:1], [FILES[0], FILES[1]._replace(missing=10)]])
def test_a_part_at_the_floor_or_above_is_fine(files):
    assert check_coverage.find_gaps("nn", files) == ""


def test_every_part_has_files():
    root = check_coverage.Path(check_coverage.__file__).parents[1]
    assert all(list(root.glob(part)) for part in check_coverage.PARTS)


@pytest.mark.parametrize(("share", "code"), [(0.0, 1), (1.0, 0)])
def test_the_measurement_is_read_and_the_exit_code_says_whether_it_suffices(
    share, code, monkeypatch, capsys
):
    class Measured:
        def __init__(self, **_):
            pass

        def load(self):
            pass

        def analysis2(self, path):
            return path, list(range(10)), [], [] if share else list(range(10)), "0-9"

    monkeypatch.setattr(check_coverage, "Coverage", Measured)
    assert check_coverage.main() == code
    assert f"{share:.1%} of the lines" in capsys.readouterr().out
