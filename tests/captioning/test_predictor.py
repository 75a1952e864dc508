import copy
import math
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_captioner import CAPTIONS, COLOURS, picture, save, trained
from tiny_captioner import settings as tiny_settings
from tiny_captioner import transform as tiny_transform

from multimodal.captioning.model import Captioner
from multimodal.captioning.predictor import Alternative, Caption, CaptionPredictor
from multimodal.data.examples import ImageFile
from multimodal.data.transforms import EvalTransform, TransformSettings
from multimodal.decoding import beam_search
from multimodal.nn.decoders import DECODERS
from multimodal.text import Vocabulary


@pytest.fixture(scope="session")
def predictor(checkpoint):
    return CaptionPredictor.from_checkpoint(checkpoint, device="cpu")


def untrained(decoder="attention", size=64, **changes):
    torch.manual_seed(0)
    words = Vocabulary.build([["a", "red", "ring", "above", "the", "star"]])
    model = Captioner(tiny_settings(decoder=decoder), len(words))
    return CaptionPredictor(model, words, EvalTransform(TransformSettings(size=size)), **changes)


def as_file(folder, colour):
    return folder / f"{colour}.png"


def as_bytes(folder, colour):
    return as_file(folder, colour).read_bytes()


def as_member(folder, colour):
    archive = folder / "photos.zip"
    with zipfile.ZipFile(archive, "a") as file:
        file.write(as_file(folder, colour), f"inside/{colour}.png")
    return ImageFile(archive, f"inside/{colour}.png")


def as_array(folder, colour):
    return np.array(picture(colour))


def as_tensor(folder, colour):
    return torch.from_numpy(as_array(folder, colour)).permute(2, 0, 1)


FORMS = {
    "a path": as_file,
    "a string": lambda folder, colour: str(as_file(folder, colour)),
    "bytes": as_bytes,
    "a PIL image": lambda folder, colour: picture(colour),
    "an array": as_array,
    "a float array": lambda folder, colour: as_array(folder, colour) / 255,
    "a tensor": as_tensor,
    "a member of a zip": as_member,
}


def test_many_pictures_get_a_list_in_their_order(predictor, photos):
    colours = ["blue", "red", "blue", "green", "red"]
    captions = predictor([as_file(photos, colour) for colour in colours], batch_size=2)
    assert [caption.text for caption in captions] == [CAPTIONS[colour] for colour in colours]


def test_the_caption_is_the_one_that_the_task_would_decode(predictor, photos):
    """The predictor adds nothing to, and takes nothing from, the model's own search."""
    model, words = trained()
    pixels = EvalTransform(tiny_transform())(as_tensor(photos, "red"))
    found = beam_search(model.step, *model.begin(model.encoder(pixels[None])), beam_size=5)
    caption = predictor(picture("red"))
    assert list(caption.tokens) == words.decode(found.tokens[0, 0].tolist())
    assert caption.score == pytest.approx(float(found.scores[0, 0]), abs=1e-5)


def test_alternatives_are_the_runners_up_best_first(predictor):
    caption = predictor(picture("red"), n_best=4)
    scores = [caption.score, *(other.score for other in caption.alternatives)]
    texts = [caption.text, *(other.text for other in caption.alternatives)]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=True)
    assert len(set(texts)) == 4
    assert all(math.isfinite(score) for score in scores)


def test_a_beam_holds_no_more_captions_than_its_size(predictor):
    assert predictor(picture("red"), beam_size=1).alternatives == ()
    assert len(predictor(picture("red"), beam_size=2, n_best=9).alternatives) == 1


def test_captions_that_a_small_vocabulary_does_not_have_are_left_out():
    words = Vocabulary.build([["red"]])
    torch.manual_seed(0)
    model = Captioner(tiny_settings(), len(words))
    predictor = CaptionPredictor(model, words, EvalTransform(TransformSettings(size=64)))
    # Of one word and at most two tokens there are "red" and "red red".
    caption = predictor(picture("red"), beam_size=5, n_best=5, max_length=2)
    assert {caption.text, *(other.text for other in caption.alternatives)} == {"red", "red red"}


def test_greedy_search_and_length_options_reach_the_search():
    predictor = untrained()
    pixels = picture("red")
    assert len(predictor(pixels, max_length=3).tokens) <= 3
    long = predictor(pixels, max_length=12, length_penalty=3.0)
    assert long.score > predictor(pixels, max_length=12).score
    bigrams = list(zip(long.tokens, long.tokens[1:], strict=False))
    blocked = predictor(pixels, max_length=12, length_penalty=3.0, no_repeat_ngram=1)
    assert len(bigrams) == 0 or len(set(blocked.tokens)) == len(blocked.tokens)


def test_a_caption_has_at_least_one_word():
    predictor = untrained()
    with torch.no_grad():
        predictor.model.bias[2] = 50.0  # nothing is as sure as the end
    caption = predictor(picture("red"))
    assert len(caption.tokens) == 1


@pytest.mark.parametrize("decoder", DECODERS)
def test_attention_is_a_grid_for_each_word_that_sums_to_one(decoder):
    caption = untrained(decoder, size=64)(picture("red"), max_length=6)
    attention = torch.tensor(caption.attention)
    assert attention.shape == (len(caption.tokens), 8, 8)
    torch.testing.assert_close(attention.sum(dim=(1, 2)), torch.ones(len(caption.tokens)))


def test_attention_is_where_the_model_looked_when_it_wrote_the_word(predictor, photos):
    """Read off step by step, with the attention of each step taken from the decoder itself."""
    model = predictor.model
    pixels = predictor.transform(as_tensor(photos, "green"))[None]
    caption = predictor(as_tensor(photos, "green"))
    ids = predictor.vocabulary.encode(caption.tokens)
    with torch.no_grad():
        features = model.encoder(pixels)
        for time in range(1, len(ids) + 1):
            tokens = torch.tensor([[[1, *ids[: time - 1]]]])
            _, weights = model(features, tokens, torch.ones_like(tokens, dtype=torch.bool))
            looked = torch.tensor(caption.attention[time - 1]).flatten()
            torch.testing.assert_close(looked, weights[0, 0, -1], atol=1e-5, rtol=1e-4)


def test_a_caption_prints_as_its_text_and_keeps_its_numbers_short():
    caption = Caption("a dog", ("a", "dog"), -1.5, (Alternative("a cat", -2.0),), (((1.0,),),) * 2)
    assert str(caption) == f"{caption}" == "a dog"
    assert "attention" not in repr(caption)
    with pytest.raises(AttributeError):
        caption.text = "a cat"


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(sorted(COLOURS)), min_size=1, max_size=4), st.integers(1, 5))
def test_the_batch_size_changes_no_caption(colours, batch_size):
    model, words = trained()
    predictor = CaptionPredictor(
        copy.deepcopy(model), words, EvalTransform(tiny_transform()), device="cpu"
    )
    pictures = [picture(colour) for colour in colours]
    captions = predictor(pictures, batch_size=batch_size, beam_size=2)
    for caption, colour in zip(captions, colours, strict=True):
        alone = predictor(picture(colour), beam_size=2)
        assert caption.text == alone.text
        assert caption.score == pytest.approx(alone.score, abs=1e-5)


def test_bfloat16_writes_the_same_captions(checkpoint):
    predictor = CaptionPredictor.from_checkpoint(checkpoint, device="cpu", precision="bfloat16")
    captions = predictor([picture(colour) for colour in COLOURS])
    assert [caption.text for caption in captions] == list(CAPTIONS.values())
    assert torch.tensor(captions[0].attention).sum(dim=(1, 2)).sub(1).abs().max() < 0.02


def test_search_options_are_checked_by_the_search(predictor):
    with pytest.raises(ValueError, match="`beam_size` must be 1 or more, got 0"):
        predictor(picture("red"), beam_size=0)


def test_another_vocabulary_than_the_models_is_refused():
    model, _ = trained()
    with pytest.raises(ValueError, match="The model has 12 tokens, expected 5"):
        CaptionPredictor(model, Vocabulary.build([["one"]]), EvalTransform(tiny_transform()))


def test_weights_that_do_not_fit_the_settings_are_refused(tmp_path):
    settings = {**tiny_settings().to_dict(), "hidden_dim": 25}
    path = save(tmp_path / "mixed.ckpt", settings=settings)
    with pytest.raises(ValueError, match=r"mixed\.ckpt holds weights of another network"):
        CaptionPredictor.from_checkpoint(path)


@pytest.mark.gpu
def test_gpu_and_cpu_write_the_same_captions(checkpoint):
    pictures = [picture(colour) for colour in COLOURS]
    ours = CaptionPredictor.from_checkpoint(checkpoint, device="cuda")(pictures)
    theirs = CaptionPredictor.from_checkpoint(checkpoint, device="cpu")(pictures)
    for one, other in zip(ours, theirs, strict=True):
        assert one.tokens == other.tokens
        assert one.score == pytest.approx(other.score, abs=1e-3)
