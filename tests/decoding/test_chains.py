import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.decoding import greedy, loop, sample


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def first_words(model, count, **arguments):
    """Draw the first word so many times, and return how often each came."""
    result = sample(*model.start, samples=count, max_length=1, **arguments)
    vocab = model.tables.shape[-1]
    return torch.bincount(result.tokens.flatten(), minlength=vocab) / count


@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), vocab=st.integers(5, 12), max_length=st.integers(1, 7))
def test_greedy_search_equals_a_plain_one(random_model, seed, vocab, max_length):
    model = random_model(seed, images=4, vocab=vocab)
    result = greedy(*model.start, max_length=max_length)
    for image in range(4):
        words = []
        while len(words) < max_length and words[-1:] != [2]:
            log_probs = model.next_log_probs(image, words)
            words.append(max(set(range(vocab)) - {0, 1, 3}, key=log_probs.__getitem__))
        assert result.tokens[image, 0, : len(words)].tolist() == words
        assert result.lengths[image].item() == len(words)


def test_greedy_search_of_a_model_that_never_ends_is_cut_off(constant_model):
    model = constant_model([0.0, 0, -9, 0, 1, 2])
    result = greedy(*model.start, max_length=4)
    assert result.tokens.tolist() == [[[5, 5, 5, 5]]]


def test_a_chain_that_cannot_go_on_ends(constant_model):
    model = constant_model([0.0, 0, 9, 0, 1, 2])
    rules = {"min_length": 5, "no_repeat_ngram": 1}
    result = greedy(*model.start, **rules)
    assert result.tokens.tolist() == [[[5, 4]]]
    assert result.log_probs.isfinite().all()
    drawn = sample(*model.start, generator=seeded(), samples=9, **rules)
    assert drawn.lengths.tolist() == [[2] * 9]


def test_words_are_drawn_with_the_models_probabilities(constant_model):
    model = constant_model([5.0, 5, 0, 5, 1, 2])
    expected = torch.tensor([-torch.inf, -torch.inf, 0, -torch.inf, 1, 2]).softmax(0)
    drawn = first_words(model, 20_000, generator=seeded())
    torch.testing.assert_close(drawn, expected, atol=0.012, rtol=0)


@pytest.mark.parametrize("temperature", [0.3, 3.0])
def test_temperature_divides_the_logits(constant_model, temperature):
    model = constant_model([-99.0, -99, 0, -99, 1, 2])
    expected = (torch.tensor([-99.0, -99, 0, -99, 1, 2]) / temperature).softmax(0)
    drawn = first_words(model, 20_000, generator=seeded(), temperature=temperature)
    torch.testing.assert_close(drawn, expected, atol=0.012, rtol=0)


@pytest.mark.parametrize("top_k", [1, 2, 3, 50])
def test_top_k_draws_from_the_likeliest_words_only(constant_model, top_k):
    probabilities = torch.tensor([0.0, 0, 0.1, 0, 0.2, 0.3, 0.4])
    model = constant_model(probabilities.log().tolist())
    expected = torch.zeros(7)
    likeliest = probabilities.topk(min(top_k, 7))
    expected[likeliest.indices] = likeliest.values / likeliest.values.sum()
    drawn = first_words(model, 20_000, generator=seeded(1), top_k=top_k)
    torch.testing.assert_close(drawn, expected, atol=0.012, rtol=0)
    assert torch.equal(drawn > 0, expected > 0)


@pytest.mark.parametrize(
    ("top_p", "nucleus"),
    [(0.05, {6}), (0.39, {6}), (0.45, {5, 6}), (0.69, {5, 6}), (0.75, {4, 5, 6}), (1.0, None)],
)
def test_the_nucleus_is_the_fewest_words_that_reach_top_p(constant_model, top_p, nucleus):
    probabilities = torch.tensor([0.0, 0, 0.1, 0, 0.2, 0.3, 0.4])
    model = constant_model(probabilities.log().tolist())
    drawn = first_words(model, 5_000, generator=seeded(2), top_p=top_p)
    assert set(drawn.nonzero().flatten().tolist()) == (nucleus or {2, 4, 5, 6})


def test_top_k_and_top_p_apply_together(constant_model):
    probabilities = torch.tensor([0.0, 0, 0.1, 0, 0.2, 0.3, 0.4])
    model = constant_model(probabilities.log().tolist())
    # Among the two likeliest, word 6 has 4/7 = .571.
    drawn = first_words(model, 2_000, generator=seeded(3), top_k=2, top_p=0.57)
    assert drawn[6] == 1
    drawn = first_words(model, 2_000, generator=seeded(3), top_k=2, top_p=0.58)
    assert drawn[5] > 0.3


def test_one_sample_of_the_likeliest_word_is_greedy_search(random_model):
    model = random_model(31, images=9, vocab=20)
    drawn = sample(*model.start, generator=seeded(), top_k=1)
    likeliest = greedy(*model.start)
    assert torch.equal(drawn.tokens, likeliest.tokens)
    torch.testing.assert_close(drawn.log_probs, likeliest.log_probs)


def test_a_seed_draws_the_same_captions_again_and_another_seed_others(random_model):
    model = random_model(32, images=5, vocab=30)

    def draw(seed):
        return sample(*model.start, generator=seeded(seed), samples=4).tokens

    assert torch.equal(draw(7), draw(7))
    assert not torch.equal(draw(7), draw(8))


def test_the_samples_of_an_image_differ(random_model):
    model = random_model(33, images=5, vocab=30, scale=0.5)
    result = sample(*model.start, generator=seeded(), samples=10)
    assert all(len(set(map(tuple, image.tolist()))) > 5 for image in result.tokens)


def test_whole_captions_are_drawn_with_the_models_probabilities(random_model):
    """Every word of a chain must come from that chain's own state."""
    model = random_model(34, images=2, vocab=6)
    count = 20_000
    result = sample(*model.start, generator=seeded(4), samples=count, max_length=2)
    for image in range(2):
        first = torch.tensor(model.next_log_probs(image, []))[[2, 4, 5]].softmax(0)
        second = torch.tensor(model.next_log_probs(image, [4]))[[2, 4, 5]].softmax(0)
        drawn = (result.tokens[image] == torch.tensor([4, 5])).all(-1).sum() / count
        assert drawn.item() == pytest.approx((first[1] * second[2]).item(), abs=0.012)


@pytest.mark.parametrize("samples", [1, 3])
def test_dropping_finished_images_changes_no_sample(random_model, monkeypatch, samples):
    model = random_model(35, images=40, vocab=8, time=12)

    def draw():
        return sample(
            *model.start,
            generator=seeded(5),
            samples=samples,
            no_repeat_ngram=2,
        )

    monkeypatch.setattr(loop, "_DROP_SHARE", 2.0)
    whole = draw()
    monkeypatch.setattr(loop, "_DROP_SHARE", 0.01)
    dropped = draw()
    for expected, got in zip(whole, dropped, strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=0)


@pytest.mark.gpu
def test_a_gpu_draws_the_captions_of_the_cpu(random_model, table_model):
    model = random_model(36, images=16, vocab=500)
    there = table_model(model.tables.cuda())
    expected = sample(*model.start, generator=seeded(), samples=3)
    result = sample(*there.start, generator=seeded(), samples=3)
    assert (result.tokens.cpu() == expected.tokens).float().mean() > 0.99


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"samples": 0}, "`samples` must be 1 or more, got 0"),
        ({"temperature": 0.0}, "`temperature` must be more than 0, got 0.0"),
        ({"temperature": float("nan")}, "`temperature` must be more than 0, got nan"),
        ({"top_k": -1}, "`top_k` must be 0 or more, got -1"),
        ({"top_p": 0.0}, r"`top_p` must be in \(0, 1\], got 0.0"),
        ({"top_p": 1.5}, r"`top_p` must be in \(0, 1\], got 1.5"),
        ({"max_length": 0}, "`max_length` must be 1 or more, got 0"),
    ],
)
def test_a_wrong_argument_is_named(random_model, wrong, message):
    model = random_model(1, images=2, vocab=8)
    with pytest.raises(ValueError, match=message):
        sample(*model.start, generator=seeded(), **wrong)
