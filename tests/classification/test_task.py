import pytest
import torch
import torch.nn.functional as F
from task_trainer import SaveAt, make_trainer

from multimodal.classification.data import ClassificationData, ImageSettings
from multimodal.classification.model import ClassifierSettings
from multimodal.classification.task import ClassificationTask
from multimodal.nn.encoders import EncoderSettings

ENCODER = {"channels": [8, 16, 16], "strides": [4, 2, 1]}
TARGETS = {
    "label": ("shape", "label"),
    "labels": ("shapes", "labels"),
    "number": ("light", "number"),
    "count": ("count", "number"),
}


def make_data(kind="label", **changes):
    label, target = TARGETS[kind]
    settings = {
        "format": "scenes",
        "options": {"label": label, "train": 24, "val": 4, "test": 4},
        "target": target,
        "transform": ImageSettings(size=48),
        "batch_size": 8,
    }
    return ClassificationData(**{**settings, **changes})


def make_task(data, *, sizes=None, encoder=None, **changes):
    torch.manual_seed(0)
    settings = ClassifierSettings(
        EncoderSettings(**{**ENCODER, **(encoder or {})}), **(sizes or {})
    )
    linked = {"target": data.target, "mean": data.mean, "channels": data.channels}
    arguments = {"learning_rate": 5e-3, **linked, **changes}
    return ClassificationTask(settings, data.labels, data.eval_transform, **arguments)


def a_batch(data, split="train"):
    return next(iter(data.in_order(split)))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """One short run: its trainer, task, data and checkpoint."""
    folder, data = (
        tmp_path_factory.mktemp("run"),
        make_data(transform=ImageSettings(size=48, compute_mean=True)),
    )
    task, trainer = make_task(data), make_trainer(folder)
    trainer.fit(task, data)
    path = folder / "classifier.ckpt"
    trainer.save_checkpoint(path)
    return trainer, task, data, path


@pytest.mark.parametrize("kind", TARGETS)
def test_every_target_is_trained_tested_and_predicted(kind, tmp_path):
    data = make_data(kind)
    task, trainer = make_task(data, is_count=kind == "count"), make_trainer(tmp_path)
    assert task.target == kind
    trainer.fit(task, data)
    (metrics,) = trainer.test(task, data, verbose=False)
    expected = {
        "label": {"accuracy", "top5_accuracy", "macro_f1", "calibration_error"},
        "labels": {"mean_average_precision", "exact_match", "micro_f1", "macro_f1"},
        "number": {"mean_error", "root_mean_square", "correlation"},
        "count": {"accuracy", "mean_error", "root_mean_square", "correlation"},
    }[kind]
    assert {name.removeprefix("test/") for name in metrics} == {*expected, "loss"}
    entries = [entry for batch in trainer.predict(task, data) for entry in batch]
    assert [entry["image_id"] for entry in entries] == [e.image_id for e in data.examples("test")]
    named = {"label": "label", "labels": "labels", "number": "value", "count": "count"}[kind]
    assert all(named in entry for entry in entries)


@pytest.mark.parametrize("loss", ["cross_entropy", "hinge", "binary"])
def test_every_loss_trains_every_parameter(loss):
    data = make_data()
    task = make_task(data, loss=loss, sizes={"hidden": [8], "dropout": 0.1})
    task.model_step(a_batch(data))[0].backward()
    assert [name for name, p in task.model.named_parameters() if p.grad is None] == []


def test_the_network_subtracts_the_mean_of_the_data(fitted):
    _, task, data, _ = fitted
    encoder = task.model.encoder
    torch.testing.assert_close(-(encoder.shift / encoder.scale).flatten(), torch.tensor(data.mean))


def test_testing_a_count_as_a_number_is_refused(tmp_path):
    data = make_data("count")
    trainer = make_trainer(tmp_path, max_steps=1, limit_val_batches=0)
    trainer.fit(make_task(data, is_count=True), data)
    trainer.save_checkpoint(tmp_path / "counts.ckpt")
    with pytest.raises(ValueError, match="trained with target 'count', this run has target"):
        make_trainer(tmp_path).test(
            make_task(data), data, ckpt_path=tmp_path / "counts.ckpt", weights_only=True
        )


def test_mixtures_smoothing_and_weights_are_for_training_only():
    data = make_data()
    plain = make_task(data).eval()
    changed = make_task(data, mixup=1.0, cutmix=1.0, label_smoothing=0.3, class_weights="balanced")
    changed.weights.copy_(torch.arange(len(data.labels)) + 1.0)
    batch = a_batch(data)
    torch.testing.assert_close(changed.eval().model_step(batch)[0], plain.model_step(batch)[0])
    trained = changed.train().model_step(batch)[0]
    assert not torch.isclose(trained, plain.train().model_step(batch)[0])


def test_mixup_mixes_the_losses_of_both_targets():
    data = make_data()
    batch = a_batch(data)
    task = make_task(data, mixup=1.0)
    torch.manual_seed(3)
    loss, outputs = task.model_step(batch)
    torch.manual_seed(3)
    partners = torch.randperm(len(batch.images))
    shares = torch.linspace(0, 1, 2001)
    own = F.cross_entropy(outputs, batch.labels)
    others = F.cross_entropy(outputs, batch.labels[partners])
    assert (loss - (shares * own + (1 - shares) * others)).abs().min() < 1e-3


def test_class_weights_and_the_numbers_spread_come_from_the_training_images(tmp_path):
    data = make_data()
    task = make_task(data, class_weights="balanced")
    make_trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(task, data)
    counts = torch.tensor(data.counts)
    torch.testing.assert_close(
        (task.weights * counts)[counts > 0].diff(), torch.zeros((counts > 0).sum() - 1)
    )
    numbers = make_data("number")
    task = make_task(numbers)
    make_trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(task, numbers)
    given = torch.tensor([example.label for example in numbers.examples("train")])
    torch.testing.assert_close(task.centre, given.mean())
    torch.testing.assert_close(task.scale, given.std(correction=0))
    torch.testing.assert_close(task.predictions(torch.zeros(1, 1)), given.mean().view(1, 1))


def test_penalties_shrink_weights(tmp_path):
    data, sizes = make_data(), {}
    for name, changes in {"plain": {}, "l1": {"l1": 1.0}, "l2": {"l2": 10.0}}.items():
        task = make_task(data, weight_decay=0.0, **changes)
        make_trainer(tmp_path, max_epochs=3, limit_val_batches=0).fit(task, data)
        sizes[name] = task.model.head[-1].weight.abs().sum()
    assert sizes["l1"] < sizes["plain"]
    assert sizes["l2"] < sizes["plain"]


def test_unlabelled_images_are_left_out_of_the_loss():
    data = make_data()
    batch, task = a_batch(data), make_task(data).eval()
    labels = batch.labels.clone()
    labels[::2] = -1
    some, outputs = task.model_step(batch._replace(labels=labels))
    torch.testing.assert_close(some, F.cross_entropy(outputs[1::2], batch.labels[1::2]))


# Transfer: what is open, and that resuming opens it again.


@pytest.fixture(scope="module")
def encoder(fitted):
    """The setting that starts an encoder from that of the short run."""
    return {"weights": str(fitted[-1])}


@pytest.mark.parametrize(
    ("transfer", "expected"),
    [("head", 0), ("last_stages", 1), ("gradual", 0), ("full", 3), ("none", 3)],
)
def test_a_strategy_trains_its_stages_only(transfer, expected, encoder, tmp_path):
    data = make_data()
    task = make_task(data, encoder=encoder, transfer=transfer)
    before = {name: value.clone() for name, value in task.model.encoder.state_dict().items()}
    make_trainer(tmp_path, limit_val_batches=0).fit(task, data)
    after = task.model.encoder.state_dict()
    changed = {name.split(".")[1] for name in after if not after[name].equal(before[name])}
    # Weights and batch normalisation of closed stages are what they were.
    assert changed == {str(stage) for stage in range(3 - expected, 3)}


@pytest.mark.parametrize("step", [4, 6, 8])
def test_a_gradual_run_resumes_with_the_same_open_stages_to_the_bit(step, encoder, tmp_path):
    path, quick = tmp_path / "middle.ckpt", {"max_epochs": 3, "limit_val_batches": 0}
    own = {"encoder": encoder, "transfer": "gradual", "depth_factor": 2.0, "mixup": 0.2}
    unbroken, resumed = (make_task(make_data(), sizes={"dropout": 0.2}, **own) for _ in range(2))
    make_trainer(tmp_path, callbacks=[SaveAt(step, path)], **quick).fit(unbroken, make_data())
    make_trainer(tmp_path, **quick).fit(resumed, make_data(), ckpt_path=path)
    opened = [
        [any(p.requires_grad for p in block.parameters()) for block in task.model.encoder.blocks]
        for task in (unbroken, resumed)
    ]
    assert opened == [[False, True, True]] * 2
    torch.testing.assert_close(resumed.state_dict(), unbroken.state_dict(), rtol=0, atol=0)


def test_a_run_with_muon_resumes_to_the_bit(tmp_path):
    path, quick = tmp_path / "middle.ckpt", {"max_epochs": 2, "limit_val_batches": 0}
    encoder = {"name": "residual", "channels": [32, 32], "strides": [2, 2]}
    unbroken, resumed = (make_task(make_data(), encoder=encoder, muon=True) for _ in range(2))
    make_trainer(tmp_path, callbacks=[SaveAt(4, path)], **quick).fit(unbroken, make_data())
    assert len(unbroken.trainer.optimizers[0].param_groups[0]["params"]) == 2
    make_trainer(tmp_path, **quick).fit(resumed, make_data(), ckpt_path=path)
    torch.testing.assert_close(resumed.state_dict(), unbroken.state_dict(), rtol=0, atol=0)


def test_lower_stages_learn_more_slowly(encoder, tmp_path):
    data = make_data()
    task = make_task(data, encoder=encoder, depth_factor=2.0, encoder_rate=0.5)
    make_trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(task, data)
    rates = {
        id(parameter): group["initial_lr"]
        for group in task.trainer.optimizers[0].param_groups
        for parameter in group["params"]
    }
    factors = [rates[id(group[0])] / 5e-3 for group in task.model.parameters_by_depth()]
    assert factors == pytest.approx([0.0625, 0.125, 0.25, 1.0])


def test_a_frozen_encoder_with_random_weights_is_refused(tmp_path):
    data = make_data()
    with pytest.raises(ValueError, match=r"`transfer` head builds on what an encoder has learned"):
        make_trainer(tmp_path).fit(make_task(data, transfer="head"), data)


def test_too_few_labels_are_refused():
    settings = ClassifierSettings(EncoderSettings(**ENCODER))
    with pytest.raises(ValueError, match="at least 2 labels to tell apart"):
        ClassificationTask(settings, ["cat"], {"size": 48})
