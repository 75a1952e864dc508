"""What holds for all predictors: what they take and give, and that they may be shared."""

import gc
import json
import resource
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, dataclass, fields
from types import ModuleType

import numpy as np
import pytest
import tiny_answerer
import tiny_captioner
import tiny_classifier
import tiny_critic
import torch
from PIL import Image
from tiny_captioner import COLOURS, picture

import multimodal
from multimodal.data.examples import ImageFile
from multimodal.inference.result import Result
from multimodal.saving import write_folder
from multimodal.saving.checkpoint import read_checkpoint

WHAT = tiny_answerer.WHAT
TEXTS = ["The film is great", "the plot isn't good, it is dull", "awful"]


@dataclass(frozen=True)
class Kind:
    """A predictor and how it is asked about one thing, and about many."""

    tiny: ModuleType
    asks: bool = False
    reads: bool = False

    def call(self, predictor, given, **options):
        options |= {"beam_size": 1} if self.tiny is tiny_captioner else {}  # greedy: fast
        return predictor(given, WHAT, **options) if self.asks else predictor(given, **options)

    def stream(self, predictor, given, **options):
        options |= {"beam_size": 1} if self.tiny is tiny_captioner else {}
        pairs = ((each, WHAT) for each in given)
        return predictor.stream(pairs if self.asks else given, **options)

    @property
    def inputs(self):
        return TEXTS if self.reads else [picture(colour) for colour in COLOURS]


KINDS = {
    "captioner": Kind(tiny_captioner),
    "answerer": Kind(tiny_answerer, asks=True),
    "classifier": Kind(tiny_classifier),
    "critic": Kind(tiny_critic, reads=True),
}
OF_PICTURES = [name for name, kind in KINDS.items() if not kind.reads]

ONE = {
    "a path": lambda path: path,
    "a string": str,
    "bytes": lambda path: path.read_bytes(),
    "a PIL image": Image.open,
    "an array": lambda path: np.asarray(Image.open(path)),
    "a tensor": lambda path: torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1),
    "a file": ImageFile,
}


def arrays(paths):
    return np.stack([np.asarray(Image.open(path)) for path in paths])


MANY = {
    "a list": list,
    "a tuple": tuple,
    "a generator": iter,
    "an array": arrays,
    "a tensor": lambda paths: torch.from_numpy(arrays(paths)).permute(0, 3, 1, 2),
    "things of every kind": lambda paths: [paths[0], str(paths[1]), Image.open(paths[2])],
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Each model as it is shipped."""
    place = tmp_path_factory.mktemp("models")
    for name, kind in KINDS.items():
        write_folder(read_checkpoint(kind.tiny.save(place / f"{name}.ckpt")), place / name)
    return place


@pytest.fixture(scope="module")
def predictors(folders):
    return {name: multimodal.load(folders / name, device="cpu") for name in KINDS}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for colour in COLOURS:
        picture(colour).save(folder / f"{colour}.png")
    return [folder / f"{colour}.png" for colour in COLOURS]


@pytest.mark.parametrize("form", ONE)
@pytest.mark.parametrize("name", OF_PICTURES)
def test_a_picture_in_any_form_gets_the_same_answer(name, form, predictors, paths):
    kind, predictor = KINDS[name], predictors[name]
    assert kind.call(predictor, ONE[form](paths[0])) == kind.call(predictor, picture("red"))


@pytest.mark.parametrize("form", MANY)
@pytest.mark.parametrize("name", OF_PICTURES)
def test_many_pictures_in_any_form_get_a_list(name, form, predictors, paths):
    kind, predictor = KINDS[name], predictors[name]
    found = kind.call(predictor, MANY[form](paths), batch_size=2)
    assert isinstance(found, list)
    assert [str(each) for each in found] == [str(kind.call(predictor, path)) for path in paths]


@pytest.mark.parametrize("batch_size", [2, 7])
@pytest.mark.parametrize("name", KINDS)
def test_many_are_answered_as_one_by_one_in_batches_of_any_size(name, batch_size, predictors):
    kind, predictor = KINDS[name], predictors[name]
    alone = [str(kind.call(predictor, each)) for each in kind.inputs]
    together = kind.call(predictor, kind.inputs, batch_size=batch_size)
    streamed = kind.stream(predictor, iter(kind.inputs), batch_size=batch_size)
    assert alone == [str(each) for each in together] == [str(each) for each in streamed]


@pytest.mark.parametrize("name", KINDS)
def test_a_stream_takes_a_batch_at_a_time(name, predictors):
    kind, taken = KINDS[name], []

    def endless():
        while True:
            taken.append(1)
            yield kind.inputs[0]

    stream = kind.stream(predictors[name], endless(), batch_size=2)
    assert taken == []
    for _ in range(3):
        next(stream)
    assert len(taken) == 4


@pytest.mark.parametrize("name", KINDS)
def test_what_cannot_be_used_does_not_stop_a_stream(name, predictors):
    kind = KINDS[name]
    bad = "" if kind.reads else b"no picture"
    found = list(kind.stream(predictors[name], [kind.inputs[0], bad, kind.inputs[1]]))
    assert [isinstance(each, Result) for each in found] == [True, False, True]
    assert isinstance(found[1], ValueError)
    with pytest.raises(ValueError, match=r"1 \(counted from 0\)"):
        kind.call(predictors[name], [kind.inputs[0], bad])


@pytest.mark.parametrize("name", KINDS)
def test_wrong_calls_are_refused(name, predictors):
    kind, predictor = KINDS[name], predictors[name]
    with pytest.raises(ValueError, match="`batch_size` must be 1 or more, got 0"):
        kind.call(predictor, kind.inputs, batch_size=0)
    with pytest.raises(ValueError, match="`batch_size` must be 1 or more, got -1"):
        list(kind.stream(predictor, kind.inputs, batch_size=-1))
    with pytest.raises(TypeError):
        kind.call(predictor, 3)
    with pytest.raises(TypeError):
        kind.call(predictor, [3])
    assert kind.call(predictor, []) == []
    assert list(kind.stream(predictor, [])) == []


@pytest.mark.parametrize("name", KINDS)
def test_asking_twice_gives_the_same_to_the_bit(name, predictors):
    kind = KINDS[name]
    first, second = (kind.call(predictors[name], kind.inputs) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", KINDS)
def test_results_are_frozen_and_hold_what_the_model_saw(name, predictors, tmp_path):
    kind = KINDS[name]
    result = kind.call(predictors[name], kind.inputs[0])
    with pytest.raises(FrozenInstanceError):
        setattr(result, fields(result)[0].name, "another")
    assert json.loads(result.to_json())
    result.save(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 2_000
    if not kind.reads:
        assert result.picture.pixels.shape == (3, 32, 32)
        assert (result.picture.height, result.picture.width) == (40, 48)
        assert result.picture.upright().shape == (3, 29, 35)


@pytest.mark.parametrize("name", OF_PICTURES)
def test_a_result_shares_no_memory_with_the_callers_picture(name, predictors):
    kind = KINDS[name]
    tensor = torch.zeros(3, 32, 32, dtype=torch.uint8)  # just as large as the model's input
    result = kind.call(predictors[name], tensor)
    tensor.fill_(255)
    assert result.picture.pixels.max() == 0


@pytest.mark.parametrize("name", KINDS)
def test_device_and_precision_are_chosen_when_it_is_opened(name, folders):
    kind = KINDS[name]
    exact, fast = (
        multimodal.load(folders / name, device="cpu", precision=precision)
        for precision in ("float32", "bfloat16")
    )
    assert (fast.device.type, fast.precision, exact.precision) == ("cpu", "bfloat16", "float32")
    assert str(kind.call(fast, kind.inputs[0])) == str(kind.call(exact, kind.inputs[0]))
    with pytest.raises(ValueError, match="no kind of device called 'abacus'"):
        multimodal.load(folders / name, device="abacus")


@pytest.mark.parametrize("name", KINDS)
def test_a_predictor_opens_its_own_kind_only(name, predictors, folders):
    kind = type(predictors[name])
    assert isinstance(kind.from_checkpoint(folders / name, device="cpu"), kind)
    other = "critic" if name == "captioner" else "captioner"
    with pytest.raises(ValueError, match=rf"{other} is a model of the task"):
        kind.from_checkpoint(folders / other)


def test_many_pictures_are_asked_one_question_or_one_each(predictors, paths):
    answerer = predictors["answerer"]
    said = [str(each) for each in answerer(paths, WHAT)]
    assert said == [str(answerer(path, WHAT)) for path in paths]
    questions = ["Is it red?", WHAT, "Is it red?"]
    found = answerer(paths, questions, batch_size=2)
    assert [each.question for each in found] == questions
    each_alone = [answerer(*pair) for pair in zip(paths, questions, strict=True)]
    assert [str(each) for each in found] == list(map(str, each_alone))
    with pytest.raises(ValueError, match="one each: got 3 pictures and 2 questions"):
        answerer(paths, questions[:2])


def in_threads(kind, predictor, calls):
    """Ask in eight threads at once, one thing or several, and compare with asking in order."""
    inputs = [[kind.inputs[number % 3]] * (1 + number % 2) for number in range(calls)]
    serial = [kind.call(predictor, each) for each in inputs]
    with ThreadPoolExecutor(8) as pool:
        parallel = list(pool.map(lambda each: kind.call(predictor, each), inputs))
    assert parallel == serial


@pytest.mark.parametrize("name", KINDS)
def test_eight_threads_share_a_predictor(name, predictors):
    in_threads(KINDS[name], predictors[name], 8)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_eight_hundred_calls_from_eight_threads_equal_serial_ones(name, predictors):
    in_threads(KINDS[name], predictors[name], 800)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_two_thousand_calls_take_no_more_memory(name, predictors):
    kind, predictor = KINDS[name], predictors[name]
    for number in range(200):
        kind.call(predictor, kind.inputs[number % 3])
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(2000):
        kind.call(predictor, kind.inputs[number % 3])
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50 * 1024  # kilobytes
