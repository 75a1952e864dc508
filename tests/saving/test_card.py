import pytest
import tiny_answerer
import tiny_captioner
import tiny_classifier
import tiny_critic
import tiny_writer

from multimodal.saving.card import write_card
from multimodal.saving.checkpoint import read_checkpoint
from multimodal.saving.runs import RunFacts

CONFIG = {
    "seed_everything": 3,
    "model": {
        "class_path": "multimodal.captioning.task.CaptioningTask",
        "init_args": {"settings": {"encoder": {"weights": "/home/ann/cnn.pth"}}, "beam_size": None},
    },
    "data": {"init_args": {"format": "table", "root": "C:\\Users\\ann\\photos|mine"}},
    "trainer": {"max_epochs": 3, "callbacks": [{"dirpath": "/home/ann/runs"}]},
}


@pytest.fixture
def saved(tmp_path):
    return read_checkpoint(tiny_captioner.save(tmp_path / "best.ckpt"))


def test_facts_that_were_not_recorded_are_unknown(saved):
    card = write_card(saved, RunFacts(), "mine")
    for text in (
        "format         | unknown",
        "train examples | unknown",
        "seed                   |",
        "Test scores: unknown. `multimodal test` before the export makes them known.",
        "Unknown: the run's config.yaml was not there.",
    ):
        assert text in card
    assert card.count("unknown") == 9


def test_a_card_has_all_facts_of_its_run(saved):
    facts = RunFacts(
        config=CONFIG,
        progress={"epoch": 1, "global_step": 1234, "pytorch-lightning_version": "2.6.6"},
        val={"cider": 1.25},
        test={"bleu4": 0.5},
        report="| a | report |",
    )
    card = write_card(saved, facts, "mine", scores={"bleu4": 0.49}, notes=["Photos of Ann."])
    title = ("# mine", 'multimodal.load("mine")')
    numbers = ("1,234", "Lightning 2.6.6", "0.4900", "0.5000", "1.2500", "| a | report |")
    paths = ("Photos of Ann.", ".../photos\\|mine", ".../cnn.pth", "max_epochs: 3")
    for text in (*title, *numbers, *paths, "multimodal fit --config config.yaml"):
        assert text in card, text


def test_a_card_names_no_folder_of_the_machine(saved):
    card = write_card(saved, RunFacts(config=CONFIG), "mine", command="multimodal fit -c mine")
    assert "ann" not in card
    assert "multimodal fit -c mine" in card
    assert "beam_size" not in card  # it was unset


@pytest.mark.parametrize(
    ("tiny", "text"),
    [
        (tiny_captioner, "the score of a caption is the model's own"),
        (tiny_answerer, "chooses among 5 answers"),
        (tiny_critic, "passes over the others, which it names"),
        (tiny_classifier, "It knows its 3 labels only"),
        (tiny_writer, "what it writes is not to be believed"),
    ],
)
def test_each_task_has_its_call_and_its_limits(tiny, text, tmp_path):
    card = write_card(read_checkpoint(tiny.save(tmp_path / "best.ckpt")), RunFacts(), "mine")
    assert text in card
    assert "print(model(" in card
    assert "{" not in card.split("## Configuration")[0]


def test_a_model_of_numbers_has_no_labels(tmp_path):
    saved = read_checkpoint(tiny_classifier.save(tmp_path / "best.ckpt", target="number"))
    card = write_card(saved, RunFacts(), "mine")
    assert "It gives a number for any picture" in card
    assert "labels" not in card
