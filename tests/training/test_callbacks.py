from tiny_run import make_task, make_trainer

from multimodal.training import trusted_callbacks


def test_a_task_brings_its_callbacks_to_any_trainer(tmp_path):
    trainer = make_trainer(tmp_path, max_steps=1)
    trainer.fit(make_task())
    names = {type(callback).__name__ for callback in trainer.callbacks}
    assert names >= {type(callback).__name__ for callback in trusted_callbacks(0)}


def test_a_trainer_used_twice_has_each_callback_once(tmp_path):
    trainer = make_trainer(tmp_path, max_steps=1)
    task = make_task()
    trainer.fit(task)
    trainer.validate(task)
    names = [type(callback).__name__ for callback in trainer.callbacks]
    assert all(names.count(type(callback).__name__) == 1 for callback in trusted_callbacks(0))
