import pytest
import torch

from multimodal.classification.result import Classification, Ranked
from multimodal.inference.inputs import ImageInput

SEEN = ImageInput(torch.zeros(3, 32, 32, dtype=torch.uint8), 1, 1)


@pytest.mark.parametrize(
    ("result", "texts"),
    [
        (
            Classification("rose", 0.9, (Ranked("rose", 0.9),), ("rose",), picture=SEEN),
            ["rose", "rose", "90.0 %"],
        ),
        (Classification("3", 0.0, value=2.75, picture=SEEN), ["3"]),
        (Classification("", 0.0, value=2.75, picture=SEEN), ["2.75"]),
        (
            Classification("rose", 0.1, (Ranked("rose", 0.1),), picture=SEEN),
            ["nothing", "rose", "10.0 %"],
        ),
    ],
)
def test_a_classification_is_drawn_under_what_it_prints(result, texts):
    assert [text.get_text() for text in result.figure().texts] == texts
