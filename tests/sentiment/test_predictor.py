import copy
import inspect
import json
import math
from dataclasses import fields

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_critic import LABELS, MAX_WORDS, save, texts, trained
from tiny_critic import settings as tiny_settings

from multimodal.data.batches import collate_texts
from multimodal.data.documents import Excerpt, read_words
from multimodal.sentiment.model import SentimentClassifier
from multimodal.sentiment.predictor import Sentiment, SentimentPredictor
from multimodal.text import Vocabulary

GOOD, BAD = "The film is great!", "The plot is not fun."
SOME = ["the", "film", "is", "not", "great", "bad", "gnu"]


@pytest.fixture(scope="module")
def critic(tmp_path_factory):
    return save(tmp_path_factory.mktemp("model") / "best.ckpt")


@pytest.fixture(scope="module")
def predictor(critic):
    return SentimentPredictor.from_checkpoint(critic, device="cpu")


@pytest.fixture(scope="module")
def stars(tmp_path_factory):
    """A predictor of numbers."""
    path = save(tmp_path_factory.mktemp("model") / "stars.ckpt", target="number")
    return SentimentPredictor.from_checkpoint(path, device="cpu")


def untrained(classes=3, **changes):
    torch.manual_seed(0)
    words = trained()[1]
    model = SentimentClassifier(tiny_settings(**changes), len(words), classes)
    labels = [f"class {number}" for number in range(classes)]
    return SentimentPredictor(model, words, labels, Excerpt(), device="cpu")


def close(found, expected):
    """The same verdicts, computed in batches of other sizes."""
    for name in ("label", "text", "tokens", "unknown_words", "cut"):
        assert getattr(found, name) == getattr(expected, name)
    assert found.probabilities == pytest.approx(expected.probabilities, abs=1e-5)
    assert found.contributions == pytest.approx(expected.contributions, abs=1e-3)


def log_odds(probability):
    return math.log(probability / (1 - probability))


def nothing_said(predictor, words):
    """What the model makes of so many average words."""
    average = predictor.model.embedding.weight[4:].mean(dim=0)
    vectors = average.expand(1, words, -1)
    with torch.no_grad():
        return predictor.model.classify(vectors, torch.ones(1, words).bool())


@pytest.mark.parametrize(("text", "score"), list(texts()))
def test_a_text_gets_its_label(text, score, predictor):
    sentiment = predictor(text, explain=False)
    assert isinstance(sentiment, Sentiment)
    assert sentiment.label == LABELS[score > 0]
    assert sentiment.probability > 0.8


def test_probabilities_are_those_of_the_models_own_logits(predictor):
    sentiment = predictor(GOOD)
    tokens, mask = collate_texts([predictor.vocabulary.encode(["the", "film", "is", "great"])])
    with torch.no_grad():
        expected = predictor.model(tokens, mask)[0].softmax(dim=0).tolist()
    assert list(sentiment.probabilities) == LABELS
    assert list(sentiment.probabilities.values()) == pytest.approx(expected)
    assert sentiment.probability == sentiment.probabilities[sentiment.label]
    assert sum(sentiment.probabilities.values()) == pytest.approx(1)
    assert sentiment.value is None


def test_many_texts_get_a_list_in_their_order(predictor):
    found = predictor([GOOD, BAD, GOOD], explain=False)
    assert [str(each) for each in found] == ["positive", "negative", "positive"]
    assert [each.text for each in found] == [GOOD, BAD, GOOD]


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.sampled_from(SOME), min_size=1, max_size=14),
        min_size=1,
        max_size=6,
    ),
    st.integers(1, 4),
)
def test_batched_texts_get_the_verdicts_of_single_ones(predictor, given, batch_size):
    said = [" ".join(words) for words in given]
    found = predictor.stream(said, explain=True, batch_size=batch_size)
    for sentiment, text in zip(found, said, strict=True):
        close(sentiment, predictor(text))


def test_judging_leaves_model_and_gradients_alone(predictor):
    before = {name: value.clone() for name, value in predictor.model.state_dict().items()}
    predictor([GOOD, BAD])
    torch.testing.assert_close(dict(predictor.model.state_dict()), before)
    assert torch.is_grad_enabled()
    assert not predictor.model.training
    assert all(parameter.grad is None for parameter in predictor.model.parameters())
    assert all(parameter.requires_grad for parameter in predictor.model.parameters())


def test_it_judges_and_explains_where_gradients_are_off(predictor):
    for mode in (torch.no_grad(), torch.inference_mode()):
        with mode:
            close(predictor(GOOD), predictor(GOOD))


def test_every_word_has_its_contribution_and_the_telling_ones_the_largest(predictor):
    good, bad = predictor([GOOD, BAD])
    assert good.tokens == ("the", "film", "is", "great")
    assert bad.tokens == ("the", "plot", "is", "not", "fun")
    assert len(good.contributions) == 4
    assert len(bad.contributions) == 5
    assert max(zip(good.contributions, good.tokens, strict=True))[1] == "great"
    # Neither "not" nor "fun" says it without the other.
    ranked = sorted(zip(bad.contributions, bad.tokens, strict=True), reverse=True)
    assert {token for _, token in ranked[:2]} == {"not", "fun"}


@pytest.mark.parametrize(("classes", "cell"), [(2, "lstm"), (7, "lstm"), (3, "gru"), (2, "rnn")])
def test_contributions_add_up_to_the_log_odds_less_those_of_a_text_of_average_words(classes, cell):
    predictor = untrained(classes, cell=cell)
    for parameter in predictor.model.parameters():
        parameter.data *= 3  # as sure as a trained one
    said = ["the film is great", "not bad", "plot plot plot film is awful and not fun at all"]
    for sentiment in predictor(said):
        average = nothing_said(predictor, len(sentiment.tokens))
        share = float(average.softmax(dim=1)[0, predictor.labels.index(sentiment.label)])
        expected = log_odds(sentiment.probability) - log_odds(share)
        tolerance = 0.01 * max(1, abs(expected))
        assert sum(sentiment.contributions) == pytest.approx(expected, abs=tolerance + 1e-4)


def test_a_call_explains_unless_told_not_to_and_a_stream_only_if_asked(predictor):
    assert predictor(GOOD).contributions
    assert predictor(GOOD, explain=False).contributions == ()
    assert next(predictor.stream([GOOD])).contributions == ()
    assert next(predictor.stream([GOOD], explain=True)).contributions


def test_words_that_the_model_never_saw_are_named_once_in_their_order(predictor):
    sentiment = predictor("The gnu is great and the zebra and gnu too")
    assert sentiment.unknown_words == ("gnu", "and", "zebra", "too")
    assert sentiment.tokens[1] == "gnu"
    assert predictor(GOOD).unknown_words == ()


def test_a_text_of_unknown_words_only_is_judged(predictor):
    sentiment = predictor("Quo vadis?")
    assert sentiment.unknown_words == sentiment.tokens == ("quo", "vadis")
    assert sentiment.label in LABELS
    assert len(sentiment.contributions) == 2


def test_case_and_punctuation_make_no_difference(predictor):
    assert predictor("THE FILM... is great").probabilities == predictor(GOOD).probabilities


@pytest.mark.parametrize("special", ["<pad>", "<bos>", "<unk>", "<eos>"])
def test_a_special_token_in_a_text_is_a_word_like_others(special, predictor):
    sentiment = predictor(f"the film {special} is great")
    assert sentiment.tokens == ("the", "film", special[1:-1], "is", "great")
    assert sentiment.unknown_words == (special[1:-1],)


def test_control_characters_do_no_harm(predictor):
    sentiment = predictor("The\x00 film\x1b is\u200b great\x07\r\n")
    assert sentiment.probabilities == predictor(GOOD).probabilities
    assert all(token.isprintable() for token in sentiment.tokens)


def test_a_text_that_is_too_long_is_cut_and_says_so(predictor):
    begun = "the film is great " * 3
    assert len(begun.split()) == MAX_WORDS
    long = predictor(begun + "awful " * 200)
    assert long.cut
    assert len(long.tokens) == len(long.contributions) == MAX_WORDS
    assert long.probabilities == predictor(begun).probabilities
    assert not predictor(begun).cut


def test_a_megabyte_of_text_is_judged_at_once(predictor):
    sentiment = predictor("the film is great " * 60_000)
    assert sentiment.cut
    assert sentiment.label == "positive"


@pytest.mark.parametrize("keep", ["start", "end", "ends"])
def test_the_excerpt_is_the_checkpoints(keep, tmp_path):
    excerpt = {"max_words": 4, "keep": keep}
    path = save(tmp_path / "best.ckpt", extra={"excerpt": excerpt})
    sentiment = SentimentPredictor.from_checkpoint(path, device="cpu")("a b c d e f g h")
    assert list(sentiment.tokens) == read_words("a b c d e f g h", Excerpt(4, keep)).words


@pytest.mark.parametrize(("text", "score"), list(texts()))
def test_a_model_of_numbers_gives_the_number_in_its_own_units(text, score, stars):
    sentiment = stars(text, explain=False)
    assert sentiment.value == pytest.approx(3 + 0.5 * score, abs=0.3)
    assert (sentiment.label, sentiment.probability, sentiment.probabilities) == ("", 0.0, {})
    assert str(sentiment) == f"{sentiment.value:.2f}"


def test_contributions_to_a_number_say_by_how_much_each_word_raised_it(stars):
    sentiment = stars("the film is awful")
    nothing = 3 + 0.5 * float(nothing_said(stars, 4))
    assert sum(sentiment.contributions) == pytest.approx(sentiment.value - nothing, abs=0.011)
    assert min(zip(sentiment.contributions, sentiment.tokens, strict=True))[1] == "awful"


def test_a_verdict_prints_as_its_label_and_keeps_its_numbers_short():
    sentiment = Sentiment("good", 0.5, {"good": 0.5, "bad": 0.5}, None, ("fun",), (0.123,), "Fun!")
    assert str(sentiment) == f"{sentiment}" == "good"
    assert "0.123" not in repr(sentiment)
    assert "Fun!" not in repr(sentiment)
    with pytest.raises(AttributeError):
        sentiment.label = "bad"


def test_a_verdict_turns_into_json_and_back(predictor):
    sentiment = predictor("The gnu is great")
    values = json.loads(json.dumps(sentiment.to_dict()))
    assert values.keys() == {field.name for field in fields(Sentiment)}
    for name in ("tokens", "contributions", "unknown_words"):
        values[name] = tuple(values[name])
    assert Sentiment(**values) == sentiment


def test_bfloat16_gives_the_same_labels(critic):
    predictor = SentimentPredictor.from_checkpoint(critic, device="cpu", precision="bfloat16")
    for text, score in texts():
        assert predictor(text, explain=False).label == LABELS[score > 0]
    assert len(predictor(GOOD).contributions) == 4


def test_a_stream_goes_on_after_what_cannot_be_judged(predictor):
    found = list(predictor.stream([GOOD, "?!", BAD, "", GOOD], batch_size=2))
    kinds = [Sentiment, ValueError, Sentiment, ValueError, Sentiment]
    assert [type(each) for each in found] == kinds
    assert "has no word in it: '?!'" in str(found[1])


@pytest.mark.parametrize("text", ["", "  ", "?!", "...", "\u200b", "<>"])
def test_a_text_without_a_word_is_refused(text, predictor):
    with pytest.raises(ValueError, match=r"^A text has no word in it: .* Write something, such"):
        predictor(text)


def test_a_text_without_a_word_among_many_is_numbered(predictor):
    with pytest.raises(ValueError, match=r"^Text 1 \(counted from 0\): A text has no word in it"):
        predictor([GOOD, "?!"])


def test_what_is_no_text_among_many_is_numbered(predictor):
    call = inspect.unwrap(SentimentPredictor.__call__)
    with pytest.raises(TypeError, match=r"^Text 1 \(counted from 0\) must be a string, got int"):
        call(predictor, [GOOD, 7])


def test_parts_of_different_trainings_are_refused():
    model, words = trained()
    with pytest.raises(ValueError, match="The model has 15 tokens, expected 5"):
        SentimentPredictor(model, Vocabulary.build([["one"]]), LABELS, Excerpt())
    with pytest.raises(ValueError, match=r"has 2 outputs, expected 3\. Take .* from the same"):
        SentimentPredictor(model, words, ["a", "b", "c"], Excerpt())


def test_an_excerpt_out_of_range_is_refused():
    build = inspect.unwrap(SentimentPredictor.__init__)
    model, words = trained()
    with pytest.raises(ValueError, match="`max_words` must be from 1 to 100,000, got 0"):
        build(object(), model, words, LABELS, Excerpt(0))


@pytest.mark.parametrize(
    "changes",
    [
        {"extra": {"labels": LABELS, "excerpt": {"max_letters": 5}}},
        {"extra": {"labels": LABELS, "scale": "large"}},
    ],
    ids=["excerpt", "scale"],
)
def test_settings_of_another_version_are_refused(changes, tmp_path):
    extra = changes.pop("extra", {})
    path = save(tmp_path / "newer.ckpt", extra=extra, **changes)
    with pytest.raises(
        ValueError, match=r"newer\.ckpt has settings that this .* another version\?"
    ):
        SentimentPredictor.from_checkpoint(path)


def test_weights_that_do_not_fit_the_settings_are_refused(tmp_path):
    path = save(tmp_path / "mixed.ckpt", settings=tiny_settings(hidden_dim=13).to_dict())
    with pytest.raises(ValueError, match=r"mixed\.ckpt holds weights of another network"):
        SentimentPredictor.from_checkpoint(path)


@pytest.mark.parametrize("labels", [None, "good", ["good", 1]])
def test_a_checkpoint_without_labels_is_refused(labels, tmp_path):
    path = save(tmp_path / "old.ckpt", extra={"labels": labels})
    with pytest.raises(ValueError, match=r"old\.ckpt has no list of labels\. Was it changed"):
        SentimentPredictor.from_checkpoint(path)


def test_what_a_task_saves_is_judged_as_the_task_judges(tmp_path):
    from multimodal.sentiment.task import SentimentTask

    model, words = trained()
    excerpt = {"max_words": 5, "keep": "end"}
    task = SentimentTask(tiny_settings(), words.to_list(), LABELS, excerpt)
    task.model = copy.deepcopy(model)
    checkpoint = {"state_dict": task.state_dict()}
    task.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "task.ckpt")
    predictor = SentimentPredictor.from_checkpoint(tmp_path / "task.ckpt", device="cpu")
    assert predictor.excerpt == Excerpt(**excerpt)
    assert predictor(GOOD).label == "positive"


@pytest.mark.gpu
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gpu_and_cpu_give_the_same_verdicts(cell):
    ours, theirs = untrained(cell=cell), untrained(cell=cell)
    theirs = SentimentPredictor(theirs.model, theirs.vocabulary, theirs.labels, Excerpt())
    assert theirs.device.type == "cuda"
    for one, other in zip(ours([GOOD, BAD]), theirs([GOOD, BAD]), strict=True):
        assert one.label == other.label
        assert one.probability == pytest.approx(other.probability, abs=1e-3)
        assert one.contributions == pytest.approx(other.contributions, abs=1e-2)
