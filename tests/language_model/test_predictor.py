import copy
import inspect
import json
from dataclasses import fields

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from tiny_writer import LINES, TEXT, save, trained
from tiny_writer import settings as tiny_settings

from multimodal.language_model.data import LanguageModelData
from multimodal.language_model.model import LanguageModel
from multimodal.language_model.predictor import Passage, Writer, split_prompt
from multimodal.text import BOS_ID, EOS_ID, Vocabulary

BEGUN, END = "Roses are", " red\nviolets aren't blue"


@pytest.fixture(scope="module")
def poet(tmp_path_factory):
    return save(tmp_path_factory.mktemp("model") / "best.ckpt")


@pytest.fixture(scope="module")
def writer(poet):
    return Writer.from_checkpoint(poet, device="cpu")


@pytest.fixture(scope="module")
def speller(tmp_path_factory):
    """A writer of characters."""
    path = save(tmp_path_factory.mktemp("model") / "letters.ckpt", level="characters")
    return Writer.from_checkpoint(path, device="cpu")


def untrained(count=50, **options):
    torch.manual_seed(0)
    words = Vocabulary.build([[f"w{number}" for number in range(count)]])
    return Writer(LanguageModel(tiny_settings(), len(words)), words, device="cpu", **options)


@pytest.mark.parametrize("prompt", ["", "roses", "Roses are", "roses are red", "roses are red\n"])
def test_a_prompt_is_gone_on_with(prompt, writer):
    passage = writer(prompt, temperature=0.0)
    assert isinstance(passage, Passage)
    assert passage.text.lower() == str(passage).lower() == TEXT
    assert passage.text.startswith(prompt)
    assert passage.ended


@pytest.mark.parametrize(
    "prompt", ["", "r", "roses ar", "roses are ", "roses are red\n", TEXT[:-1]]
)
def test_characters_are_gone_on_with(prompt, speller):
    passage = speller(prompt, temperature=0.0)
    assert passage.text == TEXT
    assert passage.tokens == tuple(TEXT[len(prompt) :])


def test_the_prompt_stays_as_it_was_given(writer):
    passage = writer("  ROSES,  are ", temperature=0.0)
    assert passage.prompt == "  ROSES,  are "
    assert passage.text == "  ROSES,  are" + END


def test_a_word_that_belongs_to_the_prompts_last_one_is_closed_up(writer):
    passage = writer("roses are red\nviolets are", temperature=0.0)
    assert passage.tokens[0] == "n't"
    assert passage.text == TEXT


def test_a_text_follows_marks_that_are_no_words_after_a_space(writer):
    assert writer("...", temperature=0.0).text == f"... {TEXT}"


def test_lines_are_those_of_the_model(tmp_path):
    flat = Writer.from_checkpoint(save(tmp_path / "flat.ckpt", keep_lines=False), device="cpu")
    assert flat("roses", temperature=0.0).text == " ".join(LINES)


def test_many_prompts_get_a_list_in_their_order(writer):
    prompts = ["roses", "", "roses are red\nviolets"]
    passages = writer(prompts, temperature=0.0)
    assert [passage.prompt for passage in passages] == prompts
    assert [passage.text for passage in passages] == [TEXT] * 3


def test_batches_of_any_size_write_the_same():
    writer = untrained()
    prompts = ["w1 w2 w3", "", "w4"]
    whole = writer(prompts, temperature=0.0)
    parts = writer(prompts, temperature=0.0, batch_size=1)
    assert [one.tokens for one in parts] == [one.tokens for one in whole]


def test_a_seed_repeats_a_text_and_another_gives_another():
    writer = untrained()
    assert writer("w1", seed=3) == writer("w1", seed=3)
    assert writer("w1", seed=3).tokens != writer("w1", seed=4).tokens


def test_without_a_seed_each_text_is_another_and_says_how_to_repeat_it():
    writer = untrained()
    first, second = writer("w1"), writer("w1")
    assert first.tokens != second.tokens
    assert writer("w1", seed=first.seed) == first


def test_the_same_prompt_several_times_gets_several_texts():
    passages = untrained()(["w1"] * 4, seed=0)
    assert len({passage.tokens for passage in passages}) == 4


def test_chance_is_that_of_the_model_at_temperature_one():
    writer = untrained()
    passage = writer("w1 w2", seed=0, temperature=0.5, max_length=7)
    ids = writer.vocabulary.encode(["w1", "w2", *passage.tokens])
    tokens = torch.tensor([[BOS_ID, *ids]])
    with torch.no_grad():
        logits = writer.model(tokens, tokens != 0, writer.model.start(1)).logits
    chosen = torch.tensor([*ids, EOS_ID])[2 : 2 + len(passage.tokens) + passage.ended]
    chances = F.log_softmax(logits, dim=-1)[2 : 2 + len(chosen)].gather(1, chosen[:, None])
    assert passage.log_prob == pytest.approx(float(chances.sum()), abs=1e-4)


def test_top_k_of_one_takes_the_likeliest():
    writer = untrained()
    assert writer("w1", top_k=1, seed=5).tokens == writer("w1", temperature=0.0).tokens
    assert writer("w1", top_p=1e-6, seed=5).tokens == writer("w1", temperature=0.0).tokens


def test_a_low_temperature_writes_likelier_texts():
    writer = untrained()
    cold = writer(["w1"] * 20, seed=0, temperature=0.05, max_length=10)
    hot = writer(["w1"] * 20, seed=0, temperature=5.0, max_length=10)
    assert sum(one.log_prob for one in cold) > sum(one.log_prob for one in hot)


def test_a_text_is_as_long_as_it_may_be():
    assert len(untrained()("", seed=0, max_length=3).tokens) <= 3
    writer = untrained()
    with torch.no_grad():
        writer.model.bias[EOS_ID] = -1e9
    passage = writer("", seed=0)
    assert (len(passage.tokens), passage.ended) == (60, False)


def test_characters_may_be_more_than_words_by_default(speller):
    speller = copy.deepcopy(speller)
    with torch.no_grad():
        speller.model.bias[EOS_ID] = -1e9
    assert len(speller("", seed=0).tokens) == 400


def test_no_special_token_is_ever_written():
    passages = untrained(count=3)([""] * 50, seed=0, temperature=9.0, max_length=20)
    assert {token for each in passages for token in each.tokens} <= {"w0", "w1", "w2"}


def test_what_the_model_never_saw_is_named_and_written_after(writer, speller):
    passage = writer("Roses and gnus, gnus are", temperature=0.0)
    assert passage.unknown == ("and", "gnus")
    assert passage.text.startswith("Roses and gnus, gnus are ")
    assert speller("rosX", temperature=0.0).unknown == ("X",)


def test_of_a_very_long_prompt_the_end_is_read(writer, speller):
    long = "gnu " * 3_000 + "roses are red\nviolets"
    passage = writer(long, temperature=0.0, max_length=1)
    assert passage.cut
    assert passage.text == long + " are"
    assert speller("x" * 5_000, temperature=0.0, max_length=1).cut
    assert writer("x" * 1_000_000, max_length=1).cut
    assert not writer("roses", max_length=1).cut


@pytest.mark.parametrize("text", [TEXT, "A b\n\nc  d.\n", "x", "tab\tand\r\nnext", "", "a<br />b"])
@pytest.mark.parametrize(
    ("level", "keep_lines"), [("words", False), ("words", True), ("characters", True)]
)
def test_prompts_are_split_as_the_texts_of_the_training(text, level, keep_lines):
    data = LanguageModelData(level=level, keep_lines=keep_lines)
    found = split_prompt(text.rstrip(), level, keep_lines=keep_lines)
    assert found == data.parse(text.rstrip())


@given(st.text(max_size=30), st.booleans())
def test_any_prompt_can_be_split(prompt, keep_lines):
    for level in ("words", "characters"):
        assert all(split_prompt(prompt, level, keep_lines=keep_lines))


def test_a_passage_turns_into_json_and_back(writer):
    passage = writer("roses gnu", seed=1)
    values = json.loads(json.dumps(passage.to_dict()))
    assert values.keys() == {field.name for field in fields(Passage)}
    for name in ("tokens", "unknown"):
        values[name] = tuple(values[name])
    assert Passage(**values) == passage


@pytest.mark.parametrize("cell", ["gru", "rnn"])
@pytest.mark.parametrize("directions", ["ahead", "apart"])
def test_any_language_model_writes(cell, directions):
    from dataclasses import replace

    reader = replace(tiny_settings().reader, cell=cell, directions=directions)
    words = trained()[1]
    writer = Writer(
        LanguageModel(replace(tiny_settings(), reader=reader), len(words)), words, device="cpu"
    )
    assert len(writer("roses", seed=0, max_length=5).tokens) <= 5


def test_what_is_no_prompt_among_many_is_numbered(writer):
    call = inspect.unwrap(Writer.__call__)
    with pytest.raises(TypeError, match=r"^Prompt 1 \(counted from 0\) must be a string, got int"):
        call(writer, ["roses", 7])


def test_parts_that_do_not_belong_together_are_refused():
    model, words = trained()
    build = inspect.unwrap(Writer.__init__)
    with pytest.raises(ValueError, match=r"The model has \d+ tokens, expected 5\."):
        Writer(model, Vocabulary.build([["one"]]))
    with pytest.raises(ValueError, match="`level` must be words or characters, got 'letters'"):
        build(object(), model, words, level="letters")


def test_a_level_of_another_version_is_refused(tmp_path):
    path = save(tmp_path / "newer.ckpt", extra={"level": "syllables"})
    with pytest.raises(
        ValueError, match=r"newer\.ckpt has settings that this .* another version\?"
    ):
        Writer.from_checkpoint(path)


@pytest.mark.gpu
def test_gpu_and_cpu_write_the_same():
    ours, theirs = untrained(), untrained()
    theirs = Writer(theirs.model, theirs.vocabulary, device="cuda")
    assert ours("w1", seed=0).tokens == theirs("w1", seed=0).tokens
