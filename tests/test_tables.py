import csv

from hypothesis import given
from hypothesis import strategies as st

from multimodal.tables import markdown_table, write_tsv

CELL = st.text("abc 123.", max_size=6)


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=5))
def test_all_lines_are_equally_long_and_contain_their_cells(rows):
    lines = markdown_table(rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == len(rows) + 1
    for row, line in zip(rows, [lines[0], *lines[2:]], strict=True):
        assert [cell.strip() for cell in line.split("|")[1:-1]] == [cell.strip() for cell in row]


def test_numbers_are_aligned_to_the_right():
    assert markdown_table([["a", "b"], ["c", "12.5"]]).splitlines()[2] == "| c   | 12.5 |"


def test_a_tsv_file_gives_back_every_cell(tmp_path):
    rows = [["plain", 1.5], ["with\ttab", "two\nlines"], ['"quoted"', "é"]]
    write_tsv(tmp_path / "table.tsv", ["text", "score"], rows)
    with (tmp_path / "table.tsv").open(encoding="utf-8", newline="") as file:
        read = list(csv.reader(file, delimiter="\t"))
    assert read == [["text", "score"], *([str(cell) for cell in row] for row in rows)]
