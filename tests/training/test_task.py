from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from task_trainer import SaveAt, make_trainer

from multimodal.captioning.data import CaptionData, CaptionText
from multimodal.captioning.model import CaptionerSettings
from multimodal.captioning.task import CaptioningTask
from multimodal.classification.data import ClassificationData, ImageSettings
from multimodal.classification.model import ClassifierSettings
from multimodal.classification.task import ClassificationTask
from multimodal.data.module import DataModule
from multimodal.data.text_source import TextSource
from multimodal.data.transforms import TransformSettings
from multimodal.language_model.data import LanguageModelData
from multimodal.language_model.model import LanguageModelSettings
from multimodal.language_model.task import LanguageModelTask
from multimodal.nn.encoders import EncoderSettings
from multimodal.nn.text_encoder import TextEncoderSettings
from multimodal.saving.checkpoint import read_checkpoint
from multimodal.sentiment.data import SentimentData, TextSettings
from multimodal.sentiment.model import SentimentSettings
from multimodal.sentiment.task import SentimentTask
from multimodal.training.optimisers.adamw import Rates
from multimodal.training.task import Task, refuse_other_network
from multimodal.vqa.data import VQAData
from multimodal.vqa.model import AnswererSettings
from multimodal.vqa.task import VQATask

SCENES = {"train": 8, "val": 4, "test": 4}
REVIEWS = {"train": 8, "val": 4, "test": 4}
ENCODER = EncoderSettings(channels=[8, 16], strides=[4, 2])
LABEL_METRICS = {"accuracy", "macro_f1", "calibration_error"}
READER = TextEncoderSettings(embedding_dim=24, hidden_dim=32, num_layers=1, input_dropout=0.0)


@dataclass
class Case:
    """A task with tiny data, the loss of learned examples, its metrics and its report."""

    data: DataModule[Any, Any]
    task: type[Task]
    settings: Any
    learned: float
    metrics: set[str]
    report: tuple[str, ...] = ()

    def make(self, **changes: Any) -> Task:
        torch.manual_seed(0)
        arguments = {**self.data.linked(), "learning_rate": 1e-2, **changes}
        return self.task(self.settings, **arguments)


def captioning() -> Case:
    data = CaptionData(
        options=SCENES,
        transform=TransformSettings(size=48),
        text=CaptionText(captions_per_image=1),
        batch_size=4,
    )
    settings = CaptionerSettings(
        encoder=ENCODER, embedding_dim=48, hidden_dim=64, attention_dim=16, dropout=0.0
    )
    metrics = {
        *(f"bleu{n}" for n in range(1, 5)),
        "rouge_l",
        "cider",
        "truth/statements",
        "truth/captions",
    }
    report = ("captions.tsv", "captions.png")
    return Case(data, CaptioningTask, settings, 0.8, metrics, report)


def vqa() -> Case:
    data = VQAData(
        options={**SCENES, "questions": 4}, transform=TransformSettings(size=48), batch_size=4
    )
    settings = AnswererSettings(
        encoder=ENCODER, embedding_dim=24, question_dim=32, fusion_dim=32, answer_dim=48
    )
    return Case(data, VQATask, settings, 0.3, {"accuracy"}, ("report.md", "answers.tsv"))


def sentiment() -> Case:
    data = SentimentData(options=REVIEWS, batch_size=4, text=TextSettings(max_words=40))
    report = ("report.md", "mistakes.tsv")
    return Case(data, SentimentTask, SentimentSettings(READER), 0.1, LABEL_METRICS, report)


def classification(train: int = 24) -> Case:
    data = ClassificationData(
        format="scenes", options={**SCENES, "train": train}, batch_size=8,
        transform=ImageSettings(size=48, augmentation="none"),
    )  # fmt: skip
    report = ("report.md", "mistakes.tsv", "confusion.png")
    settings, metrics = ClassifierSettings(ENCODER), {*LABEL_METRICS, "top5_accuracy"}
    return Case(data, ClassificationTask, settings, 0.3, metrics, report)


def language_model() -> Case:
    data = LanguageModelData(sources=[TextSource(options=REVIEWS)], batch_size=2, window=20)
    settings = LanguageModelSettings(TextEncoderSettings(
        embedding_dim=48, hidden_dim=64, num_layers=1, directions="ahead"
    ))  # fmt: skip
    return Case(data, LanguageModelTask, settings, 2.5, {"perplexity"})


CASES = {
    make.__name__: make for make in (captioning, vqa, sentiment, classification, language_model)
}


@pytest.fixture(params=CASES)
def case(request) -> Case:
    return CASES[request.param]()


def fit(case: Case, folder: Path, *, changes: dict[str, Any] | None = None, **trainer: Any) -> Task:
    task = case.make(**(changes or {}))
    make_trainer(folder, **{"limit_val_batches": 0, **trainer}).fit(task, case.data)
    return task


def test_every_parameter_gets_a_gradient(case, tmp_path):
    class Gradients(Callback):
        missing = None

        def on_after_backward(self, trainer, module):
            self.missing = [name for name, p in module.model.named_parameters() if p.grad is None]

    gradients = Gradients()
    fit(case, tmp_path, max_steps=1, callbacks=[gradients])
    assert gradients.missing == []


class Losses(Callback):
    """Keep the losses of the last two steps, and stop when both are low."""

    def __init__(self, low: float) -> None:
        self.low = low
        self.last: list[float] = []

    def on_train_batch_end(self, trainer, *_):
        self.last = [*self.last[-1:], float(trainer.callback_metrics["train/loss"])]
        trainer.should_stop = len(self.last) == 2 and max(self.last) < self.low


def test_eight_examples_are_learned_by_heart(case, tmp_path):
    losses = Losses(case.learned)
    if case.task is ClassificationTask:
        case = classification(train=8)  # too few for the labels of the other tests
    changes = {"label_smoothing": 0.0} if case.task is CaptioningTask else {}
    run = {"max_epochs": 120, "max_steps": 120, "gradient_clip_val": 1.0}
    fit(case, tmp_path, changes=changes, callbacks=[losses], **run)
    assert max(losses.last) < case.learned


def test_a_checkpoint_is_plain_data_and_resumes_to_the_bit(case, tmp_path):
    path = tmp_path / "middle.ckpt"
    unbroken = fit(case, tmp_path, max_epochs=2, callbacks=[SaveAt(1, path)])
    saved = read_checkpoint(path, task=case.task.name)
    assert saved.state_dict.keys() == unbroken.model.state_dict().keys()
    plain = unbroken.saved()
    assert saved.settings == plain["settings"]
    assert saved.vocabulary == plain.get("vocabulary", [])
    assert saved.transform == plain.get("transform", {})
    assert saved.extra == plain.get("extra", {})
    resumed = case.make()
    again = CASES[case.task.name]()
    trainer = make_trainer(tmp_path, max_epochs=2, limit_val_batches=0)
    trainer.fit(resumed, again.data, ckpt_path=path)
    torch.testing.assert_close(resumed.state_dict(), unbroken.state_dict(), rtol=0, atol=0)


def test_a_checkpoint_of_other_words_answers_or_labels_is_refused(case, tmp_path):
    path = tmp_path / "run.ckpt"
    fit(case, tmp_path, max_steps=1, callbacks=[SaveAt(1, path)])
    linked = case.data.linked()
    for name in {"vocabulary", "answers", "labels"} & linked.keys():
        other = case.make(**{name: [*linked[name], "zebra"]})
        with pytest.raises(ValueError, match=rf"The checkpoint's {name} has \d+ entries"):
            make_trainer(tmp_path).fit(other, case.data, ckpt_path=path)


def test_another_optimiser_replaces_the_default(case):
    task = case.make(optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.1))
    optimizer = task.configure_optimizers()
    assert isinstance(optimizer, torch.optim.SGD)
    assert optimizer.param_groups[0]["weight_decay"] == 0


def test_a_test_writes_the_tasks_report(case, tmp_path):
    make_trainer(tmp_path).test(case.make(), case.data, verbose=False)
    assert all((tmp_path / name).is_file() for name in case.report)


def test_validation_logs_the_loss_and_the_metrics(case, tmp_path):
    (metrics,) = make_trainer(tmp_path, limit_val_batches=1).validate(
        case.make(), case.data, verbose=False
    )
    assert {name.removeprefix("val/") for name in metrics} == {"loss", *case.metrics}


def test_a_run_without_an_end_is_refused(case, tmp_path):
    with pytest.raises(ValueError, match=r"set --trainer\.max_epochs or"):
        fit(case, tmp_path, max_epochs=-1)


def test_a_task_without_its_methods_cannot_be_built():
    with pytest.raises(TypeError, match="evaluate, model_step, saved"):
        Task(None, None, None)


def test_a_task_has_no_output_layers_and_callbacks_but_its_own():
    least = type("Least", (Task,), dict.fromkeys(("model_step", "evaluate", "saved")))
    task = least(SentimentSettings(READER), Rates(0.1, 1.0, 0.0, 0.0), None)
    assert task.output_layers() == task.own_callbacks() == []


SETTINGS = {"encoder": {"name": "small", "weights": "a.pth", "trainable_stages": -1}, "hidden": 8}
THEIRS = {"settings": SETTINGS, "vocabulary": ["<pad>", "a"], "extra": {"answers": ["yes", "no"]}}


def ours(**changes):
    return {**THEIRS, **changes}


def test_a_checkpoint_of_the_same_network_and_words_is_accepted():
    refuse_other_network(THEIRS, ours())


def test_the_first_weights_of_the_encoder_may_differ():
    other = {**SETTINGS, "encoder": {"name": "small", "weights": "none", "trainable_stages": 0}}
    refuse_other_network(THEIRS, ours(settings=other))


def test_a_setting_that_an_older_checkpoint_lacks_is_the_default():
    newer = {**SETTINGS, "encoder": {**SETTINGS["encoder"], "activation": "relu"}}
    refuse_other_network(THEIRS, ours(settings=newer))
    newer["encoder"]["activation"] = "elu"
    with pytest.raises(ValueError, match=r"network differs from this run's in encoder"):
        refuse_other_network(THEIRS, ours(settings=newer))


def test_another_size_is_named():
    with pytest.raises(ValueError, match=r"network differs from this run's in hidden"):
        refuse_other_network(THEIRS, ours(settings={**SETTINGS, "hidden": 9}))


def test_other_rows_are_refused_by_their_name():
    with pytest.raises(ValueError, match=r"answers has 2 entries, this run's 2, .* not the same"):
        refuse_other_network(THEIRS, ours(extra={"answers": ["no", "yes"]}))


def test_another_target_is_refused():
    theirs = {"settings": SETTINGS, "extra": {"target": "number"}}
    with pytest.raises(ValueError, match=r"trained with target 'number', this run has .*'count'"):
        refuse_other_network(theirs, {"settings": SETTINGS, "extra": {"target": "count"}})


def test_a_checkpoint_without_settings_is_refused():
    with pytest.raises(ValueError, match=r"differs from this run's in encoder, hidden"):
        refuse_other_network({}, ours())
