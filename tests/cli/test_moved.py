from inspect import signature

import pytest

from multimodal.cli.moved import CLASSES, KEYS, REPORTS
from multimodal.data.text_source import TextSource
from multimodal.tasks import TASKS

DATA = {row.data: row for row in TASKS.values()}


@pytest.mark.parametrize("name", KEYS)
def test_no_setting_is_listed_as_old_that_is_still_there(name):
    owner = TextSource if name == "TextSource" else DATA[name].load("data")
    assert not set(KEYS[name]) & set(signature(owner).parameters)


@pytest.mark.parametrize("name", KEYS)
def test_every_new_name_begins_with_a_setting_that_is_there(name):
    owner = TextSource if name == "TextSource" else DATA[name].load("data")
    first = {new.partition(".")[0].split(" ")[0].rstrip(":") for new in KEYS[name].values()}
    assert first - {"nothing"} <= set(signature(owner).parameters)


def test_reports_that_tasks_add_are_refused_by_both_their_old_paths():
    paths = ("training.pictures", "captioning.report")
    assert {f"multimodal.{each}.CaptionPictures" for each in paths} <= REPORTS
    assert len(REPORTS) == 2 * 4


def test_every_task_and_data_module_has_its_old_paths():
    assert len(CLASSES) == 3 * len(TASKS)
