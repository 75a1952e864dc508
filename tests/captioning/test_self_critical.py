import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.captioning.self_critical import (
    TEMPERATURE,
    CaptionReward,
    advantages,
    policy_loss,
    teacher_forced,
)
from multimodal.decoding import sample
from multimodal.metrics.bleu import bleu_per_image
from multimodal.metrics.cider import CiderD
from multimodal.text import EOS_ID, Vocabulary, tokenize

CAPTIONS = [
    ["A dog runs fast.", "A brown dog runs."],
    ["A cat sits on a mat.", "The cat is on the mat."],
    ["Two men play chess.", "Men at a table."],
]
WORDS = Vocabulary.build(tokenize(text) for texts in CAPTIONS for text in texts)


def tokens_of(*rows, ended=True):
    """One image's drawn captions as ids, padded."""
    ids = [WORDS.encode(row.split()) + [EOS_ID] * ended for row in rows]
    longest = max(map(len, ids))
    return torch.tensor([[row + [0] * (longest - len(row)) for row in ids]])


def test_the_reward_is_cider_d_over_all_training_captions_with_the_end_as_a_word():
    reward = CaptionReward(CAPTIONS, WORDS)
    ended = [[[*tokenize(text), "<eos>"] for text in texts] for texts in CAPTIONS]
    drawn = ["a dog runs", "a cat runs fast", "a a a"]
    for image, texts in enumerate(CAPTIONS):
        found = reward(tokens_of(*drawn), [texts])
        for row, words in enumerate(drawn):
            candidates = [[]] * len(CAPTIONS)
            candidates[image] = [*words.split(), "<eos>"]
            expected = CiderD(ended).score(candidates)[1][image]
            assert found[0, row].item() == pytest.approx(expected, abs=1e-6)


def test_each_image_is_scored_against_its_own_captions():
    reward = CaptionReward(CAPTIONS, WORDS)
    drawn = torch.cat([tokens_of("a dog runs fast"), tokens_of("men play chess fast")])
    one_by_one = [
        reward(drawn[:1], CAPTIONS[:1]).tolist(),
        reward(drawn[1:], CAPTIONS[2:]).tolist(),
    ]
    together = reward(drawn, [CAPTIONS[0], CAPTIONS[2]]).tolist()
    assert together == [*one_by_one[0], *one_by_one[1]]
    assert together[0][0] > reward(drawn[:1], CAPTIONS[1:2]).item()


def test_a_caption_that_was_cut_off_is_worth_less():
    reward = CaptionReward(CAPTIONS, WORDS)
    whole = reward(tokens_of("a dog runs fast"), CAPTIONS[:1])
    cut_off = reward(tokens_of("a dog runs fast", ended=False), CAPTIONS[:1])
    assert cut_off.item() < whole.item()


def test_bleu_is_added_with_its_weight():
    drawn, texts = tokens_of("a brown dog runs", "a brown dog sits"), CAPTIONS[:1]
    plain = CaptionReward(CAPTIONS, WORDS)(drawn, texts)
    both = CaptionReward(CAPTIONS, WORDS, bleu_weight=2.0)(drawn, texts)
    ended = [[*tokenize(text), "<eos>"] for text in texts[0]]
    rows = [[*row.split(), "<eos>"] for row in ("a brown dog runs", "a brown dog sits")]
    bleu4 = [each[3] for each in bleu_per_image(rows, [ended, ended])]
    torch.testing.assert_close(both, plain + 2 * torch.tensor([bleu4]))


def test_a_negative_weight_of_bleu_is_refused():
    with pytest.raises(ValueError, match=r"`bleu_weight` must be 0 or more, got -1\.0"):
        CaptionReward(CAPTIONS, WORDS, bleu_weight=-1.0)


@settings(deadline=None, max_examples=30)
@given(
    st.integers(2, 6).flatmap(
        lambda samples: st.lists(
            st.lists(st.floats(0, 10), min_size=samples, max_size=samples), min_size=1, max_size=4
        )
    )
)
def test_a_baseline_is_the_mean_of_the_others(rewards):
    found = advantages(torch.tensor(rewards, dtype=torch.float64))
    for row, of_image in zip(found.tolist(), rewards, strict=True):
        for place, value in enumerate(of_image):
            others = [*of_image[:place], *of_image[place + 1 :]]
            assert value - sum(others) / len(others) == pytest.approx(row[place], abs=1e-9)
        assert sum(row) == pytest.approx(0, abs=1e-9)


def test_one_sample_has_nothing_to_be_compared_with():
    with pytest.raises(ValueError, match=r"got 1 of each\. Draw two or more"):
        advantages(torch.ones(3, 1))


def test_the_expected_gradient_is_that_of_the_expected_reward():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, generator=generator)
    logits[0] = -99  # padding is never drawn
    logits.requires_grad_()
    rewards = torch.rand(6, generator=generator) * 10
    chances = (logits / TEMPERATURE).softmax(0)
    (expected,) = torch.autograd.grad(-(chances * rewards).sum(), logits, retain_graph=True)
    found = torch.zeros(6)
    for pair in torch.cartesian_prod(torch.arange(1, 6), torch.arange(1, 6)):
        drawn = pair.view(1, 2, 1)
        loss = policy_loss(logits.expand(2, 6), drawn, advantages(rewards[pair].view(1, 2)))
        found += chances[pair].prod().detach() * torch.autograd.grad(loss, logits)[0]
    torch.testing.assert_close(found, expected)


def test_padding_changes_no_loss():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(5, 8, generator=generator)
    drawn, gains = torch.tensor([[[5, 6, 2], [4, 2, 0]]]), torch.tensor([[0.5, -1.0]])
    padded = torch.cat([drawn, torch.zeros(1, 2, 3, dtype=torch.long)], dim=-1)
    assert policy_loss(logits, padded, gains) == policy_loss(logits, drawn, gains)


def test_each_drawn_word_is_learnt_after_those_before_it():
    drawn = tokens_of("a dog", "cat sits on")
    inputs, mask = teacher_forced(drawn)
    assert (inputs[..., 0] == 1).all()
    assert torch.equal(inputs[..., 1:], drawn[..., :-1])
    assert mask.sum(dim=-1).tolist() == [[3, 4]]


@pytest.mark.slow
def test_a_table_of_words_learns_the_captions_of_its_images():
    generator = torch.Generator().manual_seed(0)
    # For each image the logits of the next word, given the last one.
    table = torch.zeros(len(CAPTIONS), len(WORDS), len(WORDS), requires_grad=True)
    images = torch.arange(len(CAPTIONS))
    reward, optimizer = CaptionReward(CAPTIONS, WORDS), torch.optim.Adam([table], lr=0.1)

    def step(tokens, state, context):
        return table[context[0].unsqueeze(1), tokens], state, None

    seen = []
    for _ in range(250):
        drawn = sample(
            step, (images,), (images,), generator=generator, samples=8, max_length=9,
            temperature=TEMPERATURE,
        ).tokens  # fmt: skip
        rewards = reward(drawn, CAPTIONS)
        inputs, mask = teacher_forced(drawn)
        logits = table[images.view(-1, 1, 1).expand(drawn.shape)[mask], inputs[mask]]
        optimizer.zero_grad()
        policy_loss(logits, drawn, advantages(rewards)).backward()
        optimizer.step()
        seen.append(rewards.mean().item())
    assert sum(seen[:10]) / 10 < 1
    assert sum(seen[-10:]) / 10 > 4  # what people wrote scores 5.4 to 6.1
