import re

import pytest
import torch
from task_trainer import SaveAt, make_trainer

from multimodal.data.text_source import TextSource
from multimodal.language_model.data import LanguageModelData
from multimodal.language_model.model import LanguageModelSettings
from multimodal.language_model.task import LanguageModelTask
from multimodal.metrics.classification import ClassificationScores
from multimodal.metrics.regression import RegressionScores
from multimodal.nn.embedding import input_scale
from multimodal.nn.text_encoder import TextEncoderSettings
from multimodal.saving.checkpoint import read_checkpoint
from multimodal.sentiment.data import SentimentData, TextSettings
from multimodal.sentiment.model import SentimentSettings
from multimodal.sentiment.task import SentimentTask

COUNTS = {"train": 24, "val": 8, "test": 8}


def make_data(**changes) -> SentimentData:
    text = TextSettings(max_words=40)
    return SentimentData(**{"options": COUNTS, "batch_size": 8, "text": text, **changes})


def make_task(data: SentimentData, *, reader=None, **changes) -> SentimentTask:
    torch.manual_seed(0)
    settings = SentimentSettings(
        TextEncoderSettings(**{"embedding_dim": 12, "hidden_dim": 16, **(reader or {})})
    )
    arguments = {"learning_rate": 1e-2, **changes}
    return SentimentTask(settings, data.vocabulary, data.labels, data.excerpt, **arguments)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """One short run: its trainer, task, data and checkpoint."""
    folder, data = tmp_path_factory.mktemp("run"), make_data()
    task = make_task(data)
    trainer = make_trainer(folder)
    trainer.fit(task, data)
    path = folder / "sentiment.ckpt"
    trainer.save_checkpoint(path)
    return trainer, task, data, path


@pytest.mark.parametrize("frozen", [False, True])
def test_moved_texts_have_a_larger_loss_and_teach_every_parameter(frozen):
    data = make_data()
    task = make_task(data, adversarial=0.5)
    if frozen:
        task.model.embedding.weight.requires_grad_(False)
    batch = next(iter(data.train_dataloader()))
    plain, _ = task.model_step(batch)
    moved = task._loss_with_moved(batch)
    assert moved > plain
    moved.backward()
    assert all((p.grad is not None) == p.requires_grad for p in task.model.parameters())


def test_numbers_are_learned_from_moved_texts_too(tmp_path):
    data = make_data(target="number")
    task = make_task(data, adversarial=0.5)
    before = [parameter.detach().clone() for parameter in task.model.parameters()]
    make_trainer(tmp_path).fit(task, data)
    changed = zip(before, task.model.parameters(), strict=True)
    assert all(torch.isfinite(new).all() and not torch.equal(old, new) for old, new in changed)


def test_a_negative_move_is_refused():
    with pytest.raises(ValueError, match=r"0 or more .* got -1"):
        make_task(make_data(), adversarial=-1.0)


def test_texts_without_a_label_are_left_out_of_the_loss():
    data = make_data()
    task = make_task(data).eval()
    batch = next(iter(data.train_dataloader()))
    labels = batch.labels.clone()
    labels[4:] = -1
    half = batch._replace(tokens=batch.tokens[:4], mask=batch.mask[:4], labels=batch.labels[:4])
    torch.testing.assert_close(
        task.model_step(batch._replace(labels=labels))[0], task.model_step(half)[0]
    )


def test_a_test_reports_the_linear_baseline_and_the_worst_mistakes(fitted, tmp_path, caplog):
    _, task, data, _ = fitted
    trainer = make_trainer(tmp_path)
    with caplog.at_level("INFO"):
        (scores,) = trainer.test(task, data, verbose=False)
    report = re.sub(" +", " ", (tmp_path / "report.md").read_text())
    assert f"| this model | {100 * scores['test/accuracy']:.1f} |" in report
    linear = 100 * scores["test/accuracy_linear"]
    assert f"| linear, words and word pairs | {linear:.1f} |" in report
    assert 0 <= scores["test/accuracy_averaged"] <= 1
    assert (tmp_path / "mistakes.tsv").read_text().startswith("text_id\tlabel\tpredicted\t")
    assert "both, averaged" in caplog.text


def test_prediction_names_each_text_and_its_label(fitted):
    trainer, task, data, _ = fitted
    task.trainer = trainer
    batch = next(iter(data.test_dataloader()))
    entries = task.eval().predict_step(batch, 0)
    assert [entry["text_id"] for entry in entries] == [e.text_id for e in batch.examples]
    assert all(entry["label"] in data.labels and entry["probability"] >= 0.5 for entry in entries)


def test_numbers_are_predicted_on_their_own_scale(tmp_path):
    data = make_data(target="number")
    task = make_task(data)
    trainer = make_trainer(tmp_path)
    trainer.fit(task, data)
    stars = torch.tensor([float(example.label) for example in data.examples("train")])
    assert task.centre.item() == pytest.approx(stars.mean().item(), abs=1e-5)
    trainer.save_checkpoint(tmp_path / "stars.ckpt")
    saved = read_checkpoint(tmp_path / "stars.ckpt")
    assert saved.extra["labels"] == []
    assert saved.extra["target"] == "number"
    assert saved.extra["scale"] == pytest.approx(stars.std(correction=0).item(), abs=1e-5)
    (scores,) = trainer.test(task, data, verbose=False)
    assert 0 < scores["test/mean_error"] < 5
    assert "mean of the training texts" in (tmp_path / "report.md").read_text()
    entries = task.predict_step(next(iter(data.test_dataloader())), 0)
    assert set(entries[0]) == {"text_id", "value"}


def test_scores_fit_the_target():
    assert isinstance(make_task(make_data()).scores["val"], ClassificationScores)
    assert isinstance(make_task(make_data(target="number")).scores["val"], RegressionScores)


def test_a_classifier_starts_from_a_language_models_layers_and_words(tmp_path):
    reader = {"directions": "ahead", "embedding_dim": 12, "hidden_dim": 16}
    source = TextSource(options=COUNTS)
    texts = LanguageModelData(sources=[source], batch_size=2, window=10)
    teacher = LanguageModelTask(
        LanguageModelSettings(TextEncoderSettings(**reader)), texts.vocabulary, "words", False
    )
    trainer = make_trainer(tmp_path, max_steps=2)
    trainer.fit(teacher, texts)
    trainer.save_checkpoint(tmp_path / "reader.ckpt")
    data = make_data()
    data.words = texts.words
    task = make_task(data, reader=reader, language_model=str(tmp_path / "reader.ckpt"))
    # A step at no rate changes nothing, so that the weights are those of the start.
    task.rates = type(task.rates)(peak=0.0, weight_decay=0.0)
    make_trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(task, data)
    tokens, mask = torch.arange(4, 9)[None], torch.ones(1, 5, dtype=torch.bool)
    scaled = teacher.model.embedding(tokens) * input_scale(teacher.model.embedding.embedding_dim)
    teacher.eval(), task.eval()
    expected = teacher.model.reader(scaled, mask)
    read = task.model.reader(task.model.embedding(tokens), mask)
    torch.testing.assert_close(read, expected)


def test_a_language_model_of_characters_is_refused(tmp_path):
    reader = {"directions": "ahead", "embedding_dim": 12, "hidden_dim": 16}
    texts = LanguageModelData(
        sources=[TextSource(options=COUNTS)], level="characters", batch_size=2, window=10
    )
    settings = LanguageModelSettings(TextEncoderSettings(**reader))
    trainer = make_trainer(tmp_path, max_steps=1, limit_val_batches=0)
    trainer.fit(LanguageModelTask(settings, texts.vocabulary, "characters", False), texts)
    trainer.save_checkpoint(tmp_path / "reader.ckpt")
    data = make_data()
    task = make_task(data, reader=reader, language_model=str(tmp_path / "reader.ckpt"))
    with pytest.raises(ValueError, match=r"reader.ckpt is a language model of characters.*words"):
        make_trainer(tmp_path).fit(task, data)


def test_vectors_and_a_language_model_exclude_each_other():
    with pytest.raises(ValueError, match="both set the first word vectors; give one"):
        make_task(make_data(), word_vectors="a.txt", language_model="b.ckpt")


def test_layers_open_from_top_to_bottom_and_a_resumed_run_goes_on_to_the_bit(tmp_path):
    path, quick = tmp_path / "middle.ckpt", {"max_epochs": 3, "limit_val_batches": 0}
    changes = {"unfreeze_epochs": 1, "depth_factor": 2.6, "reader": {"input_dropout": 0.3}}
    data = make_data()
    unbroken, resumed = (make_task(data, **changes) for _ in range(2))
    trainer = make_trainer(tmp_path, callbacks=[SaveAt(4, path)], **quick)
    trainer.fit(unbroken, data)
    make_trainer(tmp_path, **quick).fit(resumed, make_data(), ckpt_path=path)
    torch.testing.assert_close(resumed.state_dict(), unbroken.state_dict(), rtol=0, atol=0)


def test_below_the_open_layers_nothing_moves(tmp_path):
    data = make_data()
    task = make_task(data, unfreeze_epochs=1)
    before = {name: tensor.clone() for name, tensor in task.model.state_dict().items()}
    make_trainer(tmp_path, max_epochs=1, limit_val_batches=0).fit(task, data)
    moved = {n for n, tensor in task.model.state_dict().items() if not tensor.equal(before[n])}
    assert moved == {"head.1.weight", "head.1.bias"}
