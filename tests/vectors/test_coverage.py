import pytest
import torch

from multimodal.vectors.coverage import Coverage, Vectors, missing_words


def vectors(found, matrix):
    coverage = Coverage("x", len(found), sum(found), (), rows=9, width=2)
    return Vectors(torch.tensor(matrix), torch.tensor(found), coverage)


def test_the_report_counts_and_names_missing_words():
    report = Coverage("x.txt", 1234, 1224, tuple("abcdefghij"), rows=400_000, width=300)
    assert str(report) == (
        "x.txt: 1,224 of 1,234 words (99.2 %) have a vector of 300 numbers; "
        "without one: a, b, c, d, e, f, g, h and 2 more."
    )
    assert report.share == pytest.approx(0.9919, abs=1e-4)


def test_the_report_counts_words_in_another_case_and_may_miss_none():
    report = Coverage("50%.txt", 2, 2, (), rows=3, width=4, folded=1)
    assert str(report) == (
        "50%.txt: 2 of 2 words (100.0 %) have a vector of 4 numbers, 1 of them in another case."
    )


def test_no_words_are_a_share_of_nothing():
    assert Coverage("x", 0, 0, (), rows=3, width=4).share == 0


def test_missing_words_keep_their_order():
    found = torch.tensor([False, True, False])
    assert missing_words(["z", "b", "a"], found) == ("z", "a")


def test_drawn_rows_have_the_spread_of_the_others_which_stay():
    known = torch.randn(400, 50, generator=torch.Generator().manual_seed(1)) * 0.3
    given = torch.cat([known, torch.zeros(400, 50)])
    found = torch.arange(800) < 400
    full = Vectors(given, found, Coverage("x", 800, 400, (), rows=9, width=50))
    drawn = full.filled(torch.Generator().manual_seed(2))
    torch.testing.assert_close(drawn[:400], known)
    torch.testing.assert_close(drawn[400:].std(), torch.tensor(0.3), atol=0.01, rtol=0)
    torch.testing.assert_close(drawn[400:].mean(), torch.tensor(0.0), atol=0.01, rtol=0)
    assert given[400:].abs().sum() == 0


def test_the_same_seed_draws_the_same_rows():
    some = vectors([True, False, False], [[1.0, -1.0], [0.0, 0.0], [0.0, 0.0]])
    first, second = (some.filled(torch.Generator().manual_seed(3)) for _ in range(2))
    torch.testing.assert_close(first, second, atol=0, rtol=0)


def test_without_any_vector_rows_are_standard_normal_and_with_all_nothing_is_drawn():
    none = vectors([False, False], [[0.0, 0.0], [0.0, 0.0]])
    expected = torch.randn(2, 2, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(none.filled(torch.Generator().manual_seed(4)), expected)
    both = vectors([True, True], [[1.0, 2.0], [3.0, 4.0]])
    torch.testing.assert_close(both.filled(torch.Generator()), both.matrix)
