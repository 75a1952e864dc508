import pytest

from multimodal.language_model.options import WritingOptions


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"temperature": -0.1}, "`temperature` must be 0 or more, got -0.1"),
        ({"temperature": float("nan")}, "`temperature` must be 0 or more, got nan"),
        ({"temperature": float("inf")}, "`temperature` must be 0 or more, got inf"),
        ({"top_k": -1}, "`top_k` must be 0 or more, got -1"),
        ({"top_p": 0.0}, "`top_p` must be above 0 and at most 1, got 0.0"),
        ({"top_p": 1.1}, "`top_p` must be above 0 and at most 1, got 1.1"),
        ({"seed": -1}, "`seed` must be 0 to 9,223,372,036,854,775,807, got -1"),
        ({"seed": 2**63}, "`seed` must be 0 to 9,223,372,036,854,775,807, got 9223372036854775808"),
        ({"max_length": 0}, "`max_length` must be 1 or more, got 0"),
    ],
)
def test_options_out_of_range_are_refused(option, message):
    with pytest.raises(ValueError, match=message):
        WritingOptions(**option)


def test_a_seed_and_a_length_may_be_left_to_the_writer():
    assert (WritingOptions().seed, WritingOptions().max_length) == (None, None)
