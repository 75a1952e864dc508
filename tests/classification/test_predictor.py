import copy
import json
import zipfile
from dataclasses import asdict, fields

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny_captioner import COLOURS, picture
from tiny_classifier import CENTRE, LABELS, SCALE, save, trained
from tiny_classifier import settings as tiny_settings
from tiny_classifier import transform as tiny_transform

from multimodal.classification.model import Classifier
from multimodal.classification.predictor import (
    Classification,
    ClassificationPredictor,
    Ranked,
)
from multimodal.data.examples import ImageFile
from multimodal.data.transforms import EvalTransform, TransformSettings


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    path = save(tmp_path_factory.mktemp("model") / "best.ckpt")
    return ClassificationPredictor.from_checkpoint(path, device="cpu")


def of_target(target, folder, **changes):
    path = save(folder / f"{target}.ckpt", target=target, **changes)
    return ClassificationPredictor.from_checkpoint(path, device="cpu")


def untrained(count=7, *, size=64, channels=3, **changes):
    torch.manual_seed(0)
    model = Classifier(tiny_settings(), count, image_size=size, channels=channels)
    labels = [f"class {number}" for number in range(count)]
    transform = EvalTransform(TransformSettings(size=size))
    return ClassificationPredictor(model, labels, transform, device="cpu", **changes)


def as_file(folder, colour):
    return folder / f"{colour}.png"


def as_member(folder, colour):
    with zipfile.ZipFile(folder / "photos.zip", "a") as file:
        file.write(as_file(folder, colour), f"inside/{colour}.png")
    return ImageFile(folder / "photos.zip", f"inside/{colour}.png")


def as_tensor(folder, colour):
    return torch.from_numpy(np.array(picture(colour))).permute(2, 0, 1)


FORMS = {
    "a path": as_file,
    "a string": lambda folder, colour: str(as_file(folder, colour)),
    "bytes": lambda folder, colour: as_file(folder, colour).read_bytes(),
    "a PIL image": lambda folder, colour: picture(colour),
    "an array": lambda folder, colour: np.array(picture(colour)),
    "a tensor": as_tensor,
    "a member of a zip": as_member,
}


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "CMYK", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (3, 200), (40, 40)])
def test_pictures_of_all_modes_and_sizes_are_classified(mode, size, predictor):
    assert predictor(Image.new(mode, size)).label in LABELS


def test_many_pictures_get_a_list_in_their_order(predictor):
    found = predictor([picture(colour) for colour in LABELS])
    assert [str(each) for each in found] == LABELS
    stack = torch.stack([as_tensor(None, colour) for colour in LABELS])
    assert [each.label for each in predictor(stack)] == LABELS


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(LABELS), min_size=1, max_size=7), st.integers(1, 4))
def test_batched_pictures_get_the_labels_of_single_ones(predictor, colours, batch_size):
    found = predictor([picture(colour) for colour in colours], batch_size=batch_size)
    for each, colour in zip(found, colours, strict=True):
        alone = predictor(picture(colour))
        assert each.labels == alone.labels
        assert [s for _, s in each.top] == pytest.approx([s for _, s in alone.top], abs=1e-5)


def test_probabilities_are_those_of_the_models_own_outputs_and_share_one(predictor):
    pixels = EvalTransform(tiny_transform())(as_tensor(None, "red"))[None]
    with torch.no_grad():
        expected = trained()(pixels)[0].softmax(dim=0)
    found = predictor(picture("red"))
    for label, probability in found.top:
        assert probability == pytest.approx(float(expected[LABELS.index(label)]), abs=1e-6)
    assert sum(share for _, share in found.top) == pytest.approx(1)
    assert (found.label, found.probability) == found.top[0]
    assert found.labels == (found.label,)


@pytest.mark.parametrize(("top", "count"), [(1, 1), (3, 3), (5, 5), (100, 7)])
def test_top_says_how_many_labels_are_ranked(top, count):
    found = untrained()(picture("red"), top=top)
    shares = [share for _, share in found.top]
    assert len(found.top) == count
    assert shares == sorted(shares, reverse=True)
    assert found.top[0] == Ranked(found.label, found.probability)


def test_of_several_labels_each_has_a_probability_of_its_own(tmp_path):
    predictor = of_target("labels", tmp_path)
    for colour in LABELS:
        found = predictor(picture(colour))
        assert found.labels == (colour,)
        assert str(found) == colour
    with torch.no_grad():
        predictor.model.head[-1].weight.zero_()
        predictor.model.head[-1].bias.copy_(torch.tensor([50.0, 1.0, 60.0]))
    found = predictor(picture("red"))
    assert found.labels == ("blue", "red", "green")
    assert str(found) == "blue, red, green"
    assert sum(share for _, share in found.top) > 2.5
    with torch.no_grad():
        predictor.model.head[-1].bias.fill_(-1)
    nothing = predictor(picture("red"))
    assert (nothing.labels, str(nothing)) == ((), "nothing")
    assert nothing.label == nothing.top[0].label


def test_a_count_is_a_number_and_the_nearest_whole_one(tmp_path):
    predictor = of_target("count", tmp_path)
    for number, colour in enumerate(LABELS, start=1):
        found = predictor(picture(colour))
        assert found.value == pytest.approx(number, abs=0.4)
        assert (str(found), found.label) == (str(number), str(number))
        assert (found.probability, found.top, found.labels) == (0.0, (), ())


def test_a_number_is_given_in_its_own_units(tmp_path):
    predictor = of_target("number", tmp_path)
    for number, colour in enumerate(LABELS):
        found = predictor(picture(colour))
        assert found.value == pytest.approx(CENTRE + SCALE * (number - 1), abs=1)
        assert found.label == ""
        assert str(found) == f"{found.value:.2f}"


def test_a_model_of_grey_images_sees_grey_ones():
    predictor = untrained(channels=1)
    grey = picture("green").convert("L")
    expected = torch.from_numpy(np.array(grey))[None, None]
    pixels = EvalTransform(TransformSettings(size=64))(expected[0].expand(3, -1, -1))[None, :1]
    with torch.no_grad():
        shares = predictor.model(pixels)[0].softmax(dim=0)
    found = predictor(grey)
    assert found.probability == pytest.approx(float(shares.max()), abs=1e-6)
    assert predictor(picture("green")).probability == pytest.approx(found.probability, abs=0.02)


def test_a_classification_prints_as_its_label_and_cannot_be_changed():
    found = Classification("red", 0.5, (Ranked("red", 0.5),), ("red",))
    assert str(found) == f"{found}" == "red"
    with pytest.raises(AttributeError):
        found.label = "blue"


def test_a_classification_turns_into_json_and_back(predictor):
    found = predictor(picture("red"))
    values = json.loads(json.dumps(found.to_dict()))
    assert values.keys() == {field.name for field in fields(Classification)} - {"picture"}
    values["top"] = tuple(Ranked(**ranked) for ranked in values["top"])
    values["labels"] = tuple(values["labels"])
    assert Classification(**values) == found


def test_options_below_one_are_refused(predictor):
    with pytest.raises(ValueError, match="`top` must be 1 or more, got 0"):
        predictor(picture("red"), top=0)
    with pytest.raises(ValueError, match="`batch_size` must be 1 or more, got 0"):
        next(predictor.stream([], batch_size=0))


def test_parts_of_different_trainings_are_refused():
    transform = EvalTransform(tiny_transform())
    with pytest.raises(ValueError, match=r"The model has 3 outputs, expected 2\. Take"):
        ClassificationPredictor(trained(), ["yes", "no"], transform)


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {**tiny_settings().to_dict(), "decoder": "lstm"}},
        {"transform": {"size": 32, "letterbox": True}},
        {"settings": {}},
        {"extra": {"target": "class"}},
        {"extra": {"channels": 2}},
        {"extra": {"labels": ["red"]}},
    ],
    ids=["settings", "transform", "no encoder", "target", "channels", "one label"],
)
def test_settings_of_another_version_are_refused(changes, tmp_path):
    path = save(tmp_path / "newer.ckpt", **changes)
    with pytest.raises(
        ValueError, match=r"(?s)newer\.ckpt has settings that this .* another version\?"
    ):
        ClassificationPredictor.from_checkpoint(path)


def test_weights_that_do_not_fit_the_settings_are_refused(tmp_path):
    path = save(tmp_path / "mixed.ckpt", settings=tiny_settings(hidden=[9]).to_dict())
    with pytest.raises(ValueError, match=r"mixed\.ckpt holds weights of another network"):
        ClassificationPredictor.from_checkpoint(path)


@pytest.mark.parametrize("labels", [None, "red", ["red", 1, "blue"]])
def test_a_checkpoint_without_labels_is_refused(labels, tmp_path):
    path = save(tmp_path / "old.ckpt", extra={"labels": labels})
    with pytest.raises(ValueError, match=r"old\.ckpt has no list of labels\. Was it changed"):
        ClassificationPredictor.from_checkpoint(path)


@pytest.mark.parametrize("target", ["label", "number"])
def test_what_a_task_saves_is_classified_as_the_task_classifies(target, tmp_path):
    from multimodal.classification.task import ClassificationTask

    labels = LABELS if target == "label" else []
    task = ClassificationTask(tiny_settings(), labels, asdict(tiny_transform()), target=target)
    task.model = copy.deepcopy(trained(target))
    task.get_buffer("centre").fill_(CENTRE)
    task.get_buffer("scale").fill_(SCALE)
    checkpoint = {"state_dict": task.state_dict()}
    task.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "task.ckpt")
    predictor = ClassificationPredictor.from_checkpoint(tmp_path / "task.ckpt", device="cpu")
    found = predictor(picture("blue"))
    if target == "label":
        assert found.label == "blue"
    else:
        pixels = EvalTransform(tiny_transform())(as_tensor(None, "blue"))[None]
        with torch.no_grad():
            expected = task.predictions(task.model(pixels))
        assert found.value == pytest.approx(expected.item(), abs=1e-4)


@pytest.mark.gpu
def test_gpu_and_cpu_give_the_same_labels(tmp_path):
    path = save(tmp_path / "best.ckpt")
    for colour in COLOURS:
        ours = ClassificationPredictor.from_checkpoint(path, device="cuda")(picture(colour))
        theirs = ClassificationPredictor.from_checkpoint(path, device="cpu")(picture(colour))
        assert ours.label == theirs.label
        assert ours.probability == pytest.approx(theirs.probability, abs=1e-3)
