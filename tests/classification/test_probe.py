import logging
from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningDataModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from multimodal.classification.data import ClassificationData, ImageSettings
from multimodal.classification.model import ClassifierSettings
from multimodal.classification.probe import (
    Features,
    LinearHead,
    accuracy,
    encode,
    fit_linear,
    probe,
)
from multimodal.classification.task import ClassificationTask
from multimodal.nn.encoders import EncoderSettings
from multimodal.saving.checkpoint import read_checkpoint

COLOURS = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (40, 40, 220)}


def draws(size=60, classes=3, width=5):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(size) % classes
    centres = torch.randn(classes, width, generator=generator)
    pooled = 3 * centres[labels] + torch.randn(size, width, generator=generator) + 7
    return Features(pooled, labels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of pictures of three colours."""
    root = tmp_path_factory.mktemp("colours")
    for split, number in (("train", 6), ("val", 2)):
        for name, (red, green, blue) in COLOURS.items():
            place = root / split / name
            place.mkdir(parents=True)
            for index in range(number):
                light = 5 * index
                Image.new("RGB", (24, 24), (red + light, green + light, blue + light)).save(
                    place / f"{index}.png"
                )
    return root


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The weights of an encoder."""
    torch.manual_seed(1)
    settings = ClassifierSettings(encoder("none"))
    task = ClassificationTask(settings, ["a", "b"], {"size": 24})
    path = tmp_path_factory.mktemp("weights") / "encoder.pth"
    torch.save(task.model.encoder.state_dict(), path)
    return str(path)


def encoder(weights):
    return EncoderSettings(channels=[8, 16], strides=[2, 2], weights=weights)


def make_data(root):
    return ClassificationData(
        format="folder", root=str(root), transform=ImageSettings(size=24), batch_size=4
    )


def make_task(data, weights, *, sizes=None, **changes):
    settings = ClassifierSettings(encoder(weights), **(sizes or {}))
    return ClassificationTask(
        settings, data.labels, data.eval_transform, transfer="linear", **changes
    )


def fit(task, data, folder: Path, *callbacks):
    trainer = Trainer(
        callbacks=list(callbacks),
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=folder, use_distributed_sampler=False, max_epochs=7,
    )  # fmt: skip
    return trainer, probe(task, data, trainer)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_layer_equals_scikit_learns_regression(classes):
    features = draws(classes=classes)
    regression, machine = fit_linear(features, classes, strength=0.5)
    scaler = StandardScaler().fit(features.pooled.numpy())
    model = LogisticRegression(C=0.5, max_iter=500)
    model.fit(scaler.transform(features.pooled.numpy()), features.labels.numpy())
    expected = model.predict_proba(scaler.transform(features.pooled.numpy()))
    found = (features.pooled @ regression.weight.T + regression.bias).softmax(dim=1)
    torch.testing.assert_close(found, torch.tensor(expected).float(), rtol=1e-3, atol=1e-3)
    assert accuracy(machine, features) > 0.9


def test_a_class_without_images_is_never_predicted():
    features = draws(classes=3)
    features = Features(features.pooled, torch.where(features.labels == 2, 3, features.labels))
    for head in fit_linear(features, 5, strength=1.0):
        predicted = (100 * features.pooled @ head.weight.T + head.bias).argmax(dim=1)
        assert accuracy(head, features) > 0.9
        assert {2, 4}.isdisjoint(predicted.tolist())


def test_the_accuracy_of_no_images_is_zero():
    head = LinearHead(torch.zeros(2, 3), torch.zeros(2))
    assert accuracy(head, Features(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long))) == 0


@pytest.mark.parametrize("pooling", ["mean", "max", "flatten"])
def test_cached_features_equal_the_encoders(pooling, folder, weights, tmp_path):
    data = make_data(folder)
    task = make_task(data, weights, sizes={"pooling": pooling}).train()
    live = encode(task.model, data, "train")
    cached = encode(task.model, data, "train", folder=str(tmp_path))
    assert list(tmp_path.glob("train/features-*"))
    torch.testing.assert_close(cached.pooled, live.pooled, rtol=1e-2, atol=1e-2)
    assert cached.labels.equal(live.labels)
    assert task.model.training


def test_a_probe_fits_the_head_validates_and_saves_it(folder, weights, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    data = make_data(folder)
    task = make_task(data, weights, sizes={"output_scale": 0.5}, features=str(tmp_path / "seen"))
    before = [parameter.clone() for parameter in task.model.encoder.parameters()]
    keeper = ModelCheckpoint(monitor="val/accuracy", mode="max")
    trainer, result = fit(task, data, tmp_path, keeper)
    assert (result.images, result.regression, result.support_vectors) == (18, 1, 1)
    assert keeper.best_model_score == trainer.callback_metrics["val/accuracy"] == 1
    assert "logistic regression 100.0 %, support vector machine 100.0 %" in caplog.text
    for mine, was in zip(task.model.encoder.parameters(), before, strict=True):
        assert mine.equal(was)
    (path,) = tmp_path.rglob("*.ckpt")
    assert str(path) == keeper.best_model_path
    kept = read_checkpoint(path, task="classification").state_dict
    torch.testing.assert_close(kept["head.1.weight"], task.model.head[-1].weight)


def test_scenes_have_no_files_to_cache_and_are_encoded_anyway(weights, tmp_path):
    data = ClassificationData(
        format="scenes",
        options={"train": 24, "val": 6},
        transform=ImageSettings(size=48),
        batch_size=4,
    )
    task = make_task(data, weights, features=str(tmp_path / "seen"))
    trainer, _ = fit(task, data, tmp_path)
    assert 0 <= trainer.callback_metrics["val/accuracy"] <= 1
    assert not (tmp_path / "seen").exists()


def test_hidden_layers_and_other_targets_are_refused(folder, weights, tmp_path):
    data = make_data(folder)
    with pytest.raises(ValueError, match="`transfer` linear is a logistic regression of one label"):
        fit(make_task(data, weights, sizes={"hidden": [4]}), data, tmp_path)
    with pytest.raises(ValueError, match="`transfer` linear is a logistic regression of one label"):
        fit(make_task(data, weights, target="labels"), data, tmp_path)


def test_images_of_one_class_are_refused():
    features = draws()
    with pytest.raises(ValueError, match="needs images of two classes or more, got those of 1"):
        fit_linear(Features(features.pooled, torch.ones(60, dtype=torch.long)), 3, strength=1.0)


def test_data_of_another_kind_are_refused(folder, weights, tmp_path):
    task = make_task(make_data(folder), weights)
    with pytest.raises(ValueError, match="reads its images from a ClassificationData, got Light"):
        fit(task, LightningDataModule(), tmp_path)


def test_a_random_encoder_is_refused(folder, tmp_path):
    data = make_data(folder)
    with pytest.raises(ValueError, match="`transfer` linear builds on what an encoder has learned"):
        fit(make_task(data, "none"), data, tmp_path)


def test_a_probe_is_not_trained_by_gradients(folder, weights, tmp_path):
    data = make_data(folder)
    trainer, _ = fit(make_task(data, weights), data, tmp_path)
    with pytest.raises(ValueError, match=r"`transfer` linear is fitted by .*probe"):
        trainer.fit(make_task(data, weights), data)
