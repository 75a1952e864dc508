import numpy as np

from multimodal.data.readers.digits import read_digits


def test_all_digits_are_there_with_their_full_range():
    pixels = read_digits()
    assert pixels.images.shape == (1797, 1, 8, 8)
    assert (pixels.images.min(), pixels.images.max()) == (0, 255)
    assert set(np.bincount(pixels.labels)) <= set(range(174, 184))
    assert pixels.classes == tuple("0123456789")


def test_sixteen_greys_stay_different():
    assert len(np.unique(read_digits().images)) == 17


def test_the_first_digit_is_a_ring():
    zero = read_digits().images[0, 0]
    assert zero[4, 4] == 0
    assert zero[:, 2].max() > 100
    assert zero[:, 5].max() > 100
