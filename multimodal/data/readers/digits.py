"""The 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn: nothing to download.

They have no official split. The writer of a digit is not known, so that writers are on both sides
of any split, as in every published result.

References:
    Alpaydin and Kaynak 1998, "Optical recognition of handwritten digits" (UCI repository).
"""

from functools import cache

import numpy as np

from multimodal.data.pixels import PixelSet

_BRIGHTEST = 16


@cache
def read_digits() -> PixelSet:
    """Read all digits in the order of scikit-learn, from 0 to 255.

    Example:
        >>> read_digits()
        PixelSet(digits: 1,797 images of 1 x 8 x 8, 10 classes)
    """
    # Imported here: importing scikit-learn takes longer than reading the digits.
    from sklearn.datasets import load_digits

    values, labels = load_digits(return_X_y=True)
    images = np.rint(values * (255 / _BRIGHTEST)).astype(np.uint8).reshape(-1, 1, 8, 8)
    return PixelSet("digits", images, labels.astype(np.int64), tuple("0123456789"))
