import copy
import inspect
import json
import zipfile
from dataclasses import asdict, fields

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_answerer import ANSWERS, QUESTIONS, WHAT, right_answer, save, trained
from tiny_answerer import settings as tiny_settings
from tiny_answerer import transform as tiny_transform
from tiny_captioner import COLOURS, picture

from multimodal.data.batches import collate_questions
from multimodal.data.examples import ImageFile
from multimodal.data.images import ImageError
from multimodal.data.transforms import EvalTransform, TransformSettings
from multimodal.text import Vocabulary, tokenize
from multimodal.vqa.answers import AnswerVocabulary
from multimodal.vqa.model import Answerer
from multimodal.vqa.predictor import Alternative, Answer, Pair, VQAPredictor, read_question
from multimodal.worlds.scenes import sample_scene


@pytest.fixture(scope="module")
def answerer(tmp_path_factory):
    return save(tmp_path_factory.mktemp("model") / "best.ckpt")


@pytest.fixture(scope="module")
def predictor(answerer):
    return VQAPredictor.from_checkpoint(answerer, device="cpu")


def untrained(fusion="slots", *, size=64, count=5, **changes):
    torch.manual_seed(0)
    words = Vocabulary.build([tokenize(text) for text in QUESTIONS])
    answers = AnswerVocabulary([*ANSWERS, *map(str, range(count - len(ANSWERS)))])
    model = Answerer(tiny_settings(fusion=fusion), len(words), len(answers))
    return VQAPredictor(
        model, words, answers, EvalTransform(TransformSettings(size=size)), device="cpu", **changes
    )


def close(found, expected):
    """The same answers, computed in batches of other sizes."""
    assert (found.answer, found.question) == (expected.answer, expected.question)
    assert found.unknown_words == expected.unknown_words
    for one, other in zip(found.ranked, expected.ranked, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=1e-5)
    torch.testing.assert_close(
        torch.tensor(found.attention), torch.tensor(expected.attention), atol=1e-5, rtol=1e-4
    )


def as_file(folder, colour):
    return folder / f"{colour}.png"


def as_member(folder, colour):
    with zipfile.ZipFile(folder / "photos.zip", "a") as file:
        file.write(as_file(folder, colour), f"inside/{colour}.png")
    return ImageFile(folder / "photos.zip", f"inside/{colour}.png")


def as_tensor(folder, colour):
    return torch.from_numpy(np.array(picture(colour))).permute(2, 0, 1)


FORMS = {
    "a path": as_file,
    "a string": lambda folder, colour: str(as_file(folder, colour)),
    "bytes": lambda folder, colour: as_file(folder, colour).read_bytes(),
    "a PIL image": lambda folder, colour: picture(colour),
    "an array": lambda folder, colour: np.array(picture(colour)),
    "a tensor": as_tensor,
    "a member of a zip": as_member,
}


@pytest.mark.parametrize("colour", COLOURS)
def test_many_questions_get_a_list_in_their_order(colour, predictor):
    answers = predictor(picture(colour), QUESTIONS)
    assert [each.question for each in answers] == QUESTIONS
    assert [each.answer for each in answers] == [right_answer(each, colour) for each in QUESTIONS]


@pytest.mark.parametrize("questions", [[], (), iter([])], ids=["list", "tuple", "iterator"])
def test_no_question_gets_an_empty_list(questions, predictor):
    assert predictor(picture("red"), questions) == []


def test_a_list_of_one_gets_a_list_of_one(predictor):
    assert predictor(picture("red"), [WHAT]) == [predictor(picture("red"), WHAT)]


def test_a_generator_of_questions_is_taken(predictor):
    answers = predictor(picture("blue"), (question for question in QUESTIONS))
    assert [each.answer for each in answers] == ["blue", "no", "no", "yes"]


def test_one_question_gets_the_answer_it_gets_among_many(predictor):
    many = [*QUESTIONS, "Is it?", "Is the picture red, green or blue or red or what colour is it?"]
    for question, found in zip(many, predictor(picture("red"), many), strict=True):
        close(found, predictor(picture("red"), question))


def test_the_picture_is_encoded_once_for_any_number_of_questions(monkeypatch):
    predictor = untrained()
    seen = []
    encode = predictor.model.encoder.feature_map
    monkeypatch.setattr(
        predictor.model.encoder, "feature_map", lambda images: seen.append(images) or encode(images)
    )
    monkeypatch.setattr("multimodal.vqa.predictor._TOGETHER", 3)
    answers = predictor(picture("red"), QUESTIONS * 2)
    assert [len(images) for images in seen] == [1]
    for found, expected in zip(answers[4:], answers[:4], strict=True):
        close(found, expected)


def test_a_stream_opens_and_encodes_each_picture_of_a_batch_once(photos, monkeypatch):
    predictor = untrained()
    seen = []
    encode = predictor.model.encoder.feature_map
    monkeypatch.setattr(
        predictor.model.encoder, "feature_map", lambda images: seen.append(images) or encode(images)
    )
    pairs = [(photos / f"{colour}.png", text) for colour in ("red", "blue") for text in QUESTIONS]
    assert len(list(predictor.stream(pairs, batch_size=6))) == 8
    assert [len(images) for images in seen] == [2, 1]


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(COLOURS)), st.sampled_from([*QUESTIONS, "Is it a gnu?"])),
        min_size=1,
        max_size=7,
    ),
    st.integers(1, 4),
)
def test_batched_pairs_get_the_answers_of_single_ones(predictor, pairs, batch_size):
    found = predictor.stream([(picture(c), text) for c, text in pairs], batch_size=batch_size)
    for answer, (colour, text) in zip(found, pairs, strict=True):
        close(answer, predictor(picture(colour), text))


@pytest.mark.parametrize("loss", ["cross_entropy", "soft"])
def test_probabilities_are_those_of_the_models_own_logits(loss):
    model, words, answers = trained()
    transform = EvalTransform(tiny_transform())
    predictor = VQAPredictor(model, words, answers, transform, loss=loss, device="cpu")
    pixels = transform(as_tensor(None, "red"))[None]
    row = torch.zeros(1, dtype=torch.long)
    block = collate_questions([words.encode(tokenize(WHAT))])
    with torch.no_grad():
        logits, weights = model(model.encoder(pixels), *block, row, row)
    expected = logits[0].softmax(-1) if loss == "cross_entropy" else logits[0].sigmoid()
    answer = predictor(picture("red"), WHAT, top=len(answers))
    assert {said for said, _ in answer.ranked} == set(ANSWERS)
    for said, probability in answer.ranked:
        assert probability == pytest.approx(float(expected[answers.index(said)]), abs=1e-6)
    torch.testing.assert_close(torch.tensor(answer.attention).flatten(), weights[0])


def test_probabilities_of_a_cross_entropy_share_one_and_those_of_a_soft_loss_need_not():
    ranked = {}
    for loss in ("cross_entropy", "soft"):
        found = untrained(loss=loss)(picture("red"), WHAT, top=9)
        ranked[loss] = [each.probability for each in found.ranked]
        assert ranked[loss] == sorted(ranked[loss], reverse=True)
    assert sum(ranked["cross_entropy"]) == pytest.approx(1, abs=1e-5)
    assert sum(ranked["soft"]) > 1.5  # each is near a half


def test_answers_stay_ranked_where_their_probabilities_round_to_one():
    predictor = untrained(loss="soft")
    with torch.no_grad():
        predictor.model.answer[-1].weight.zero_()
        predictor.model.answer[-1].bias.copy_(torch.tensor([50.0, 60.0, 40.0, 0.0, 55.0]))
    answer = predictor(picture("red"), WHAT)
    assert [said for said, _ in answer.ranked] == ["no", "blue", "yes", "red", "green"]
    assert answer.alternatives[1].probability == 1.0


def test_answers_that_are_equal_stand_in_the_order_of_their_numbers():
    predictor = untrained(count=40)
    with torch.no_grad():
        predictor.model.answer[-1].weight.zero_()
        predictor.model.answer[-1].bias.zero_()
    found = predictor(picture("red"), WHAT, top=40)
    assert [said for said, _ in found.ranked] == predictor.answers.to_list()


@pytest.mark.parametrize(("top", "count"), [(1, 1), (3, 3), (5, 5), (100, 5)])
def test_top_says_how_many_answers_are_ranked(top, count, predictor):
    answer = predictor(picture("red"), WHAT, top=top)
    assert len(answer.ranked) == count
    assert answer.ranked == (Alternative(answer.answer, answer.probability), *answer.alternatives)


@pytest.mark.parametrize(
    "fusion", ["slots", "multiply", "concatenate", "stacked", "top_down", "film"]
)
def test_attention_is_a_grid_that_sums_to_one(fusion):
    answers = untrained(fusion)(picture("red"), QUESTIONS)
    attention = torch.tensor([each.attention for each in answers])
    assert attention.shape == (4, 8, 8)
    torch.testing.assert_close(attention.sum(dim=(1, 2)), torch.ones(4))


def test_words_that_the_model_never_saw_are_named_once_in_their_order(predictor):
    answer = predictor(picture("red"), "What colour has the zebra, what colour the gnu or zebra?")
    assert answer.unknown_words == ("has", "zebra", "gnu", "or")
    assert answer.answer in ANSWERS
    assert predictor(picture("red"), WHAT).unknown_words == ()


def test_a_question_of_unknown_words_only_is_answered(predictor):
    answer = predictor(picture("red"), "Quo vadis?")
    assert answer.unknown_words == ("quo", "vadis")
    assert answer.answer in ANSWERS


def test_case_and_punctuation_make_no_difference(predictor):
    loud = predictor(picture("red"), "WHAT colour is the picture ???")
    assert loud.ranked == predictor(picture("red"), WHAT).ranked


def test_an_answer_prints_as_its_text_and_keeps_its_numbers_short():
    answer = Answer("red", 0.5, (Alternative("blue", 0.25),), ((1.0,),), WHAT)
    assert str(answer) == f"{answer}" == "red"
    assert "attention" not in repr(answer)
    with pytest.raises(AttributeError):
        answer.answer = "blue"


def test_an_answer_turns_into_json_and_back(predictor):
    answer = predictor(picture("red"), "What colour is the zebra?")
    values = json.loads(json.dumps(answer.to_dict()))
    assert values.keys() == {field.name for field in fields(Answer)} - {"picture"}
    rebuilt = Answer(
        values["answer"],
        values["probability"],
        tuple(Alternative(**other) for other in values["alternatives"]),
        tuple(map(tuple, values["attention"])),
        values["question"],
        tuple(values["unknown_words"]),
    )
    assert rebuilt == answer


def test_bfloat16_gives_the_same_answers(answerer):
    predictor = VQAPredictor.from_checkpoint(answerer, device="cpu", precision="bfloat16")
    for colour in COLOURS:
        answers = predictor(picture(colour), QUESTIONS)
        assert [each.answer for each in answers] == [right_answer(q, colour) for q in QUESTIONS]
        total = torch.tensor([each.attention for each in answers]).sum(dim=(1, 2))
        torch.testing.assert_close(total, torch.ones(4))


def test_a_stream_goes_on_after_what_cannot_be_answered(predictor, photos):
    (photos / "broken.png").write_bytes(b"not a picture")
    pairs = [("red", WHAT), ("broken", WHAT), ("red", "?!"), ("nowhere", WHAT), ("blue", WHAT)]
    found = list(
        predictor.stream([(photos / f"{name}.png", text) for name, text in pairs], batch_size=4)
    )
    kinds = [Answer, ImageError, ValueError, FileNotFoundError, Answer]
    assert [type(each) for each in found] == kinds
    assert [str(found[0]), str(found[4])] == ["red", "blue"]
    assert "broken.png is not a picture" in str(found[1])
    assert "has no word in it: '?!'" in str(found[2])


def test_a_batch_of_bad_pairs_only_is_passed_through(predictor):
    pairs = [(b"no", WHAT), (picture("red"), ""), (picture("red"), WHAT)]
    found = list(predictor.stream(pairs, batch_size=2))
    assert [type(each) for each in found] == [ImageError, ValueError, Answer]


def test_top_reaches_a_stream(predictor):
    (answer,) = predictor.stream([(picture("red"), WHAT)], top=2)
    assert len(answer.ranked) == 2


@pytest.mark.parametrize("question", ["", "  ", "?!", "...", "\u200b"])
def test_a_question_without_a_word_is_refused(question, predictor):
    with pytest.raises(ValueError, match=r"^A question has no word in it: .* Ask something, such"):
        predictor(picture("red"), question)


def test_a_question_of_endless_length_is_refused(predictor):
    with pytest.raises(ValueError, match=r"may have at most 10,000 characters"):
        predictor(picture("red"), "is it " * 5000)


@pytest.mark.parametrize("question", [None, 5, b"What?"], ids=["None", "a number", "bytes"])
def test_what_is_no_question_is_refused(question, predictor):
    call = inspect.unwrap(VQAPredictor.__call__)
    with pytest.raises(TypeError, match=r"^`question` must be a string or a sequence of them, got"):
        call(predictor, picture("red"), question)


def test_what_is_no_question_among_many_is_numbered(predictor):
    call = inspect.unwrap(VQAPredictor.__call__)
    with pytest.raises(
        TypeError, match=r"^Question 1 \(counted from 0\) must be a string, got int"
    ):
        call(predictor, picture("red"), [WHAT, 7])


def test_options_below_one_are_refused(predictor):
    with pytest.raises(ValueError, match="`top` must be 1 or more, got 0"):
        predictor(picture("red"), WHAT, top=0)
    with pytest.raises(ValueError, match="`top` must be 1 or more, got -1"):
        next(predictor.stream([], top=-1))
    with pytest.raises(ValueError, match="`batch_size` must be 1 or more, got 0"):
        next(predictor.stream([], batch_size=0))


def test_parts_of_different_trainings_are_refused():
    model, words, answers = trained()
    transform = EvalTransform(tiny_transform())
    with pytest.raises(ValueError, match="The model has 13 tokens, expected 5"):
        VQAPredictor(model, Vocabulary.build([["one"]]), answers, transform)
    with pytest.raises(ValueError, match=r"has 5 answers, expected 2\. Take .* from the same"):
        VQAPredictor(model, words, AnswerVocabulary(["yes", "no"]), transform)


def test_an_unknown_loss_is_refused():
    build = inspect.unwrap(VQAPredictor.__init__)
    with pytest.raises(ValueError, match="`loss` must be cross_entropy or soft, got 'hinge'"):
        build(object(), *trained(), EvalTransform(tiny_transform()), loss="hinge")


@pytest.mark.parametrize("loss", ["cross_entropy", "soft"])
def test_the_checkpoint_says_with_which_loss_it_was_trained(loss, tmp_path):
    path = save(tmp_path / "best.ckpt", extra={"loss": loss})
    assert VQAPredictor.from_checkpoint(path, device="cpu").loss == loss


def test_a_checkpoint_that_does_not_say_its_loss_is_taken_for_a_cross_entropys(tmp_path):
    path = save(tmp_path / "best.ckpt", extra={})
    checkpoint = torch.load(path, weights_only=True)
    del checkpoint["multimodal"]["extra"]["loss"]
    torch.save(checkpoint, path)
    assert VQAPredictor.from_checkpoint(path, device="cpu").loss == "cross_entropy"


def test_what_a_task_saves_is_answered_as_the_task_answers(tmp_path):
    from multimodal.vqa.task import VQATask

    model, words, answers = trained()
    task = VQATask(
        tiny_settings(),
        words.to_list(),
        answers.to_list(),
        asdict(tiny_transform()),
        loss="soft",
    )
    task.model = copy.deepcopy(model)
    checkpoint = {"state_dict": task.state_dict()}
    task.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "task.ckpt")
    predictor = VQAPredictor.from_checkpoint(tmp_path / "task.ckpt", device="cpu")
    assert predictor.loss == "soft"
    assert predictor(picture("green"), WHAT).answer == "green"


def test_weights_that_do_not_fit_the_settings_are_refused(tmp_path):
    settings = {**tiny_settings().to_dict(), "question_dim": 25}
    path = save(tmp_path / "mixed.ckpt", settings=settings)
    with pytest.raises(ValueError, match=r"mixed\.ckpt holds weights of another network"):
        VQAPredictor.from_checkpoint(path)


def test_a_checkpoint_without_answers_is_refused(tmp_path):
    path = save(tmp_path / "old.ckpt", extra={"answers": None})
    with pytest.raises(ValueError, match=r"old\.ckpt has no list of answers\. Was it changed"):
        VQAPredictor.from_checkpoint(path)


def test_a_checkpoint_with_bad_answers_is_refused(tmp_path):
    path = save(tmp_path / "old.ckpt", extra={"answers": ["yes", "yes"]})
    with pytest.raises(ValueError, match=r"answers of .*old\.ckpt cannot be used: Every answer"):
        VQAPredictor.from_checkpoint(path)


@pytest.mark.gpu
def test_gpu_and_cpu_give_the_same_answers(answerer):
    ours = VQAPredictor.from_checkpoint(answerer, device="cuda")(picture("red"), QUESTIONS)
    theirs = VQAPredictor.from_checkpoint(answerer, device="cpu")(picture("red"), QUESTIONS)
    for one, other in zip(ours, theirs, strict=True):
        assert one.answer == other.answer
        assert one.probability == pytest.approx(other.probability, abs=1e-3)


@pytest.mark.parametrize("form", ["path", "string", "bytes", "member", "scene", "object", "array"])
def test_a_picture_that_comes_twice_in_a_batch_is_opened_once(form, photos, predictor):
    path = photos / "red.png"
    first, second = {
        "path": (path, photos / "red.png"),
        "string": (str(path), str(path)),
        "bytes": (path.read_bytes(), path.read_bytes()),
        "member": (ImageFile(path), ImageFile(path)),
        "scene": (sample_scene(0, 3, "test"), sample_scene(0, 3, "test")),
        "object": (picture("red"),) * 2,
        "array": (np.array(picture("red")),) * 2,
    }[form]
    pairs = [(first, "is it"), (photos / "blue.png", "is it red"), (second, "is it red")]
    one, other, again = predictor.read_batch(list(enumerate(pairs)))
    assert one.image is again.image
    assert one.image is not other.image
    alone = predictor.read((first, "is it"), None)
    assert torch.equal(one.image.pixels, alone.image.pixels)


def test_different_objects_are_different_pictures(predictor):
    pairs = [(picture("red"), "is it"), (picture("red"), "is it")]
    one, other = predictor.read_batch(list(enumerate(pairs)))
    assert one.image is not other.image


def test_a_question_is_its_words_ids_and_its_unknown_words():
    words = Vocabulary.build([["is", "it", "red"]])
    question = read_question("Is it a dog, a Dog?", words, "The question")
    assert question.text == "Is it a dog, a Dog?"
    assert question.tokens == (*words.encode(["is", "it"]), 3, 3, 3, 3)
    assert question.unknown_words == ("a", "dog")
    with pytest.raises(ValueError, match=r"A question has no word in it: '!{40}'\. Ask something"):
        read_question("!" * 100, words, "The question")
    with pytest.raises(TypeError, match=r"^The question must be a string, got NoneType"):
        read_question(None, words, "The question")


def test_what_cannot_be_used_is_named_in_its_place(photos, predictor):
    (photos / "broken.png").write_bytes(b"")
    pairs = [
        (photos / "broken.png", "is it red"),
        (photos / "green.png", "?"),
        (photos / "nowhere.png", "is it"),
        (photos / "blue.png", "is it"),
        (photos / "broken.png", "is it"),
        (b"", "is it"),
    ]
    found = predictor.read_batch(list(enumerate(pairs)))
    kinds = [ImageError, ValueError, FileNotFoundError, Pair, ImageError, ImageError]
    assert [type(each) for each in found] == kinds
    assert str(found[5]).startswith("Picture 5 (counted from 0)")


@pytest.mark.parametrize("pair", ["ab", 5, ("a.png",), ("a.png", "is it", "red")], ids=str)
def test_what_is_no_pair_is_refused(pair, predictor):
    unchecked = inspect.unwrap(VQAPredictor.read)
    with pytest.raises(
        TypeError, match=r"takes pairs \(picture, question\), got .* position 1 \(c"
    ):
        unchecked(predictor, pair, 1)


def test_a_question_that_is_no_string_is_named_by_its_pair(predictor):
    unchecked = inspect.unwrap(VQAPredictor.read)
    with pytest.raises(TypeError, match=r"The question of pair 0 \(counted from 0\) must be a str"):
        unchecked(predictor, (picture("red"), 5), 0)
