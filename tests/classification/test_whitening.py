import pytest
import torch
from task_trainer import SaveAt, make_trainer

from multimodal.classification.data import ClassificationData, ImageSettings
from multimodal.classification.model import ClassifierSettings
from multimodal.classification.task import ClassificationTask
from multimodal.nn.encoders import EncoderSettings


def make_data():
    return ClassificationData(
        format="scenes",
        options={"train": 24, "val": 4},
        transform=ImageSettings(size=48),
        batch_size=8,
    )


def make_task(data, name="residual", **changes):
    torch.manual_seed(0)
    encoder = EncoderSettings(name=name, channels=[8, 16], strides=[2, 2], **changes)
    return ClassificationTask(
        ClassifierSettings(encoder), data.labels, data.eval_transform, whiten=True
    )


def test_the_stem_starts_from_the_images_and_stays_while_the_rest_learns(tmp_path):
    data, task = make_data(), make_task(make_data())
    before = {name: value.clone() for name, value in task.model.named_parameters()}
    make_trainer(tmp_path, limit_val_batches=0).fit(task, data)
    stem = task.model.encoder.stem[0].weight
    torch.testing.assert_close(stem[:4], -stem[4:])
    fresh = make_task(data).model.encoder
    fresh.whiten(torch.cat([batch.images for batch in ClassificationData.train_dataloader(data)]))
    torch.testing.assert_close(fresh.stem[0].weight, stem)
    same = [name for name, value in task.model.named_parameters() if value.equal(before[name])]
    assert same == []


def test_a_resumed_run_repeats_the_unbroken_one(tmp_path):
    unbroken, resumed, path = make_task(make_data()), make_task(make_data()), tmp_path / "a.ckpt"
    make_trainer(tmp_path, max_epochs=2, limit_val_batches=0, callbacks=[SaveAt(4, path)]).fit(
        unbroken, make_data()
    )
    make_trainer(tmp_path, max_epochs=2, limit_val_batches=0).fit(
        resumed, make_data(), ckpt_path=path
    )
    torch.testing.assert_close(resumed.state_dict(), unbroken.state_dict(), rtol=0, atol=0)
    assert not resumed.model.encoder.stem[0].weight.requires_grad


def test_another_encoder_is_refused(tmp_path):
    data = make_data()
    with pytest.raises(ValueError, match="`whiten` is for the encoder `residual` and the images"):
        make_trainer(tmp_path).fit(make_task(data, name="small"), data)
