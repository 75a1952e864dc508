from hypothesis import given
from hypothesis import strategies as st

from multimodal.data.batches import collate_captions

CAPTION = st.lists(st.integers(4, 50), min_size=1, max_size=6)


@given(st.lists(st.lists(CAPTION, min_size=1, max_size=3), min_size=1, max_size=4))
def test_every_caption_comes_back_from_its_padded_row(captions):
    tokens, mask = collate_captions(captions)
    for row, texts in enumerate(captions):
        for column, text in enumerate(texts):
            real = tokens[row, column][mask[row, column]].tolist()
            assert real == [1, *text, 2]
        assert not mask[row, len(texts) :].any()
    assert mask.shape == tokens.shape


def test_the_block_is_as_wide_as_the_longest_caption_with_its_frame():
    tokens, _ = collate_captions([[[5]], [[6, 7, 8]]])
    assert tokens.shape == (2, 1, 5)
