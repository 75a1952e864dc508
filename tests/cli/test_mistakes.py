from pathlib import Path

import pytest

from multimodal.cli.mistakes import check_keys, explain, refusal
from multimodal.cli.moved import CLASSES, KEYS, REPORTS
from multimodal.tasks import TASKS

SMOKE = Path(__file__).parents[2] / "multimodal" / "configs" / "smoke_captioning.yaml"


def check(*options: str, config: Path = SMOKE) -> None:
    check_keys(["fit", "--config", str(config), *options])


def changed(folder: Path, old: str, new: str, source: Path = SMOKE) -> Path:
    path, text = folder / "mine.yaml", source.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


@pytest.mark.parametrize(
    ("option", "close"),
    [
        ("model.settings.hiden_dim", "hidden_dim"),
        ("model.init_args.settings.encoder.strids", "strides"),
        ("data.transform.siz", "size"),
        ("data.holdot", "holdout"),
        ("trainer.gradient_clip_vl", "gradient_clip_val"),
        ("sed_everything", "seed_everything"),
        ("data.learning_rat", "model.learning_rate"),
    ],
)
def test_a_misspelt_option_gets_the_closest_setting(option, close):
    with pytest.raises(ValueError, match=f"^--{option}: unknown .* Did you mean '{close}'"):
        check(f"--{option}", "3")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "        every_n_steps",
            "        every_n_stepz",
            "unkn.* 'every_n_stepz'.*n 'every_n_st",
        ),
        ("hidden_dim: 24", "hiden_dim: 24", r"yaml:13: unk.* 'hiden_dim'.* mean 'hidden_dim'"),
        ("dropout: 0.1", "dropout: much", r"yaml:15: wrong value for 'dropout': expected a numbe"),
        ("decoder: attention", "decoder: transformer", "expected one of .*, got transformer"),
        ("max_epochs: 3", "max_epochs: many", r"for 'max_epochs': expected a whole number, got m"),
        ("callbacks.EarlyStopping", "callbacks.EarlyStop", "there is no class .*EarlyStop'"),
        ("multimodal.captioning.task", "multimodal.captioning.tusk", "there is no class"),
        ("trainer:\n", "trianer:\n", "unknown setting 'trianer'.* mean 'trainer'"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_its_line(old, new, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        check(config=changed(tmp_path, old, new))


@pytest.mark.parametrize(
    "option",
    [
        "--model.learning_rate=1e-3",
        "--trainer.max_epochs=3",
        "--trainer.precision=bf16-true",
        "--trainer.logger=false",
        "--data.cache=",
        "--data.options.train=9",
        "--model.settings.encoder.channels=[8, 8]",
        "--trainer.callbacks+=EarlyStopping",
        "--seed_everything=3",
    ],
)
def test_what_the_parser_takes_is_not_refused(option):
    check(option)


def test_a_setting_like_no_other_is_named_without_a_guess():
    with pytest.raises(ValueError, match=r"^--data\.zzzzzzzz: unknown setting 'zzzzzzzz'\.$"):
        check("--data.zzzzzzzz", "3")


def test_missing_options_point_to_a_configuration():
    with pytest.raises(ValueError, match=r"Missing: model, data\. Name a configuration, such as"):
        check_keys(["fit"])
    check_keys(["fit", "--help"])


@pytest.mark.parametrize("old", CLASSES)
def test_an_old_class_gets_its_new_place(old, tmp_path):
    section = "data" if old.endswith("Data") else "model"
    with pytest.raises(ValueError, match=f"the class {old} is now {CLASSES[old]}"):
        check(f"--{section}", old)


def test_every_new_place_of_a_class_exists():
    parts = {f"multimodal.{row.name}.task.{row.module}" for row in TASKS.values()}
    parts |= {f"multimodal.{row.name}.data.{row.data}" for row in TASKS.values()}
    assert set(CLASSES.values()) == parts


@pytest.mark.parametrize("old", sorted(REPORTS))
def test_an_old_report_is_to_be_removed(old, tmp_path):
    config = changed(tmp_path, "lightning.pytorch.callbacks.EarlyStopping", old)
    with pytest.raises(ValueError, match=r"mine\.yaml:\d+: .* its task adds it\. Remove it"):
        check(config=config)


@pytest.mark.parametrize("row", TASKS.values(), ids=lambda row: row.name)
def test_every_old_setting_of_data_gets_its_new_name(row):
    config = SMOKE.with_name(f"smoke_{row.name}.yaml")
    for old, new in KEYS[row.data].items():
        with pytest.raises(ValueError) as refused:  # noqa: PT011 (the text is compared below)
            check(f"--data.{old}", "3", config=config)
        assert str(refused.value) == f"--data.{old}: the setting {old!r} is now {new}."


def test_an_old_setting_of_a_source_gets_its_new_name(tmp_path):
    smoke = SMOKE.with_name("smoke_language_model.yaml")
    config = changed(tmp_path, "        options:\n", "        reviews:\n", smoke)
    with pytest.raises(ValueError, match=r"mine\.yaml:\d+: the setting 'reviews' is now options"):
        check(config=config)


def test_other_complaints_keep_three_lines():
    assert explain("one\ntwo\nthree\nfour\nfive").splitlines() == ["one", "two", "five"]


def test_what_a_task_refuses_is_said_without_the_configuration_around_it():
    complaint = """Does not validate against any of the Union subtypes
Subtypes: [<class 'lightning.pytorch.core.module.LightningModule'>, <class 'NoneType'>]
Errors:
  - blind.ckpt is no baseline of this run: its words are others. Train it on the same data.
  - Expected a <class 'NoneType'>
Given value type: <class 'jsonargparse._namespace.Namespace'>
Given value: Namespace(class_path='multimodal.vqa.task.VQATask')"""
    assert refusal(complaint) == (
        "blind.ckpt is no baseline of this run: its words are others. Train it on the same data."
    )
