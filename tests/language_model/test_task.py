import math

import pytest
import torch
import torch.nn.functional as F
from task_trainer import SaveAt, make_trainer

from multimodal.data.text_source import TextSource
from multimodal.language_model.data import LanguageModelData
from multimodal.language_model.model import LanguageModelSettings
from multimodal.language_model.task import LanguageModelTask
from multimodal.nn.text_encoder import TextEncoderSettings

SOURCES = [TextSource(options={"train": 20, "val": 4, "test": 4})]


def make_data(**changes) -> LanguageModelData:
    return LanguageModelData(**{"sources": SOURCES, "batch_size": 4, "window": 12, **changes})


def make_task(data: LanguageModelData, *, reader=None, **changes) -> LanguageModelTask:
    torch.manual_seed(0)
    sizes = {"directions": "ahead", "embedding_dim": 12, "hidden_dim": 16, **(reader or {})}
    settings = LanguageModelSettings(TextEncoderSettings(**sizes))
    arguments = {"learning_rate": 1e-2, **changes}
    return LanguageModelTask(settings, data.vocabulary, data.level, data.keep_lines, **arguments)


@pytest.mark.parametrize("candidates", ["all", "batch"])
@pytest.mark.parametrize("directions", ["ahead", "apart"])
def test_every_parameter_gets_a_gradient(directions, candidates):
    data = make_data()
    penalties = {"activation": 2.0, "change": 1.0}
    task = make_task(data, reader={"directions": directions}, candidates=candidates, **penalties)
    task.log = lambda *_, **__: None
    task.training_step(next(iter(data.train_dataloader())), 0).backward()
    assert [name for name, p in task.model.named_parameters() if p.grad is None] == []


def test_among_all_words_of_the_vocabulary_the_candidates_loss_is_the_full_one():
    data = make_data()
    task = make_task(data)
    batch = next(iter(data.train_dataloader()))
    state = task.model.start(len(batch.tokens))
    everything = torch.arange(len(task.words))
    whole = task.model(batch.tokens, batch.mask, state).logits
    torch.testing.assert_close(
        task.model(batch.tokens, batch.mask, state, everything).logits, whole
    )
    some = torch.tensor([2, 5, 9])
    torch.testing.assert_close(
        task.model(batch.tokens, batch.mask, state, some).logits, whole[:, some]
    )


def test_candidates_estimate_the_loss_over_all_words():
    torch.manual_seed(0)
    task = make_task(make_data(), candidates="batch")
    vocab, windows = len(task.words), 400
    shares = torch.arange(1, vocab + 1).float().reciprocal()
    task.counts.copy_(1000 * shares)
    scores = torch.randn(vocab)
    target = torch.tensor([int(shares.argmax())])
    whole = F.cross_entropy(scores[None], target).exp()
    parts = []
    for _ in range(windows):
        words = torch.multinomial(shares, 60, replacement=True)
        candidates = torch.cat([words, target]).unique()
        logits = scores[candidates].expand(60, -1)
        parts.append(task._loss(logits, target.expand(60), candidates).exp())
    # 1 / probability is linear in the sum over words, which the estimate gets right on average.
    assert torch.stack(parts).mean().item() == pytest.approx(whole.item(), rel=0.1)


def test_all_words_as_candidates_that_every_window_holds_give_the_full_loss():
    task = make_task(make_data(), candidates="batch")
    logits, targets = torch.randn(3, len(task.words)), torch.tensor([4, 9, 4])
    many = logits.repeat(20_000, 1), targets.repeat(20_000)
    everything = torch.arange(len(task.words))
    expected = F.cross_entropy(logits, targets)
    torch.testing.assert_close(task._loss(*many, everything), expected, rtol=1e-3, atol=1e-3)


def test_validation_is_the_perplexity_of_the_whole_text_read_at_once(tmp_path):
    data = make_data(eval_batch_size=1, window=7)
    task = make_task(data)
    trainer = make_trainer(tmp_path)
    (scores,) = trainer.validate(task, data, verbose=False)
    whole = make_data(eval_batch_size=1, window=10_000)
    (batch,) = whole.val_dataloader()
    logits = task.eval()(batch, task.model.start(1)).logits
    expected = math.exp(F.cross_entropy(logits, batch.targets[batch.mask]).item())
    assert scores["val/perplexity"] == pytest.approx(expected, rel=1e-4)


def test_a_resumed_run_goes_on_in_the_middle_of_the_text_to_the_bit(tmp_path):
    path, quick = tmp_path / "middle.ckpt", {"max_epochs": 2, "limit_val_batches": 0}
    data, dropout = make_data(), {"hidden_dropout": 0.2, "weight_drop": 0.2}
    unbroken, resumed = (make_task(data, reader=dropout) for _ in range(2))
    make_trainer(tmp_path, callbacks=[SaveAt(3, path)], **quick).fit(unbroken, data)
    make_trainer(tmp_path, **quick).fit(resumed, make_data(), ckpt_path=path)
    torch.testing.assert_close(resumed.state_dict(), unbroken.state_dict(), rtol=0, atol=0)


def test_perplexity_falls(tmp_path):
    data = make_data()
    task = make_task(data, learning_rate=3e-2)
    (before,) = make_trainer(tmp_path).validate(task, data, verbose=False)
    trainer = make_trainer(tmp_path, max_epochs=4, enable_checkpointing=False)
    trainer.fit(task, data)
    (after,) = make_trainer(tmp_path).validate(task, data, verbose=False)
    assert after["val/perplexity"] < before["val/perplexity"] / 2
