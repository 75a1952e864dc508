import pytest

from multimodal.cli.mistakes import explain, refusal


@pytest.mark.parametrize(
    "complaint",
    [
        "error: Option 'hiden_dim' is not accepted\n  more\n  Expected NoneType",
        "Key 'settings.hiden_dim' is not expected",
        "Unrecognized arguments: --model.settings.hiden_dim 3",
    ],
)
def test_a_misspelt_setting_gets_the_closest_one(complaint):
    assert explain(complaint).endswith("Did you mean 'hidden_dim'?")


def test_the_closest_one_is_looked_for_in_the_class_that_was_given_it():
    # `log_every_n_steps` of the trainer is as close, and is none of that class's.
    complaint = """Parser key "trainer.callbacks":
  Errors:
    - Problem with given class_path 'multimodal.training.LastCheckpoint':
        Option 'every_n_stepz' is not accepted"""
    assert explain(complaint).endswith("Did you mean 'every_n_steps'?")


def test_a_setting_of_another_class_is_offered_where_its_own_has_none_like_it():
    complaint = """- Problem with given class_path 'multimodal.captioning.data.CaptionData':
        Option 'learning_rat' is not accepted"""
    assert explain(complaint).endswith("Did you mean 'learning_rate'?")


@pytest.mark.parametrize("key", ["strids", "compositionl", "holdot", "gradient_clip_vl"])
def test_all_parts_of_a_configuration_are_known(key):
    assert "Did you mean" in explain(f"Option '{key}' is not accepted")


def test_a_setting_like_no_other_is_named_without_a_guess():
    assert explain("Option 'zzzzzzzz' is not accepted") == "Unknown setting 'zzzzzzzz'."


def test_other_complaints_keep_three_lines():
    assert explain("one\ntwo\nthree\nfour\nfive").splitlines() == ["one", "two", "five"]


def test_the_innermost_wrong_value_is_named_with_what_was_expected():
    complaint = """Parser key "model":
  Does not validate against any of the Union subtypes
  Errors:
    - Problem with given class_path 'multimodal.captioning.task.CaptioningTask':
        Parser key "settings.decoder":
          Expected a typing.Literal['attention', 'show_tell']. Got value: transformer
    - Expected a <class 'NoneType'>
  Given value: NestedArg(key='settings.decoder', val='transformer')"""
    assert explain(complaint) == (
        "Wrong value for 'settings.decoder': expected one of attention, show_tell, got transformer."
    )


def test_a_number_that_is_none_is_said_to_be_none():
    complaint = """Parser key "trainer.max_epochs":
  Errors:
    - Expected a <class 'int'>
    - Expected a <class 'NoneType'>
  Given value: many"""
    assert explain(complaint) == (
        "Wrong value for 'trainer.max_epochs': expected a whole number, got many."
    )


def test_missing_options_point_to_a_configuration():
    complaint = "the following arguments are required: fit.data, fit.model"
    assert "Missing: fit.data, fit.model. Name a configuration" in explain(complaint)


def test_a_class_that_is_not_there_is_named():
    complaint = """Parser key "model":
  - Problem with given class_path 'a.b.C':
      module 'a.b' has no attribute 'C'
"""
    assert explain(complaint) == (
        "Wrong value for 'model': a.b.C: module 'a.b' has no attribute 'C'."
    )


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
