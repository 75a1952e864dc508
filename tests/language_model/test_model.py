import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from multimodal.decoding import greedy, sample
from multimodal.language_model.model import LanguageModel, LanguageModelSettings
from multimodal.nn.text_encoder import TextEncoderSettings
from multimodal.text import BOS_ID

SIZES = {"directions": "ahead", "num_layers": 2, "embedding_dim": 6, "hidden_dim": 5}


def _model(*, tie_embeddings=True, **changes):
    torch.manual_seed(0)
    reader = TextEncoderSettings(**{**SIZES, **changes})
    return LanguageModel(LanguageModelSettings(reader, tie_embeddings), 20)


def _window(batch=3, time=7, seed=1):
    torch.manual_seed(seed)
    tokens = torch.randint(4, 20, (batch, time))
    return tokens, torch.ones_like(tokens, dtype=torch.bool)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_two_windows_equal_one_long_window(cell):
    model = _model(cell=cell).eval()
    tokens, mask = _window()
    whole = model(tokens, mask, model.start(3))
    first = model(tokens[:, :3], mask[:, :3], model.start(3))
    second = model(tokens[:, 3:], mask[:, 3:], first.state)
    halves = [first.logits.unflatten(0, (3, 3)), second.logits.unflatten(0, (3, 4))]
    torch.testing.assert_close(torch.cat(halves, dim=1), whole.logits.unflatten(0, (3, 7)))
    assert not any(part.requires_grad for part in first.state)


def test_no_word_is_predicted_from_itself_or_later_words():
    model, (tokens, mask) = _model().eval(), _window(batch=1)
    before = model(tokens, mask, model.start(1)).logits
    changed = tokens.clone()
    changed[0, 4] = (tokens[0, 4] - 3) % 16 + 4
    after = model(changed, mask, model.start(1)).logits
    assert torch.equal(before[:4], after[:4])
    assert not torch.equal(before[4], after[4])


def test_backwards_no_word_is_predicted_from_itself_or_earlier_words():
    model, (tokens, mask) = _model(directions="apart").eval(), _window(batch=1)
    before = model.backwards(tokens, mask).logits
    changed = tokens.clone()
    changed[0, 3] = (tokens[0, 3] - 3) % 16 + 4
    after = model.backwards(changed, mask).logits
    assert len(before) == 6  # nothing stands before the first word
    torch.testing.assert_close(before[3:], after[3:], atol=1e-6, rtol=0)
    assert not torch.equal(before[2], after[2])


@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    more=st.integers(0, 8),
    filler=st.integers(0, 19),
)
@settings(max_examples=12, deadline=None)
def test_only_real_words_are_projected_and_padding_changes_none(lengths, more, filler):
    model = _model(directions="apart").eval()
    tokens, _ = _window(len(lengths), max(lengths) + more)
    mask = torch.arange(tokens.shape[1]) < torch.tensor(lengths).unsqueeze(1)
    tokens = tokens.where(mask, filler)
    ahead = model(tokens, mask, model.start(len(lengths))).logits
    back = model.backwards(tokens, mask).logits
    assert len(ahead) == sum(lengths)
    assert len(back) == sum(lengths) - len(lengths) == len(tokens[:, :-1][mask[:, 1:]])
    place = back_place = 0
    for row, length in enumerate(lengths):
        alone = tokens[row : row + 1, :length], mask[row : row + 1, :length]
        found = model(*alone, model.start(1)).logits
        torch.testing.assert_close(found, ahead[place : place + length], atol=1e-5, rtol=0)
        place += length
        found = model.backwards(*alone).logits
        there = back[back_place : back_place + length - 1]
        torch.testing.assert_close(found, there, atol=1e-5, rtol=0)
        back_place += length - 1


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_steps_after_prompts_of_different_lengths_are_teacher_forcing(cell):
    model = _model(cell=cell).eval()
    tokens, _ = _window(3, 5)
    lengths, following = torch.tensor([3, 0, 5]), torch.randint(4, 20, (3, 4))
    mask = torch.arange(5) < lengths.unsqueeze(1)
    state = tuple(part.unsqueeze(1) for part in model.begin(tokens, mask))
    word, steps = torch.full((3, 1), BOS_ID), []
    for time in range(4):
        logits, state, _ = model.step(word, state, ())
        steps.append(logits)
        word = following[:, time : time + 1]
    found = torch.cat(steps, dim=1)  # (batch, time, vocab)
    for row, length in enumerate(lengths.tolist()):
        text = torch.cat([torch.tensor([BOS_ID]), tokens[row, :length], following[row, :3]])[None]
        logits = model(text, torch.ones_like(text, dtype=torch.bool), model.start(1)).logits
        torch.testing.assert_close(found[row], logits[length:], atol=1e-5, rtol=0)


def test_texts_are_drawn_through_decoding_and_the_seed_decides():
    model = _model().eval()
    prompt, mask = _window(2, 3)
    drawn = [
        sample(
            model.step,
            model.begin(prompt, mask),
            generator=torch.Generator().manual_seed(3),
            samples=4,
            top_k=5,
            max_length=6,
        ).tokens
        for _ in range(2)
    ]
    assert drawn[0].shape[:2] == (2, 4)
    assert torch.equal(*drawn)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("last_dim", [0, 6])
def test_every_parameter_gets_a_gradient_and_is_in_one_group(tied, last_dim):
    model = _model(tie_embeddings=tied, last_dim=last_dim, directions="apart")
    tokens, mask = _window()
    logits = model(tokens, mask, model.start(3)).logits
    back = model.backwards(tokens, mask).logits
    (logits.square().sum() + back.square().sum()).backward()
    assert [name for name, each in model.named_parameters() if not each.grad.any()] == []
    found = [id(each) for group in model.parameters_by_depth() for each in group]
    assert sorted(found) == sorted(map(id, model.parameters()))
    assert len(model.parameters_by_depth()) == 4


def test_outputs_come_before_and_after_dropout():
    model, (tokens, mask) = _model(output_dropout=0.5), _window()
    found = model(tokens, mask, model.start(3))
    gone = found.dropped == 0
    assert gone.any()
    torch.testing.assert_close(found.dropped[~gone], 2 * found.outputs[~gone], rtol=1e-4, atol=0)


def test_half_precision_is_close_and_goes_on():
    model, (tokens, mask) = _model().eval(), _window()
    expected = model(tokens, mask, model.start(3))
    with torch.autocast("cpu", torch.bfloat16):
        found = model(tokens, mask, model.start(3))
        model(tokens, mask, found.state)
    torch.testing.assert_close(found.logits.float(), expected.logits, atol=3e-2, rtol=0)


def test_directions_that_meet_are_refused():
    with pytest.raises(ValueError, match=r"`reader.directions` must be ahead or apart, got both"):
        _model(directions="both")


def test_a_model_that_reads_ahead_only_has_no_way_back():
    with pytest.raises(ValueError, match=r"reads ahead only; set `reader.directions` to apart"):
        _model().backwards(*_window())


def test_a_verse_is_learnt_by_heart_and_written_from_its_first_words():
    model = _model(hidden_dim=24, embedding_dim=16)
    verse = torch.tensor([[BOS_ID, 4, 5, 6, 4, 7, 5, 8, 4, 9, 2]])
    tokens, targets = verse[:, :-1], verse[:, 1:]
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    for _ in range(40):
        found = model(tokens, tokens > 0, model.start(1))
        loss = F.cross_entropy(found.logits, targets[0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    prompt = torch.tensor([[4, 5, 6]])
    written = greedy(model.step, model.begin(prompt, prompt > 0), max_length=12)
    assert written.tokens[0, 0].tolist() == [4, 7, 5, 8, 4, 9, 2]
