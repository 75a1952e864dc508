import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.decoding import beam, beam_search, greedy, loop

SPECIALS = (0, 1, 3)
PENALTIES = (0.0, 0.7, 1, "average")


def penalty(length, alpha):
    return length if alpha == "average" else ((5 + length) / 6) ** alpha


def allowed(words, vocab, min_length, ngram):
    """List what may follow the words, by the definition of each rule."""
    for word in range(vocab):
        longer = [*words, word]
        grams = [tuple(longer[i : i + ngram]) for i in range(len(longer) - ngram + 1)]
        if word in SPECIALS or (word == 2 and len(words) < min_length):
            continue
        if ngram and len(set(grams)) < len(grams):
            continue
        yield word


def plain_beam_search(
    model, image, *, beam_size, n_best, max_length, min_length, length_penalty, no_repeat_ngram
):
    """Search one image with lists and loops, and without stopping early."""
    vocab = model.tables.shape[-1]
    still_open, ended, cut_off = [(0.0, [])], [], []
    for _ in range(max_length):
        longer = []
        for total, words in still_open:
            log_probs = model.next_log_probs(image, words)
            longer += [
                (total + log_probs[word], [*words, word])
                for word in allowed(words, vocab, min_length, no_repeat_ngram)
            ]
        longer.sort(key=lambda result: -result[0])
        longer = longer[: beam_size - len(ended)]
        ended += [result for result in longer if result[1][-1] == 2]
        still_open = [result for result in longer if result[1][-1] != 2]
        cut_off = still_open if longer else cut_off
    ranked = [
        sorted(kind, key=lambda result: -result[0] / penalty(len(result[1]), length_penalty))
        for kind in (ended, cut_off)
    ]
    return [*ranked[0], *ranked[1]][:n_best]


def captions(result, image=0):
    """Return an image's captions as lists of ids without padding."""
    return [
        words[:length].tolist()
        for words, length in zip(result.tokens[image], result.lengths[image], strict=True)
    ]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    vocab=st.integers(5, 8),
    rules=st.fixed_dictionaries(
        {
            "beam_size": st.integers(1, 6),
            "n_best": st.integers(1, 6),
            "max_length": st.integers(3, 5),
            "min_length": st.integers(0, 3),
            "length_penalty": st.sampled_from(PENALTIES),
            "no_repeat_ngram": st.integers(0, 3),
        }
    ),
)
def test_beam_search_equals_a_plain_one_with_lists(random_model, seed, vocab, rules):
    model = random_model(seed, images=5, vocab=vocab)
    rules["n_best"] = min(rules["n_best"], rules["beam_size"])
    result = beam_search(*model.start, **rules)
    for image in range(5):
        expected = plain_beam_search(model, image, **rules)
        # Where there are fewer captions than asked for, the rest is empty.
        empty = rules["n_best"] - len(expected)
        assert captions(result, image) == [words for _, words in expected] + [[]] * empty
        log_probs = [total for total, _ in expected] + [-math.inf] * empty
        torch.testing.assert_close(
            result.log_probs[image], torch.tensor(log_probs), atol=1e-4, rtol=0
        )


def all_captions(model, image, max_length):
    ended, still_open = [], [(0.0, [])]
    for _ in range(max_length):
        longer = [
            (total + log_prob, [*words, word])
            for total, words in still_open
            for word, log_prob in enumerate(model.next_log_probs(image, words))
            if word not in SPECIALS
        ]
        ended += [result for result in longer if result[1][-1] == 2]
        still_open = [result for result in longer if result[1][-1] != 2]
    return ended


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    vocab=st.integers(5, 6),
    max_length=st.integers(1, 4),
    alpha=st.sampled_from(PENALTIES),
)
def test_a_beam_as_wide_as_all_captions_finds_the_best_of_all(
    random_model, seed, vocab, max_length, alpha
):
    model = random_model(seed, images=8, vocab=vocab)
    result = beam_search(
        *model.start,
        beam_size=(vocab - 3) ** max_length,
        max_length=max_length,
        length_penalty=alpha,
    )
    for image in range(8):
        score, best = max(
            (total / penalty(len(words), alpha), words)
            for total, words in all_captions(model, image, max_length)
        )
        assert captions(result, image) == [best]
        assert result.scores[image].item() == pytest.approx(score, abs=1e-4)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    alpha=st.sampled_from(PENALTIES),
    min_length=st.integers(0, 3),
    ngram=st.integers(0, 3),
)
def test_a_beam_of_one_is_greedy_search(random_model, seed, alpha, min_length, ngram):
    model = random_model(seed, images=6, vocab=9)
    rules = {"max_length": 6, "min_length": min_length, "no_repeat_ngram": ngram, "banned": [5]}
    one = beam_search(*model.start, beam_size=1, length_penalty=alpha, **rules)
    likeliest = greedy(*model.start, **rules)
    torch.testing.assert_close(one.tokens, likeliest.tokens, rtol=0, atol=0)
    torch.testing.assert_close(one.lengths, likeliest.lengths, rtol=0, atol=0)
    torch.testing.assert_close(one.log_probs, likeliest.log_probs)


def test_a_longer_caption_wins_with_a_length_penalty(table_model):
    # <eos> at once has probability .55; three words and <eos> have .45 in all.
    tables = torch.full((1, 4, 4, 5), 1e-9)
    tables[0, 0, :, 2], tables[0, 0, :, 4] = 0.55, 0.45
    tables[0, 1:3, :, 4] = 1.0
    tables[0, 3, :, 2] = 1.0
    model = table_model(tables.log())
    short = beam_search(*model.start, beam_size=2)
    long = beam_search(*model.start, beam_size=2, length_penalty=1.0)
    mean = beam_search(*model.start, beam_size=2, length_penalty="average")
    assert captions(short) == [[2]]
    assert captions(long) == captions(mean) == [[4, 4, 4, 2]]
    assert long.scores.item() == pytest.approx(math.log(0.45) / (9 / 6), abs=1e-3)
    assert mean.scores.item() == pytest.approx(math.log(0.45) / 4, abs=1e-3)


def test_a_model_that_never_ends_still_gives_captions(random_model):
    model = random_model(3, images=4, vocab=9)
    model.tables[..., 2] = -torch.inf
    result = beam_search(*model.start, beam_size=3, n_best=3, max_length=6)
    assert result.lengths.tolist() == [[6] * 3] * 4
    assert (result.tokens >= 4).all()
    assert (result.scores[:, :-1] > result.scores[:, 1:]).all()


def test_captions_that_ended_come_before_those_cut_off(constant_model):
    model = constant_model([-9.0, -9, 0, -9, 3, 2])  # <eos> is the least likely
    result = beam_search(*model.start, beam_size=9, n_best=4, max_length=2)
    assert captions(result) == [[2], [4, 2], [5, 2], [4, 4]]
    assert result.log_probs[0, 3] > result.log_probs[0, 0]


def test_captions_that_do_not_exist_are_empty(constant_model):
    model = constant_model([0.0, 0, 0, 0, 1])  # word 4 and <eos>
    result = beam_search(*model.start, beam_size=4, n_best=4, max_length=2)
    assert captions(result) == [[2], [4, 2], [4, 4], []]
    assert result.lengths.tolist() == [[1, 2, 2, 0]]
    assert result.scores[0, 3] == result.log_probs[0, 3] == -math.inf


def test_a_caption_without_allowed_words_ends(constant_model):
    model = constant_model([0.0, 0, 0, 0, 1])
    result = beam_search(*model.start, min_length=3, no_repeat_ngram=2, max_length=9)
    assert captions(result) == [[4, 4]]


@pytest.mark.parametrize("share", [0.01, 0.5])
@pytest.mark.parametrize("n_best", [1, 4])
def test_dropping_finished_images_changes_nothing(random_model, monkeypatch, share, n_best):
    model = random_model(11, images=40, vocab=12, time=12, scale=3.0)

    def search():
        model.calls.clear()
        return beam_search(
            *model.start,
            beam_size=4,
            n_best=n_best,
            max_length=12,
            no_repeat_ngram=2,
            length_penalty=0.5,
        )

    monkeypatch.setattr(loop, "_DROP_SHARE", 2.0)
    whole = search()
    assert {images for images, _ in model.calls} == {40}
    monkeypatch.setattr(loop, "_DROP_SHARE", share)
    dropped = search()
    assert len({images for images, _ in model.calls}) > 1
    for expected, got in zip(whole, dropped, strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=0)


def test_a_batch_gets_the_captions_of_its_images_alone(random_model, table_model):
    model = random_model(5, images=12, vocab=10, time=8, scale=2.5)
    together = beam_search(*model.start, n_best=5, max_length=8)
    for image in range(12):
        single = table_model(model.tables[image : image + 1])
        alone = beam_search(*single.start, n_best=5, max_length=8)
        assert captions(alone) == captions(together, image)
        torch.testing.assert_close(alone.scores[0], together.scores[image])


@pytest.mark.parametrize("alpha", PENALTIES)
def test_the_n_best_differ_and_come_best_first(random_model, alpha):
    model = random_model(17, images=20, vocab=10)
    result = beam_search(*model.start, n_best=5, max_length=8, length_penalty=alpha)
    ended = (result.tokens == 2).any(-1)
    ordered = result.scores[:, :-1] >= result.scores[:, 1:]
    assert (ordered | (ended[:, :-1] & ~ended[:, 1:])).all()
    for image in range(20):
        assert len({tuple(words) for words in captions(result, image)}) == 5


def test_the_search_stops_when_nothing_better_can_come(constant_model):
    # <eos> has probability .9, so nothing that goes on can beat it.
    model = constant_model([-9.0, -9, 9, -9, 6, 6])
    result = beam_search(*model.start, max_length=20)
    assert captions(result) == [[2]]
    assert len(model.calls) == 1


def test_the_first_step_runs_on_one_beam_and_the_context_on_none(random_model):
    model = random_model(2, images=3, vocab=20)
    beam_search(*model.start, beam_size=5, max_length=3)
    assert model.calls[0] == (3, 1)
    assert {beams for _, beams in model.calls[1:]} == {5}


def test_states_of_any_number_and_rank_follow_their_beams(random_model):
    model = random_model(8, images=4, vocab=10, scale=2.0)

    def step(tokens, state, context):
        logits, inner, _ = model.step(tokens, state[:1], context)
        # Each holds the words so far, one of them below two more axes.
        words = torch.cat([state[1][..., 1:], tokens.unsqueeze(-1)], dim=-1)
        layers = torch.cat([state[2][..., 1:], tokens[..., None, None].expand(-1, -1, 2, 1)], -1)
        assert torch.equal(words, layers[..., 1, :])
        memory = torch.zeros_like(tokens)
        for time in range(8):
            memory = torch.where(words[..., time] > 0, 3 * memory + words[..., time], memory) % 4
        assert torch.equal(memory, inner[0][..., 1])
        return logits, (*inner, words, layers), None

    words = torch.zeros(4, 8, dtype=torch.long)
    layers = torch.zeros(4, 2, 8, dtype=torch.long)
    state = (*model.state, words, layers)
    expected = beam_search(*model.start, max_length=8)
    result = beam_search(step, state, model.context, max_length=8)
    assert torch.equal(result.tokens, expected.tokens)


def test_logits_in_bfloat16_are_searched_in_float32(random_model, table_model):
    model = random_model(4, images=6, vocab=50)
    half = table_model(model.tables.bfloat16())
    same = table_model(model.tables.bfloat16().float())
    result = beam_search(*half.start, n_best=3)
    expected = beam_search(*same.start, n_best=3)
    assert result.scores.dtype == torch.float32
    assert torch.equal(result.tokens, expected.tokens)


def test_the_search_does_not_change_the_logits(constant_model):
    model = constant_model([1.0, 2, 3, 4, 5, 6])
    before = model.tables.clone()
    beam_search(*model.start, min_length=2, no_repeat_ngram=1)
    assert torch.equal(model.tables, before)


def test_captions_can_be_trained_on(random_model):
    model = random_model(9, images=2, vocab=8)
    table = torch.nn.Embedding(8, 3)
    result = beam_search(*model.start)
    table(result.tokens).sum().backward()
    assert table.weight.grad is not None


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    vocab=st.integers(2000, 2345),
    beams=st.integers(1, 4),
    count=st.integers(1, 20),
)
def test_the_two_level_search_for_words_is_exact(seed, vocab, beams, count):
    generator = torch.Generator().manual_seed(seed)
    log_probs = torch.randn(3, beams, vocab, generator=generator)
    log_probs[..., :4] = -torch.inf
    # Crowd the best words into one group and into the tail, where a wrong search would miss some.
    log_probs[0, 0, 700:720] += 5
    log_probs[1, 0, -20:] += 5
    totals = torch.randn(3, beams, generator=generator)
    totals[2, 1:] = -torch.inf
    best, parents, words = beam._best_continuations(totals, log_probs, count)
    expected = (log_probs + totals.unsqueeze(-1)).flatten(1).topk(count)
    torch.testing.assert_close(best, expected.values, rtol=0, atol=0)
    torch.testing.assert_close(parents * vocab + words, expected.indices, rtol=0, atol=0)


@pytest.mark.gpu
@pytest.mark.parametrize("share", [0.25, 2.0])
def test_a_gpu_finds_the_captions_of_the_cpu(random_model, table_model, monkeypatch, share):
    monkeypatch.setattr(loop, "_DROP_SHARE", share)
    model = random_model(6, images=32, vocab=5000, time=12, scale=3.0)
    there = table_model(model.tables.cuda())
    rules = {"beam_size": 5, "n_best": 3, "no_repeat_ngram": 2, "min_length": 2}
    expected = beam_search(*model.start, **rules)
    result = beam_search(*there.start, **rules)
    assert torch.equal(result.tokens.cpu(), expected.tokens)
    torch.testing.assert_close(result.log_probs.cpu(), expected.log_probs, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"beam_size": 0}, "`beam_size` must be 1 or more, got 0"),
        ({"n_best": 0}, "`n_best` must be 1 or more, got 0"),
        ({"n_best": 3, "beam_size": 2}, "`n_best` must be at most `beam_size`, got 3 of 2"),
        ({"length_penalty": -0.5}, "`length_penalty` must be 0 or more, or 'average', got -0.5"),
        ({"length_penalty": math.nan}, "`length_penalty` must be 0 or more"),
        ({"max_length": 0}, "`max_length` must be 1 or more, got 0"),
        ({"min_length": 30}, "`min_length` must be at most `max_length`, got 30 and 20"),
        ({"banned": [-1]}, r"`banned` must hold word ids of 0 or more, got \[-1\]"),
        ({"banned": [50]}, "`banned` must hold ids below the vocabulary's size 8"),
    ],
)
def test_a_wrong_argument_is_named(random_model, wrong, message):
    model = random_model(1, images=2, vocab=8)
    with pytest.raises(ValueError, match=message):
        beam_search(*model.start, **wrong)


def test_a_length_penalty_that_is_another_word_is_named(random_model):
    model = random_model(1, images=2, vocab=8)
    unchecked = getattr(beam_search, "__wrapped__", beam_search)
    with pytest.raises(ValueError, match="`length_penalty` must be 0 or more, or 'average', got"):
        unchecked(*model.start, length_penalty="mean")
