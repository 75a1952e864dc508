import pytest
import torch
from task_trainer import SaveAt, make_trainer

from multimodal.data.transforms import TransformSettings
from multimodal.nn.encoders import EncoderSettings
from multimodal.text import SPECIALS, Vocabulary
from multimodal.vqa.data import VQAData
from multimodal.vqa.model import AnswererSettings
from multimodal.vqa.task import VQATask

SIZES = {
    "encoder": EncoderSettings(channels=[8, 16], strides=[4, 2]),
    "embedding_dim": 12,
    "question_dim": 16,
    "fusion_dim": 12,
    "answer_dim": 24,
}


def make_data(**changes) -> VQAData:
    settings = {
        "options": {"train": 8, "val": 4, "test": 4, "questions": 4},
        "transform": TransformSettings(size=48),
        "batch_size": 4,
    }
    return VQAData(**{**settings, **changes})


def make_task(data: VQAData, *, sizes=None, **changes) -> VQATask:
    torch.manual_seed(0)
    settings = AnswererSettings(**{**SIZES, **(sizes or {})})
    arguments = {"learning_rate": 5e-3, **changes}
    return VQATask(settings, data.vocabulary, data.answers, data.eval_transform, **arguments)


def batch_of(data: VQAData):
    (batch,) = VQAData.train_dataloader(data) if data.batch_size >= 8 else (None,)
    return batch


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """One short run: its folder, task, data and checkpoint."""
    folder, data = tmp_path_factory.mktemp("run"), make_data()
    task = make_task(data)
    trainer = make_trainer(folder)
    trainer.fit(task, data)
    path = folder / "answerer.ckpt"
    trainer.save_checkpoint(path)
    return trainer, task, data, path


@pytest.mark.parametrize("loss", ["cross_entropy", "soft"])
@pytest.mark.parametrize("fusion", ["slots", "top_down"])
def test_every_loss_trains_every_parameter(loss, fusion):
    data = make_data(batch_size=8)
    task = make_task(data, loss=loss, sizes={"fusion": fusion})
    loss_, logits = task.model_step(batch_of(data))
    loss_.backward()
    assert logits.shape == (32, len(data.answers))
    assert [name for name, p in task.model.named_parameters() if p.grad is None] == []


def test_questions_whose_answer_the_model_cannot_give_are_left_out_of_the_loss():
    data = make_data(batch_size=8)
    batch = batch_of(data)
    task = make_task(data).eval()
    labels = batch.labels.clone()
    labels[::2] = -1
    some, _ = task.model_step(batch._replace(labels=labels))
    rows = torch.arange(1, 32, 2)
    logits = task(batch)[rows]
    expected = torch.nn.functional.cross_entropy(logits, batch.labels[rows])
    torch.testing.assert_close(some, expected)
    none, _ = task.model_step(batch._replace(labels=torch.full_like(labels, -1)))
    assert none == 0


def test_the_soft_loss_is_the_binary_cross_entropy_summed_over_the_answers():
    data = make_data(batch_size=8)
    batch = batch_of(data)
    task = make_task(data, loss="soft").eval()
    loss, logits = task.model_step(batch)
    p = logits.sigmoid()
    direct = -(batch.scores * p.log() + (1 - batch.scores) * (1 - p).log()).sum() / 32
    torch.testing.assert_close(loss, direct)


def test_predictions_have_the_form_of_vqas_results(fitted):
    trainer, task, data, _ = fitted
    entries = [entry for batch in trainer.predict(task, data) for image in batch for entry in image]
    expected = [question.question_id for question in data.questions("test")]
    assert [entry["question_id"] for entry in entries] == expected
    assert all(entry["answer"] in data.answers for entry in entries)


def test_a_test_reports_trained_baselines_beside_the_result(fitted, tmp_path, caplog):
    _, task, data, _ = fitted
    paths = {}
    for option, blind in (("question_only", "image"), ("image_only", "question")):
        trainer = make_trainer(tmp_path / blind)
        trainer.fit(make_task(data, sizes={"blind": blind}), data)
        paths[option] = str(tmp_path / f"{blind}.ckpt")
        trainer.save_checkpoint(paths[option])
    tested = make_task(data, **paths)
    tested.load_state_dict(task.state_dict())
    caplog.set_level("INFO")
    make_trainer(tmp_path).test(tested, data, verbose=False)
    report = (tmp_path / "report.md").read_text()
    assert (
        "question only | image only | commonest of type | commonest of question | bound" in report
    )
    assert "| -" not in report.split("---")[-1]
    assert "not trained" not in report
    assert report.splitlines()[0] in caplog.text


def test_a_baseline_of_other_words_is_refused(fitted):
    *_, path = fitted
    other = make_data()
    other.words = Vocabulary([*SPECIALS, "zebra"])
    with pytest.raises(ValueError, match=r"answerer.ckpt is no baseline of this run"):
        make_task(other, question_only=str(path))


def test_a_network_blind_to_images_runs_no_encoder(monkeypatch):
    data = make_data(batch_size=8)
    task = make_task(data, sizes={"blind": "image"})
    monkeypatch.setattr(task.model.encoder, "forward", None)
    assert task(batch_of(data)).shape == (32, len(data.answers))


def test_a_run_with_muon_resumes_to_the_bit(tmp_path):
    data, path = make_data(), tmp_path / "middle.ckpt"
    sizes = {"fusion_dim": 32, "question_dim": 32}  # Muon takes no narrower matrices
    unbroken, resumed = (make_task(data, sizes=sizes, muon=True) for _ in range(2))
    quick = {"max_epochs": 2, "limit_val_batches": 0}
    make_trainer(tmp_path, callbacks=[SaveAt(1, path)], **quick).fit(unbroken, data)
    assert len(unbroken.trainer.optimizers[0].param_groups[0]["params"]) > 5
    make_trainer(tmp_path, **quick).fit(resumed, make_data(), ckpt_path=path)
    torch.testing.assert_close(resumed.state_dict(), unbroken.state_dict(), rtol=0, atol=0)


def test_words_start_from_given_vectors_and_a_checkpoint_needs_them_no_more(tmp_path):
    data, path = make_data(), tmp_path / "small.txt"
    word = data.vocabulary[5]
    path.write_text(f"{word} {' '.join('3' * 12)}\n")
    task = make_task(data, word_vectors=str(path), learning_rate=0.0)
    trainer = make_trainer(tmp_path, max_steps=1, limit_val_batches=0)
    trainer.fit(task, data)
    assert task.model.questions.embedding.weight[5].tolist() == [3.0] * 12
    trainer.save_checkpoint(tmp_path / "it.ckpt")
    path.unlink()
    again = make_task(data, word_vectors=str(path))
    make_trainer(tmp_path).test(again, data, ckpt_path=tmp_path / "it.ckpt", verbose=False)
    assert again.model.questions.embedding.weight[5].tolist() == [3.0] * 12
