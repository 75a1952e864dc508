import io
import json
import math
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from PIL import Image, ImageShow

from multimodal.captioning.result import Caption
from multimodal.classification.result import Classification, Ranked
from multimodal.inference import result as contract
from multimodal.inference.inputs import ImageInput
from multimodal.inference.result import as_json
from multimodal.sentiment.result import Sentiment
from multimodal.vqa.result import Answer

SEEN = ImageInput(torch.full((3, 32, 32), 99, dtype=torch.uint8), 300, 400)
GRID = ((0.25, 0.25), (0.25, 0.25))
RESULTS = {
    "caption": Caption("a ring", ("a", "ring"), -0.5, (), (GRID, GRID), SEEN),
    "bare caption": Caption("a ring", ("a", "ring"), -0.5, picture=SEEN),
    "answer": Answer("red", 0.75, (), GRID, "What colour?", ("what",), SEEN),
    "bare answer": Answer("red", 0.75, question="What colour?", picture=SEEN),
    "label": Classification("ring", 0.9, (Ranked("ring", 0.9),), ("ring",), None, SEEN),
    "no label": Classification("ring", 0.1, (Ranked("ring", 0.1),), (), None, SEEN),
    "number": Classification("", 0.0, value=2.5, picture=SEEN),
    "sentiment": Sentiment("good", 0.75, {"good": 0.75}, None, ("fun",), (1.5,), "fun"),
    "bare sentiment": Sentiment("good", 0.75, {"good": 0.75}, None, ("fun",)),
    "stars": Sentiment("", 0.0, {}, 3.5, ("fun",), (1.5,), "fun"),
}
WITH_PICTURE = [name for name, result in RESULTS.items() if not isinstance(result, Sentiment)]


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_prints_and_turns_into_json(name):
    result = RESULTS[name]
    assert str(result)
    assert "tensor" not in repr(result)
    values = json.loads(result.to_json())
    assert values == json.loads(json.dumps(result.to_dict()))
    assert "picture" not in values
    assert result.to_json(indent=2).count("\n") > 3


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_draws_itself(name, tmp_path):
    path = tmp_path / "new" / "picture.png"
    RESULTS[name].save(path)
    with Image.open(path) as picture:
        assert min(picture.size) > 100
    RESULTS[name].save(str(tmp_path / "small.jpg"), dpi=30)
    assert (tmp_path / "small.jpg").stat().st_size < path.stat().st_size
    with pytest.raises(ValueError, match=r"A picture is written as \.png, .*, got .*\.txt"):
        RESULTS[name].save(tmp_path / "picture.txt")


@pytest.mark.parametrize("name", WITH_PICTURE)
def test_a_notebook_shows_the_picture(name):
    png = RESULTS[name]._repr_png_()
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"


@pytest.mark.parametrize(
    "result", [Caption("a", ("a",), 0.0), Answer("a", 1.0), Classification("a", 1.0)]
)
def test_a_result_that_no_predictor_made_has_no_picture(result, tmp_path):
    assert result._repr_png_() is None
    with pytest.raises(ValueError, match=r"has no picture to draw\. Those that a predictor retur"):
        result.save(tmp_path / "picture.png")


def test_the_picture_is_no_part_of_what_makes_results_equal():
    assert RESULTS["answer"] == Answer("red", 0.75, (), GRID, "What colour?", ("what",))
    assert hash(RESULTS["caption"]) == hash(
        Caption("a ring", ("a", "ring"), -0.5, (), (GRID, GRID))
    )


def test_results_are_frozen():
    with pytest.raises(AttributeError):
        RESULTS["answer"].answer = "blue"


def test_show_opens_a_window(monkeypatch):
    shown = []
    monkeypatch.setattr(ImageShow, "show", lambda image, title: shown.append((image, title)) or 1)
    RESULTS["caption"].show()
    ((image, title),) = shown
    assert title == "a ring"
    assert image.size[0] > 200


def test_show_explains_the_lack_of_a_program_that_shows_pictures(monkeypatch):
    monkeypatch.setattr(ImageShow, "show", lambda image, title: False)
    with pytest.raises(
        OSError, match=r'No program .* was found\. Draw it .*save\("picture\.png"\)'
    ):
        RESULTS["answer"].show()


def test_show_displays_in_a_notebook(monkeypatch):
    shown = []
    shell = SimpleNamespace(kernel="it runs")
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=shown.append))
    RESULTS["sentiment"].show()
    assert shown == [RESULTS["sentiment"]]
    del shell.kernel  # IPython in a terminal
    assert contract._notebook() is None


def test_numbers_that_json_cannot_express_are_null():
    values = {"a": [1.5, math.inf], "b": {"c": math.nan, "d": "é"}}
    assert as_json(values) == '{"a": [1.5, null], "b": {"c": null, "d": "é"}}'


@pytest.mark.slow
def test_results_import_matplotlib_only_to_be_drawn():
    program = (
        "import sys, multimodal; multimodal.Caption, multimodal.Passage, multimodal.Ranked; "
        "print('matplotlib' in sys.modules, 'IPython' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]
