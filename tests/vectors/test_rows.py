import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.vectors import rows as module
from multimodal.vectors.rows import read_rows

PLAIN = b"the 0.5 1\ndog 0.25 -2\ncat 1e-1 3.5\n"


def read(text, *words, **options):
    wanted = {word.encode(): number for number, word in enumerate(words)}
    return read_rows(io.BytesIO(text), wanted, "x.txt", **options)


def numbers(text, *words, **options):
    vectors = read(text, *words, **options).numbers
    return {words[number]: row.tolist() for number, row in vectors.items()}


def test_only_wanted_rows_become_numbers():
    rows = read(PLAIN, "dog", "zebra")
    assert (rows.width, rows.count, rows.promised) == (2, 3, None)
    assert {number: row.tolist() for number, row in rows.numbers.items()} == {0: [0.25, -2.0]}
    assert rows.numbers[0].dtype == np.float32


@pytest.mark.parametrize(
    "text",
    [
        b"3 2\n" + PLAIN,
        b"\xef\xbb\xbf3 2\n" + PLAIN,
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        PLAIN.replace(b"\n", b" \n"),
        PLAIN.replace(b"\n", b" \t \r\n"),
        b"\n\r\n" + PLAIN.replace(b"\n", b"\n\n"),
        b"3 2\n\n" + PLAIN,
        PLAIN.rstrip(b"\n"),
    ],
    ids=["header", "mark+header", "mark", "crlf", "space", "mixed", "blank", "blank2", "no end"],
)
def test_all_ways_of_writing_a_file_read_alike(text):
    assert numbers(text, "cat", "the") == {"the": [0.5, 1], "cat": [np.float32(0.1), 3.5]}


def test_the_header_promises_rows_and_width():
    assert read(b"3 2\n" + PLAIN, "dog").promised == (3, 2)
    assert read(b"7 2\n" + PLAIN, "dog").promised == (7, 2)


def test_words_may_contain_spaces():
    text = b". . . 4 5\nat name@domain.com 1 2\nwindows 7 3 4\n7 8 9\n"
    words = [". . .", "at name@domain.com", "windows 7", "7"]
    assert numbers(text, *words) == dict(zip(words, [[4, 5], [1, 2], [3, 4], [8, 9]], strict=True))


def test_words_are_compared_as_they_are():
    text = "caf\u00e9 1 2\na\u00a0b 3 4\n\u2028 5 6\n 7 8\n".encode()
    words = ["caf\u00e9", "a\u00a0b", "\u2028", ""]
    assert list(numbers(text, *words)) == words
    assert numbers(text, "cafe\u0301", "b") == {}


def test_the_first_of_two_rows_counts():
    rows = read(b"dog 1 2\ncat 0 0\ncat 3 4\ndog 5 6\ndog 7 8\ncow 1 1\ncow 1 1\n", "dog", "cat")
    assert [row.tolist() for row in rows.numbers.values()] == [[1, 2], [0, 0]]
    assert (rows.duplicates, rows.count) == (3, 7)


def test_another_case_is_taken_only_where_allowed():
    text = "Paris 1 2\nparis 3 4\nROME 5 6\nRome 7 8\n\u00c9cole 9 9\n".encode()
    rows = read(text, "paris", "rome", "\u00e9cole", ignore_case=True)
    assert {number: row.tolist() for number, row in rows.numbers.items()} == {0: [3, 4]}
    folded = {number: row.tolist() for number, row in rows.folded.items()}
    assert folded == {0: [1, 2], 1: [5, 6], 2: [9, 9]}
    assert rows.duplicates == 0
    assert not read(text, "paris", "rome", "\u00e9cole").folded


def test_rows_that_are_not_utf8_are_counted_with_the_first_ones_line():
    text = PLAIN + b"caf\xe9 1 2\ndo\xffg 3 4\ncow 5 6\n"
    rows = read(text, "dog", "cow")
    assert rows.not_utf8 == (4, 2)
    assert list(rows.numbers) == [0, 1]
    assert read(text, "dog", "cow", ignore_case=True).not_utf8 == (4, 2)


def test_numbers_are_those_of_python_in_single_precision():
    texts = ["0.1", "-1e-7", "3.4028235e38", "123456789.123456789", "+5", ".5", "5.", "1E3"]
    row = read(f"a {' '.join(texts)}".encode(), "a").numbers[0]
    assert row.tolist() == np.array([float(text) for text in texts], dtype=np.float32).tolist()


@pytest.mark.parametrize("line", ["cat 1", "cat", "cat 1.0 2.5 3", "cat 3e5 -2 1 0.4"])
@pytest.mark.parametrize("wanted", ["cat", "dog"])
def test_a_row_of_another_length_is_refused_with_its_line_even_if_unwanted(line, wanted):
    count = len(line.split()) - 1
    with pytest.raises(ValueError, match=rf"^x\.txt:3 has {count} numbers, the lines before it "):
        read(f"the 1 2\n\n{line}\ndog 3 4\n".encode(), wanted)


def test_a_file_that_is_cut_short_is_refused():
    with pytest.raises(ValueError, match=r"x\.txt:4 has 1 numbers.*have 2: 'cat 1e-1'.*cut short"):
        read((b"3 2\n" + PLAIN)[:-5], "the")


@pytest.mark.parametrize(
    "wrong", ["nan", "-inf", "Infinity", "1e39", "0,5", "1_0", "0.1.2", "\u0661"]
)
def test_a_value_that_is_not_finite_is_refused_with_its_line_and_word(wrong):
    with pytest.raises(
        ValueError, match=rf"^x\.txt:2 has '{wrong}' among the numbers of 'big dog'"
    ):
        read(f"the 1 2\nbig dog 0.5 {wrong}\n".encode(), "big dog")


def test_values_of_unwanted_words_are_not_checked():
    assert list(numbers(b"the 1 2\ncat nan 1\ndog 3 4\n", "the", "dog")) == ["the", "dog"]


@pytest.mark.parametrize(
    "text", [b"", b"\n \n", b"3 2\n", b"\xef\xbb\xbf"], ids=["empty", "blank", "header", "mark"]
)
def test_a_file_without_rows_is_refused(text):
    with pytest.raises(ValueError, match=r"^x\.txt has no word vectors\. A line is a word and "):
        read(text, "dog")


@pytest.mark.parametrize(
    "text", [b"hello world\n", b"dog\t1\t2\n", b"3 2\n\x00dog \x80\xff\x01\n", b"{}\n"]
)
def test_a_file_of_another_kind_is_refused(text):
    with pytest.raises(ValueError, match=r"^x\.txt:\d has no numbers after its word: .*binary"):
        read(text, "dog")


@pytest.mark.parametrize("width", [0, 3, 300])
def test_a_header_that_promises_another_width_is_refused(width):
    match = rf"^x\.txt:2 has 2 numbers, the first line promises {width}\. The file is damaged"
    with pytest.raises(ValueError, match=match):
        read(b"3 %d\n" % width + PLAIN, "dog")


def test_a_header_decides_how_many_of_the_figures_are_the_words():
    assert numbers(b"2 2\nwindows 7 1 2\ndog 3 4\n", "windows 7", "dog") == {
        "windows 7": [1, 2],
        "dog": [3, 4],
    }


def test_a_line_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 64)
    monkeypatch.setattr(module, "_LONGEST", 200)
    with pytest.raises(ValueError, match=r"^x\.txt has a line of more than 200 bytes and so is no"):
        read(b"dog " + b"1 " * 200, "dog")


def test_the_spaces_of_a_very_long_line_are_counted_right():
    assert module._split(b"a 1\ndog" + 70_000 * b" 1" + b"\n").spaces == [1, 70_000]


def test_a_word_may_contain_a_text_like_a_number():
    text = b"dog 1 2\nto infinity 3 4\nnan and inf 5 6\n1 2 3 4\n"
    assert list(numbers(text, "to infinity", "nan and inf", "1 2")) == [
        "to infinity",
        "nan and inf",
        "1 2",
    ]


@given(st.integers(1, 90), st.data())
@settings(max_examples=40)
def test_where_blocks_end_does_not_matter(size, data):
    words = data.draw(st.lists(st.sampled_from(["a", "\u00e9", "b c", "D", ""]), min_size=1))
    ends = data.draw(st.lists(st.sampled_from(["\n", "\r\n", " \n", "\n\n"]), min_size=1))
    lines = [f"{word} {n}.5 -{n}" for n, word in enumerate(words)]
    text = "".join(line + ends[n % len(ends)] for n, line in enumerate(lines)).encode()
    whole = read(text, "a", "\u00e9", "b c", "d", ignore_case=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", size)
        cut = read(text, "a", "\u00e9", "b c", "d", ignore_case=True)
    assert (cut.count, cut.duplicates) == (whole.count, whole.duplicates)
    assert whole.count == len(words)
    for name in ("numbers", "folded"):
        first, second = getattr(whole, name), getattr(cut, name)
        assert {key: row.tolist() for key, row in first.items()} == {
            key: row.tolist() for key, row in second.items()
        }


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_a_sentence(data):
    try:
        count = read(data, "dog", "\x00").count
    except ValueError as error:
        complaint = str(error)
    else:
        complaint = "x.txt" if count else "nothing"
    assert complaint.startswith("x.txt")
