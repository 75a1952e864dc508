from multimodal.captioning.options import CaptionOptions


def test_the_search_is_that_of_the_evaluation_unless_told_otherwise():
    options = CaptionOptions()
    assert (options.beam_size, options.max_length, options.length_penalty) == (5, 20, 0.0)
