"""What every row of the table of tasks promises of its predictor."""

import gc
import inspect
import json
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tiny_answerer
import tiny_captioner
import tiny_classifier
import tiny_critic
import tiny_writer
import torch
from PIL import Image
from tiny_captioner import COLOURS, picture

import multimodal
from multimodal.data.examples import ImageFile
from multimodal.data.images import ImageError
from multimodal.data.transforms import EvalTransform, TransformSettings
from multimodal.inference.result import Result
from multimodal.saving import write_folder
from multimodal.saving.checkpoint import read_checkpoint
from multimodal.tasks import TASKS
from multimodal.worlds.scenes import sample_scene

WHAT = tiny_answerer.WHAT
TEXTS = ["The film is great", "the plot isn't good, it is dull", "awful"]
PROMPTS = ["", "roses", "roses are red"]


def pictures() -> list[Any]:
    return [picture(colour) for colour in COLOURS]


@dataclass(frozen=True)
class Kind:
    """A tiny model of a task, and how it is called."""

    tiny: ModuleType
    inputs: Callable[[], list[Any]] = pictures
    options: dict[str, Any] = field(default_factory=dict)
    asks: bool = False

    def call(self, predictor, given, **options):
        options = {**self.options, **options}
        return predictor(given, WHAT, **options) if self.asks else predictor(given, **options)

    def stream(self, predictor, given, **options):
        pairs = ((each, WHAT) for each in given)
        return predictor.stream(pairs if self.asks else given, **{**self.options, **options})


KINDS = {
    "captioning": Kind(tiny_captioner, options={"beam_size": 1}),  # greedy: fast
    "vqa": Kind(tiny_answerer, asks=True),
    "classification": Kind(tiny_classifier),
    "sentiment": Kind(tiny_critic, lambda: TEXTS),
    "language_model": Kind(tiny_writer, lambda: PROMPTS, options={"temperature": 0.0}),
}
OF_PICTURES = [name for name, row in TASKS.items() if row.inputs.startswith("images")]
FALLIBLE = {**dict.fromkeys(OF_PICTURES, b"no picture"), "sentiment": ""}  # any prompt is usable


def as_member(path):
    archive = path.parent / "photos.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(path, f"inside/{path.name}")
    return ImageFile(archive, f"inside/{path.name}")


ONE = {
    "a path": lambda path: path,
    "a string": str,
    "bytes": lambda path: path.read_bytes(),
    "a PIL image": Image.open,
    "an array": lambda path: np.asarray(Image.open(path)),
    "a tensor": lambda path: torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1),
    "a file": ImageFile,
    "a member of a zip": as_member,
    "a float array": lambda path: np.asarray(Image.open(path)) / 255,
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


def test_every_task_is_tested():
    assert KINDS.keys() == TASKS.keys()


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
    alone = [str(kind.call(predictor, each)) for each in kind.inputs()]
    together = kind.call(predictor, kind.inputs(), batch_size=batch_size)
    streamed = kind.stream(predictor, iter(kind.inputs()), batch_size=batch_size)
    assert alone == [str(each) for each in together] == [str(each) for each in streamed]


@pytest.mark.parametrize("name", KINDS)
def test_a_stream_takes_a_batch_at_a_time(name, predictors):
    kind, taken = KINDS[name], []

    def endless():
        while True:
            taken.append(1)
            yield kind.inputs()[0]

    stream = kind.stream(predictors[name], endless(), batch_size=2)
    assert taken == []
    for _ in range(3):
        next(stream)
    assert len(taken) == 4


@pytest.mark.parametrize("name", FALLIBLE)
def test_an_unusable_input_does_not_stop_a_stream(name, predictors):
    kind, bad = KINDS[name], FALLIBLE[name]
    first, second = kind.inputs()[:2]
    found = list(kind.stream(predictors[name], [first, bad, second]))
    assert [isinstance(each, Result) for each in found] == [True, False, True]
    assert isinstance(found[1], ValueError)
    with pytest.raises(ValueError, match=r"1 \(counted from 0\)"):
        kind.call(predictors[name], [first, bad])


@pytest.mark.parametrize("name", FALLIBLE)
def test_a_batch_of_bad_inputs_only_is_passed_through(name, predictors):
    kind, bad = KINDS[name], FALLIBLE[name]
    found = list(kind.stream(predictors[name], [bad, bad, kind.inputs()[0]], batch_size=2))
    assert [isinstance(each, Exception) for each in found] == [True, True, False]


@pytest.mark.parametrize("name", OF_PICTURES)
def test_a_bad_picture_is_called_by_its_name_or_its_number_or_not_at_all(name, predictors, photos):
    kind, predictor = KINDS[name], predictors[name]
    (photos / "broken.png").write_bytes((photos / "red.png").read_bytes()[:100])
    with pytest.raises(ImageError, match=r"broken\.png"):
        kind.call(predictor, [photos / "red.png", photos / "broken.png"])
    with pytest.raises(
        ImageError, match=r"^Picture 1 \(counted from 0\): the picture given as byt"
    ):
        kind.call(predictor, [picture("red"), b"no picture"])
    with pytest.raises(ImageError, match=r"^the picture given as bytes is empty"):
        kind.call(predictor, b"")
    for given in (photos / "nowhere.png", [photos / "nowhere.png"]):
        with pytest.raises(FileNotFoundError, match=r"No picture .*nowhere\.png\. Check the path"):
            kind.call(predictor, given)
    names = ["red.png", "broken.png", "nowhere.png", "blue.png"]
    found = list(kind.stream(predictor, [photos / each for each in names], batch_size=3))
    problems = [type(each) for each in found if isinstance(each, Exception)]
    assert problems == [ImageError, FileNotFoundError]
    assert isinstance(found[1], ImageError)


@pytest.mark.parametrize("name", KINDS)
def test_wrong_calls_are_refused(name, predictors):
    kind, predictor = KINDS[name], predictors[name]
    with pytest.raises(ValueError, match="`batch_size` must be 1 or more, got 0"):
        kind.call(predictor, kind.inputs(), batch_size=0)
    with pytest.raises(ValueError, match="`batch_size` must be 1 or more, got -1"):
        list(kind.stream(predictor, kind.inputs(), batch_size=-1))
    with pytest.raises(
        TypeError, match=r"Unknown option `batchsize`\. Did you mean `batch_size`\?"
    ):
        kind.call(predictor, kind.inputs(), batchsize=3)
    with pytest.raises(TypeError):
        kind.call(predictor, [3])


@pytest.mark.parametrize("thing", [None, 5], ids=["nothing", "a number"])
@pytest.mark.parametrize("name", KINDS)
def test_an_input_of_the_wrong_type_is_refused(name, thing, predictors):
    predictor, question = predictors[name], [WHAT] if KINDS[name].asks else []
    with pytest.raises(TypeError, match=r"^A predictor takes a .* or a sequence of them, got "):
        inspect.unwrap(type(predictor).__call__)(predictor, thing, *question)


@pytest.mark.parametrize("nothing", [list, tuple, lambda: iter([])], ids=["list", "tuple", "iter"])
@pytest.mark.parametrize("name", KINDS)
def test_no_input_gets_an_empty_list(name, nothing, predictors):
    assert KINDS[name].call(predictors[name], nothing()) == []
    assert list(KINDS[name].stream(predictors[name], nothing())) == []


@pytest.mark.parametrize("name", KINDS)
def test_a_list_of_one_gets_a_list_of_one(name, predictors):
    kind, predictor = KINDS[name], predictors[name]
    given, seed = kind.inputs()[1], {"seed": 0} if name == "language_model" else {}
    assert kind.call(predictor, [given], **seed) == [kind.call(predictor, given, **seed)]


@pytest.mark.parametrize("name", KINDS)
def test_calling_leaves_model_and_gradients_alone(name, predictors):
    kind, model = KINDS[name], predictors[name].model
    before = {key: value.clone() for key, value in model.state_dict().items()}
    kind.call(predictors[name], kind.inputs())
    torch.testing.assert_close(dict(model.state_dict()), before)
    assert torch.is_grad_enabled()
    assert not model.training
    assert all(each.grad is None and each.requires_grad for each in model.parameters())


@pytest.mark.parametrize("size", [16, 64, 300])
@pytest.mark.parametrize("name", OF_PICTURES)
def test_scenes_are_drawn_at_the_models_size(name, size, folders):
    kind = KINDS[name]
    predictor = multimodal.load(folders / name, device="cpu")
    predictor.transform = EvalTransform(TransformSettings(size=size))
    (result,) = kind.call(predictor, [sample_scene(0, 3, "test")])
    assert result.picture.pixels.shape == (3, size, size)


@pytest.mark.parametrize("name", OF_PICTURES)
def test_seen_is_the_whole_picture_or_the_square_that_was_cut(name, folders):
    tall = picture("red", (32, 96))
    predictor = multimodal.load(folders / name, device="cpu")
    assert predictor.seen(tall).shape == (3, 96, 32)
    predictor.transform = EvalTransform(TransformSettings(size=40, resize="crop"))
    assert predictor.seen(tall).shape == (3, 40, 40)


@pytest.mark.parametrize("name", KINDS)
def test_two_calls_give_the_same_to_the_bit(name, predictors):
    kind = KINDS[name]
    seed = {"seed": 0} if name == "language_model" else {}
    first, second = (kind.call(predictors[name], kind.inputs(), **seed) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", KINDS)
def test_results_are_frozen_and_turn_into_json(name, predictors):
    kind = KINDS[name]
    result = kind.call(predictors[name], kind.inputs()[0])
    assert type(result).__name__ == TASKS[name].results[0]
    with pytest.raises(FrozenInstanceError):
        setattr(result, fields(result)[0].name, "another")
    values = json.loads(result.to_json())
    assert values == json.loads(json.dumps(result.to_dict()))
    assert values.keys() == {each.name for each in fields(result)} - {"picture"}
    assert json.loads(json.dumps(result.summary()))
    assert isinstance(result.note, str)


@pytest.mark.parametrize("name", FALLIBLE)
def test_results_draw_themselves_and_hold_the_models_image(name, predictors, tmp_path):
    kind = KINDS[name]
    result = kind.call(predictors[name], kind.inputs()[0])
    result.save(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 2_000
    if name in OF_PICTURES:
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
    assert str(kind.call(fast, kind.inputs()[0])) == str(kind.call(exact, kind.inputs()[0]))
    with pytest.raises(ValueError, match="no kind of device called 'abacus'"):
        multimodal.load(folders / name, device="abacus")


@pytest.mark.parametrize("name", KINDS)
def test_bfloat16_gives_the_same_results(name, predictors, folders):
    kind = KINDS[name]
    fast = type(predictors[name]).from_checkpoint(
        folders / name, device="cpu", precision="bfloat16"
    )
    found, expected = (kind.call(each, kind.inputs()) for each in (fast, predictors[name]))
    assert list(map(str, found)) == list(map(str, expected))


@pytest.mark.parametrize("name", KINDS)
def test_a_predictor_opens_its_own_kind_only(name, predictors, folders, tmp_path):
    kind = type(predictors[name])
    assert isinstance(kind.from_checkpoint(folders / name, device="cpu"), kind)
    other = "sentiment" if name == "captioning" else "captioning"
    with pytest.raises(ValueError, match=rf"{other} is a model of the task '{other}'"):
        kind.from_checkpoint(folders / other)
    path = KINDS[other].tiny.save(tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match=rf"other\.ckpt is a checkpoint of the task '{other}'"):
        kind.from_checkpoint(path)
    with pytest.raises(FileNotFoundError, match=r"nothing\.ckpt"):
        kind.from_checkpoint(tmp_path / "nothing.ckpt")


@pytest.mark.parametrize("change", ["another key", "nothing"])
@pytest.mark.parametrize("name", KINDS)
def test_settings_of_another_version_are_refused(name, change, tmp_path):
    kind = KINDS[name]
    settings = {**kind.tiny.settings().to_dict(), "halo": 1} if change == "another key" else {}
    if not settings and name not in OF_PICTURES:
        settings = {"reader": None}  # of a model of texts every setting has a default
    path = kind.tiny.save(tmp_path / "newer.ckpt", settings=settings)
    with pytest.raises(
        ValueError, match=r"(?s)newer\.ckpt has settings that this .* another version\?"
    ):
        multimodal.load(path)


@pytest.mark.parametrize("name", OF_PICTURES)
def test_a_transform_of_another_version_is_refused(name, tmp_path):
    path = KINDS[name].tiny.save(tmp_path / "newer.ckpt", transform={"size": 32, "letterbox": True})
    with pytest.raises(
        ValueError, match=r"newer\.ckpt has settings .*'letterbox'.*other version\?"
    ):
        multimodal.load(path)


@pytest.mark.parametrize("name", OF_PICTURES)
def test_weights_that_the_encoder_started_from_need_not_be_there(name, predictors, tmp_path):
    """A checkpoint moves to a machine that has no file of pretrained weights."""
    kind = KINDS[name]
    encoder = replace(kind.tiny.settings().encoder, weights="/nowhere/mobilenet.pth")
    settings = {**kind.tiny.settings().to_dict(), "encoder": asdict(encoder)}
    moved = multimodal.load(kind.tiny.save(tmp_path / "moved.ckpt", settings=settings))
    given = kind.inputs()[0]
    assert str(kind.call(moved, given)) == str(kind.call(predictors[name], given))


@pytest.mark.parametrize("name", KINDS)
def test_loading_a_model_imports_only_what_its_task_needs(name, folders):
    others = [f"multimodal.{task}.predictor" for task in KINDS if task != name]
    heavy = ["lightning", "torchmetrics", "matplotlib", "nltk", "sklearn", *others]
    heavy += [] if name in OF_PICTURES else ["torchvision"]
    program = (
        "import sys, multimodal\n"
        f"multimodal.load({str(folders / name)!r}, device='cpu')\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.gpu
@pytest.mark.parametrize("name", KINDS)
def test_gpu_and_cpu_give_the_same(name, folders):
    kind = KINDS[name]
    found, expected = (
        kind.call(multimodal.load(folders / name, device=device), kind.inputs())
        for device in ("cuda", "cpu")
    )
    assert list(map(str, found)) == list(map(str, expected))


def test_many_pictures_are_asked_one_question_or_one_each(predictors, paths):
    answerer = predictors["vqa"]
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
    inputs = [[kind.inputs()[number % 3]] * (1 + number % 2) for number in range(calls)]
    seed = {"seed": 0} if kind.tiny is tiny_writer else {}
    serial = [kind.call(predictor, each, **seed) for each in inputs]
    with ThreadPoolExecutor(8) as pool:
        parallel = list(pool.map(lambda each: kind.call(predictor, each, **seed), inputs))
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
        kind.call(predictor, kind.inputs()[number % 3])
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(2000):
        kind.call(predictor, kind.inputs()[number % 3])
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50 * 1024  # kilobytes
