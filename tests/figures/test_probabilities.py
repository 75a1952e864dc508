import math

import pytest
from drawing import bars, written

from multimodal.figures.page import Page
from multimodal.figures.probabilities import check_probabilities, draw_ranked, ranked_height

RANKED = [("yes", 0.75), ("no", 0.25)]


def test_bars_are_as_long_as_probabilities():
    page = Page(4.0, 2.0)
    draw_ranked(page, 0.2, 0.2, RANKED)
    track, yes, _, no = [bar.get_width() for bar in bars(page.figure)]
    assert (yes / track, no / track) == pytest.approx((0.75, 0.25))


def test_the_best_label_is_bold():
    page = Page(4.0, 2.0)
    draw_ranked(page, 0.2, 0.2, RANKED)
    assert written(page.figure) == ["yes", "75.0 %", "no", "25.0 %"]
    assert [text.get_fontweight() for text in page.figure.texts][::2] == ["bold", "normal"]


def test_the_height_holds_every_row():
    page = Page(4.0, 5.0)
    ranked = [("a label of many words that needs two lines in its column", 0.5), *RANKED]
    draw_ranked(page, 0.2, 0.0, ranked)
    lowest = 5.0 - 5.0 * min(bar.get_y() for bar in bars(page.figure))
    assert lowest <= ranked_height(ranked)
    assert ranked_height(ranked) > ranked_height(RANKED) + 0.5


@pytest.mark.parametrize("probability", [-0.1, 1.01, math.nan])
def test_a_probability_out_of_range_is_refused(probability):
    with pytest.raises(ValueError, match=r"must be from 0 to 1, got (-0\.1|1\.01|nan) for 'no'"):
        check_probabilities([("yes", 0.5), ("no", probability)])
