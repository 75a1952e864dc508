import torch
from lightning.pytorch import LightningDataModule, LightningModule
from tiny_run import make_task, make_trainer

from multimodal.nn.encoders import SmallCNN
from multimodal.training.connection import Connection, connect


class Examples(LightningDataModule):
    def __init__(self):
        super().__init__()
        self.asked = []

    def examples(self, split):
        self.asked.append(split)
        return [1, 2, 3]

    def train_dataloader(self):
        return [[1, 2], [3]]


class Images(LightningDataModule):
    def use_encoder(self, encoder, *, trained_from_epoch, trainable_stages):
        self.given = encoder, trained_from_epoch, trainable_stages


class Learner(LightningModule):
    def use_training_data(self, examples, batches):
        self.examples, self.batches = examples, batches


class Looker(LightningModule):
    def __init__(self, encoder):
        super().__init__()
        self.model = torch.nn.ModuleDict({"encoder": encoder})
        self.unfreeze_epoch = 3


def test_a_task_can_read_the_training_data_and_they_are_read_then():
    task, data = Learner(), Examples()
    connect(task, data)
    assert data.asked == []
    assert task.examples() == [1, 2, 3]
    assert data.asked == ["train"]
    assert task.batches() == [[1, 2], [3]]


def test_data_get_the_encoder_and_the_epoch_from_which_it_is_trained():
    encoder, data = SmallCNN(trainable_stages=0), Images()
    connect(Looker(encoder), data)
    assert data.given == (encoder, 3, 0)


def test_data_of_a_task_without_an_image_encoder_get_none():
    data = Images()
    connect(Looker(torch.nn.Linear(1, 1)), data)
    assert not hasattr(data, "given")


def test_tasks_and_data_of_users_need_no_methods():
    connect(LightningModule(), LightningDataModule())
    connect(Learner(), LightningDataModule())
    connect(LightningModule(), Examples())


def test_a_trainer_connects_its_task_and_data(tmp_path):
    task, data = Learner(), Examples()
    trainer = make_trainer(tmp_path)
    trainer.datamodule = data
    Connection().setup(trainer, task, "fit")
    assert task.examples() == [1, 2, 3]


def test_a_trainer_without_a_data_module_connects_nothing(tmp_path):
    make_trainer(tmp_path, max_steps=1).fit(make_task())
