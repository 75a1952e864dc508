from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback
from task_trainer import SaveAt, make_trainer

from multimodal.captioning.data import CaptionData
from multimodal.captioning.model import CaptionerSettings
from multimodal.captioning.self_critical import CaptionReward
from multimodal.captioning.task import CaptioningTask
from multimodal.data.transforms import TransformSettings
from multimodal.nn.decoders import DECODERS
from multimodal.nn.encoders import EncoderSettings
from multimodal.text import Vocabulary
from multimodal.training.connection import connect

SETTINGS = CaptionerSettings(
    encoder=EncoderSettings(channels=[8, 16], strides=[4, 2]),
    embedding_dim=24,
    hidden_dim=32,
    attention_dim=16,
    dropout=0.0,
)


def make_data(**changes) -> CaptionData:
    settings = {
        "options": {"train": 8, "val": 4, "test": 4},
        "transform": TransformSettings(size=48),
        "batch_size": 4,
    }
    return CaptionData(**{**settings, **changes})


def make_task(data: CaptionData, **changes) -> CaptioningTask:
    torch.manual_seed(0)
    arguments = {"settings": SETTINGS, "learning_rate": 5e-3, "beam_size": 2, **changes}
    settings = arguments.pop("settings")
    return CaptioningTask(settings, data.vocabulary, data.eval_transform, **arguments)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """One short run: its trainer, task, data and checkpoint."""
    data = make_data()
    task = make_task(data)
    trainer = make_trainer(tmp_path_factory.mktemp("run"))
    trainer.fit(task, data)
    path = Path(trainer.default_root_dir) / "saved.ckpt"
    trainer.save_checkpoint(path)
    return trainer, task, data, path


def test_predictions_have_the_form_of_cocos_results(fitted):
    trainer, task, data, _ = fitted
    (results,) = trainer.predict(task, data)
    assert [result["image_id"] for result in results] == [0, 1, 2, 3]
    assert all(isinstance(result["caption"], str) for result in results)


def test_a_warm_start_takes_weights_though_the_words_differ(fitted):
    _, task, data, path = fitted
    fewer = make_data()
    fewer.words = Vocabulary([*data.vocabulary[:4], *reversed(data.vocabulary[4:-3]), "zebra"])
    started = make_task(fewer, warm_start=str(path))
    word = data.vocabulary[6]
    torch.testing.assert_close(
        started.model.embedding.weight[started.words.encode([word])[0]],
        task.model.embedding.weight[6],
    )
    torch.testing.assert_close(started.model.encoder.state_dict(), task.model.encoder.state_dict())


@pytest.mark.parametrize("decoder", DECODERS)
def test_every_decoder_trains_with_every_term_of_the_loss(decoder, tmp_path):
    data = make_data()
    task = make_task(
        data,
        settings=replace(SETTINGS, decoder=decoder),
        scheduled_sampling=0.5,
        attention_penalty=1.0 if DECODERS[decoder].build.attends else 0.0,
        label_smoothing=0.1,
    )
    make_trainer(tmp_path, limit_val_batches=0).fit(task, data)
    assert torch.isfinite(task.trainer.callback_metrics["train/loss"])


def test_an_attention_penalty_without_attention_is_refused():
    settings = replace(SETTINGS, decoder="show_tell")
    with pytest.raises(ValueError, match=r"must be 0 for the decoder show_tell.* got 0\.5"):
        make_task(make_data(), settings=settings, attention_penalty=0.5)


def test_the_doubly_stochastic_term_is_equation_14():
    data = make_data()
    batch = next(iter(data.train_dataloader()))
    plain, punished = (make_task(data, attention_penalty=weight) for weight in (0.0, 0.5))
    for task in (plain, punished):
        task.eval()
        task.label_smoothing = 0.0
    mask = batch.mask[..., 1:]
    _, weights = plain.model(plain.features(batch), batch.tokens[..., :-1], mask)
    terms = [
        (1 - weights[image, caption, : int(mask[image, caption].sum())].sum(dim=0)).square().sum()
        for image in range(4)
        for caption in range(5)
    ]
    expected = plain.model_step(batch)[0] + 0.5 * torch.stack(terms).mean()
    torch.testing.assert_close(punished.model_step(batch)[0], expected)


def test_scheduled_sampling_replaces_no_word_at_first_and_never_the_first():
    data = make_data()
    task = make_task(data, scheduled_sampling=1.0)
    batch = next(iter(data.train_dataloader()))
    features, tokens, mask = task.features(batch), batch.tokens[..., :-1], batch.mask[..., 1:]

    class Progress:
        estimated_stepping_batches = 10
        global_step = 10

    task._trainer = Progress()
    task.__class__ = type("Late", (CaptioningTask,), {"global_step": 10, "trainer": Progress()})
    mixed = task._mix_predictions(features, tokens, mask)
    assert (mixed[..., 0] == tokens[..., 0]).all()
    assert (mixed != tokens).any()
    task.__class__ = type("Early", (CaptioningTask,), {"global_step": 0, "trainer": Progress()})
    assert (task._mix_predictions(features, tokens, mask) == tokens).all()


def test_the_encoder_opens_at_its_epoch_and_again_when_resumed(tmp_path):
    data = make_data()
    frozen = EncoderSettings(channels=[8, 16], strides=[4, 2], trainable_stages=0)
    settings = CaptionerSettings(**{**vars(SETTINGS), "encoder": frozen})
    task = make_task(data, settings=settings, unfreeze_epoch=1, unfreeze_stages=1)
    before = {name: value.clone() for name, value in task.model.encoder.named_parameters()}
    trainer = make_trainer(tmp_path, limit_val_batches=0)
    trainer.fit(task, data)
    for name, parameter in task.model.encoder.named_parameters():
        assert torch.equal(parameter, before[name])
    trainer.save_checkpoint(tmp_path / "one.ckpt")
    resumed = make_task(data, settings=settings, unfreeze_epoch=1, unfreeze_stages=1)
    make_trainer(tmp_path, limit_val_batches=0, max_epochs=2).fit(
        resumed, data, ckpt_path=tmp_path / "one.ckpt"
    )
    after = dict(resumed.model.encoder.named_parameters())
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed
    assert all(name.startswith("blocks.1") for name in changed)


def test_a_cache_beside_a_trained_encoder_is_refused(tmp_path):
    data = make_data(cache=str(tmp_path / "cache"))
    with pytest.raises(ValueError, match="this run trains the encoder"):
        make_trainer(tmp_path).fit(make_task(data), data)


def test_eight_scenes_are_captioned_by_heart(tmp_path):
    data = make_data(batch_size=8)
    data._examples["train"] = [
        replace(example, captions=example.captions[:1]) for example in data.examples("train")
    ]
    settings = CaptionerSettings(**{**vars(SETTINGS), "hidden_dim": 64, "embedding_dim": 48})
    task = make_task(data, settings=settings, learning_rate=1e-2)
    make_trainer(tmp_path, max_epochs=100, limit_val_batches=0, gradient_clip_val=1.0).fit(
        task, data
    )
    batch = next(iter(data.train_dataloader()))
    expected = [example.captions[0] for example in batch.examples]
    written = [" ".join(words) for words in task.eval().write(batch)]
    assert written == expected


SELF_CRITICAL = {"self_critical_epoch": 0, "learning_rate": 2e-3, "warmup": 0.0}


@pytest.mark.parametrize("decoder", DECODERS)
def test_every_decoder_learns_from_its_own_captions(decoder, tmp_path):
    data = make_data()
    settings = CaptionerSettings(**{**vars(SETTINGS), "decoder": decoder})
    task = make_task(data, settings=settings, self_critical_weight=1.0, **SELF_CRITICAL)
    before = {name: value.clone() for name, value in task.model.named_parameters()}
    make_trainer(tmp_path, limit_val_batches=0).fit(task, data)
    assert torch.isfinite(task.trainer.callback_metrics["train/reward"])
    after = dict(task.model.named_parameters())
    assert [name for name in before if torch.equal(before[name], after[name])] == []


def test_until_its_epoch_self_critical_training_changes_nothing(tmp_path):
    data = make_data()
    weights = []
    for epoch in (-1, 1):
        task = make_task(data, self_critical_epoch=epoch)
        make_trainer(tmp_path, limit_val_batches=0).fit(task, data)
        assert "train/reward" not in task.trainer.callback_metrics
        weights.append(task.model.state_dict())
    torch.testing.assert_close(*weights, rtol=0, atol=0)


def test_a_self_critical_run_resumes_to_the_bit(tmp_path):
    data = make_data()
    settings = CaptionerSettings(**{**vars(SETTINGS), "dropout": 0.3})
    changes = {"settings": settings, "self_critical_bleu": 1.0, **SELF_CRITICAL}
    unbroken, resumed = (make_task(data, **changes) for _ in range(2))
    path = tmp_path / "middle.ckpt"  # of the first epoch, which has two batches
    quick = {"max_epochs": 2, "limit_val_batches": 0}
    make_trainer(tmp_path, callbacks=[SaveAt(1, path)], **quick).fit(unbroken, data)
    make_trainer(tmp_path, **quick).fit(resumed, make_data(), ckpt_path=path)
    torch.testing.assert_close(resumed.state_dict(), unbroken.state_dict(), rtol=0, atol=0)


def test_the_reward_knows_the_training_captions():
    data = make_data()
    task = make_task(data, self_critical_epoch=0)
    connect(task, data)
    task.on_train_start()
    captions = [example.captions for example in data.examples("train")]
    expected = CaptionReward(captions, data.words).rarity
    rarity = task._reward.rarity
    assert (rarity.shared, rarity.unseen) == (expected.shared, expected.unseen)


def test_self_critical_training_needs_the_training_captions(tmp_path):
    data = make_data()
    task = make_task(data, self_critical_epoch=0)
    with pytest.raises(ValueError, match="scores captions against all training captions"):
        make_trainer(tmp_path, limit_val_batches=0).fit(task, data.train_dataloader())


class Rewards(Callback):
    """Keep the mean reward of every step."""

    def __init__(self):
        self.values = []

    def on_train_batch_end(self, trainer, *_):
        if "train/reward" in trainer.callback_metrics:
            self.values.append(float(trainer.callback_metrics["train/reward"]))


@pytest.mark.slow
def test_the_reward_rises_on_eight_scenes(tmp_path):
    data, rewards = make_data(batch_size=8), Rewards()
    task = make_task(data, learning_rate=1e-2, warmup=0.0, self_critical_epoch=10)
    quick = {"max_epochs": 70, "limit_val_batches": 0, "gradient_clip_val": 1.0}
    make_trainer(tmp_path, callbacks=[rewards], **quick).fit(task, data)
    assert len(rewards.values) == 60
    assert sum(rewards.values[-5:]) > 2 * sum(rewards.values[:5]) > 0
