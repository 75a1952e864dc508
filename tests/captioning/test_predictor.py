import copy
import inspect
import json
import math
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from io import BytesIO

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
from multimodal.data.images import ImageError
from multimodal.data.transforms import EvalTransform, TransformSettings
from multimodal.decoding import beam_search
from multimodal.text import Vocabulary
from multimodal.worlds.scenes import sample_scene


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


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("colour", COLOURS)
def test_every_form_of_a_picture_gets_the_same_caption(form, colour, predictor, photos):
    caption = predictor(FORMS[form](photos, colour))
    assert isinstance(caption, Caption)
    assert caption.text == CAPTIONS[colour]
    expected = predictor(picture(colour))
    assert caption == expected


def test_many_pictures_get_a_list_in_their_order(predictor, photos):
    colours = ["blue", "red", "blue", "green", "red"]
    captions = predictor([as_file(photos, colour) for colour in colours], batch_size=2)
    assert [caption.text for caption in captions] == [CAPTIONS[colour] for colour in colours]


@pytest.mark.parametrize("pictures", [[], (), iter([])], ids=["list", "tuple", "iterator"])
def test_no_picture_gets_an_empty_list(pictures, predictor):
    assert predictor(pictures) == []


def test_a_list_of_one_gets_a_list_of_one(predictor):
    captions = predictor([picture("red")])
    assert isinstance(captions, list)
    assert [caption.text for caption in captions] == [CAPTIONS["red"]]


@pytest.mark.parametrize("form", [as_array, as_tensor])
def test_a_batch_axis_makes_many_pictures(form, predictor, photos):
    batch = [form(photos, colour) for colour in COLOURS]
    stacked = torch.stack(batch) if form is as_tensor else np.stack(batch)
    assert [caption.text for caption in predictor(stacked)] == list(CAPTIONS.values())


def test_a_generator_of_paths_is_taken(predictor, photos):
    captions = predictor(as_file(photos, colour) for colour in COLOURS)
    assert [caption.text for caption in captions] == list(CAPTIONS.values())


def test_seen_is_the_whole_picture_or_the_square_that_was_cut(predictor):
    tall = picture("red", (32, 96))
    assert predictor.seen(tall).shape == (3, 96, 32)
    cropping = EvalTransform(TransformSettings(size=40, resize="crop"))
    cutting = CaptionPredictor(*trained(), cropping, device="cpu")
    assert cutting.seen(tall).shape == (3, 40, 40)


@pytest.mark.parametrize("size", [16, 64, 300])
def test_scenes_are_drawn_at_the_models_size(size):
    captions = untrained(size=size)([sample_scene(0, index, "test") for index in range(2)])
    assert all(len(caption.tokens) == len(caption.attention) for caption in captions)


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


@pytest.mark.parametrize("decoder", ["attention", "show_tell", "show_attend_tell", "up_down"])
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


def test_a_caption_turns_into_json_and_back(predictor):
    caption = predictor(picture("red"))
    values = json.loads(json.dumps(caption.to_dict()))
    assert values["text"] == CAPTIONS["red"]
    assert values["tokens"] == list(caption.tokens)
    assert values["alternatives"][0] == caption.alternatives[0]._asdict()
    assert tuple(tuple(map(tuple, grid)) for grid in values["attention"]) == caption.attention


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


def test_the_same_picture_gets_the_same_caption_to_the_bit(predictor):
    assert predictor(picture("blue")) == predictor(picture("blue"))


def test_threads_may_share_a_predictor():
    predictor = untrained()
    pictures = [picture(colour, (40 + 8 * shift, 40)) for colour in COLOURS for shift in range(2)]
    expected = [predictor(each, beam_size=2, max_length=5) for each in pictures]
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda each: predictor(each, beam_size=2, max_length=5), pictures * 2)
        )
    assert found == expected * 2


def test_calling_leaves_model_and_gradients_alone(predictor):
    before = {name: value.clone() for name, value in predictor.model.state_dict().items()}
    predictor(picture("red"))
    torch.testing.assert_close(dict(predictor.model.state_dict()), before)
    assert torch.is_grad_enabled()
    assert not predictor.model.training


def test_bfloat16_writes_the_same_captions(checkpoint):
    predictor = CaptionPredictor.from_checkpoint(checkpoint, device="cpu", precision="bfloat16")
    captions = predictor([picture(colour) for colour in COLOURS])
    assert [caption.text for caption in captions] == list(CAPTIONS.values())
    assert torch.tensor(captions[0].attention).sum(dim=(1, 2)).sub(1).abs().max() < 0.02


def test_a_stream_takes_a_batch_at_a_time(predictor):
    taken = []

    def pictures():
        for number in range(6):
            taken.append(number)
            yield picture("red")

    stream = predictor.stream(pictures(), batch_size=2)
    assert taken == []
    assert str(next(stream)) == CAPTIONS["red"]
    assert taken == [0, 1]
    assert len(list(stream)) == 5


def test_a_stream_goes_on_after_pictures_that_cannot_be_used(predictor, photos):
    (photos / "broken.png").write_bytes(as_bytes(photos, "red")[:100])
    names = ["red.png", "broken.png", "nowhere.png", "blue.png"]
    found = list(predictor.stream([photos / name for name in names], batch_size=3))
    assert [type(each) for each in found] == [Caption, ImageError, FileNotFoundError, Caption]
    assert "broken.png" in str(found[1])
    assert "nowhere.png" in str(found[2])


def test_a_batch_of_bad_pictures_only_is_passed_through(predictor):
    found = list(predictor.stream([b"no", b"no", picture("red")], batch_size=2))
    assert [type(each) for each in found] == [ImageError, ImageError, Caption]


def test_a_bad_file_among_many_is_named(predictor, photos):
    (photos / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(ImageError, match=r"broken\.png is not a picture"):
        predictor([photos / "red.png", photos / "broken.png"])


def test_a_bad_picture_without_a_name_is_numbered(predictor):
    with pytest.raises(
        ImageError, match=r"^Picture 1 \(counted from 0\): the picture given as byt"
    ):
        predictor([picture("red"), b"not a picture"])


def test_a_single_bad_picture_is_not_numbered(predictor):
    with pytest.raises(ImageError, match=r"^the picture given as bytes is empty"):
        predictor(b"")


def test_a_file_that_is_not_there_is_named(predictor, photos):
    with pytest.raises(FileNotFoundError, match=r"No picture .*nowhere\.png\. Check the path"):
        predictor(photos / "nowhere.png")


@pytest.mark.parametrize("thing", [None, 5, object()], ids=["None", "a number", "an object"])
def test_what_is_no_picture_at_all_is_refused(thing, predictor):
    with pytest.raises(
        TypeError, match=r"takes a picture \(a path, bytes, .* or a sequence of them"
    ):
        inspect.unwrap(CaptionPredictor.__call__)(predictor, thing)


def test_a_batch_size_below_one_is_refused(predictor):
    with pytest.raises(ValueError, match="`batch_size` must be 1 or more, got 0"):
        predictor(picture("red"), batch_size=0)


def test_search_options_are_checked_by_the_search(predictor):
    with pytest.raises(ValueError, match="`beam_size` must be 1 or more, got 0"):
        predictor(picture("red"), beam_size=0)


def test_another_vocabulary_than_the_models_is_refused():
    model, _ = trained()
    with pytest.raises(ValueError, match="The model knows 12 tokens and the vocabulary has 5"):
        CaptionPredictor(model, Vocabulary.build([["one"]]), EvalTransform(tiny_transform()))


def test_weights_that_the_encoder_started_from_need_not_be_there(tmp_path):
    """A checkpoint moves to a machine that has no file of pretrained weights."""
    encoder = replace(tiny_settings().encoder, weights="/nowhere/mobilenet.pth")
    settings = {**tiny_settings().to_dict(), "encoder": asdict(encoder)}
    path = save(tmp_path / "moved.ckpt", settings=settings)
    assert CaptionPredictor.from_checkpoint(path)(picture("red")).text == CAPTIONS["red"]


def test_settings_of_another_version_are_refused(tmp_path):
    settings = {**tiny_settings().to_dict(), "fusion": "film"}
    path = save(tmp_path / "newer.ckpt", settings=settings)
    with pytest.raises(ValueError, match=r"newer\.ckpt has settings that this version .*'fusion'"):
        CaptionPredictor.from_checkpoint(path)


def test_a_transform_of_another_version_is_refused(tmp_path):
    path = save(tmp_path / "newer.ckpt", transform={"size": 32, "letterbox": True})
    with pytest.raises(
        ValueError, match=r"newer\.ckpt has settings .*'letterbox'.*other version\?"
    ):
        CaptionPredictor.from_checkpoint(path)


def test_weights_that_do_not_fit_the_settings_are_refused(tmp_path):
    settings = {**tiny_settings().to_dict(), "hidden_dim": 25}
    path = save(tmp_path / "mixed.ckpt", settings=settings)
    with pytest.raises(ValueError, match=r"mixed\.ckpt holds weights of another network"):
        CaptionPredictor.from_checkpoint(path)


def test_a_checkpoint_of_another_task_is_refused(tmp_path):
    path = save(tmp_path / "vqa.ckpt", task="vqa")
    with pytest.raises(ValueError, match=r"vqa\.ckpt.*vqa"):
        CaptionPredictor.from_checkpoint(path)


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.ckpt"):
        CaptionPredictor.from_checkpoint(tmp_path / "nothing.ckpt")


def test_predicting_imports_neither_lightning_nor_torchmetrics():
    program = (
        "import sys, multimodal; multimodal.CaptionPredictor; "
        "print([name for name in ('lightning', 'torchmetrics', 'matplotlib', 'nltk') "
        "if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.gpu
def test_gpu_and_cpu_write_the_same_captions(checkpoint):
    pictures = [picture(colour) for colour in COLOURS]
    ours = CaptionPredictor.from_checkpoint(checkpoint, device="cuda")(pictures)
    theirs = CaptionPredictor.from_checkpoint(checkpoint, device="cpu")(pictures)
    for one, other in zip(ours, theirs, strict=True):
        assert one.tokens == other.tokens
        assert one.score == pytest.approx(other.score, abs=1e-3)


def test_a_png_in_memory_is_taken_as_bytes(predictor):
    buffer = BytesIO()
    picture("green").save(buffer, "PNG")
    assert str(predictor(buffer.getvalue())) == CAPTIONS["green"]
