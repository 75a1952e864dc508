"""Answer questions about images with a trained model.

Images are opened and resized, and questions tokenized, as in the evaluation of the model. An image
is opened and encoded once for all its questions in a batch. An answer comes with its probability,
the next best answers, the attention map, and the unknown words of the question.

References:
    Antol et al. 2015, "VQA: Visual question answering", section 4 (answers as classes, a softmax);
    Teney et al. 2018, "Tips and tricks for visual question answering", section 3.2 (a sigmoid for
    each answer); Yang et al. 2016, "Stacked attention networks for image question answering",
    figure 5 (attention maps).
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias, get_args, overload

import torch
from jaxtyping import UInt8
from torch import Tensor
from typing_extensions import override

from multimodal.attribution.evidence import Evidence
from multimodal.data.batches import collate_questions
from multimodal.data.examples import ImageFile
from multimodal.data.transforms import EvalTransform
from multimodal.inference.devices import Precision, arithmetic
from multimodal.inference.inputs import IMAGE_NAME, ImageInput, Picture, is_one, read_image, view
from multimodal.inference.options import read_options
from multimodal.inference.predictor import Predictor, Problem, check_sizes
from multimodal.inference.rebuilding import read_transform, read_vocabulary, rebuild
from multimodal.saving.checkpoint import SavedModel
from multimodal.text import Vocabulary, tokenize
from multimodal.vqa.answers import AnswerVocabulary
from multimodal.vqa.evidence import answer_evidence
from multimodal.vqa.model import Answerer, AnswererSettings
from multimodal.vqa.options import AnswerOptions
from multimodal.vqa.result import Alternative, Answer
from multimodal.worlds.scenes import Scene

Loss: TypeAlias = Literal["cross_entropy", "soft"]

_TOGETHER = 256  # questions about one image that go through the model together


class Question(NamedTuple):
    """A question as a model reads it; each unknown word is listed once."""

    text: str
    tokens: tuple[int, ...]
    unknown_words: tuple[str, ...]


class Pair(NamedTuple):
    """An image and a question, prepared for a model; pairs of a batch share image objects."""

    image: ImageInput
    question: Question


class VQAPredictor(Predictor[tuple[Picture, str], Pair, Answer]):
    """Answer questions about images; see `AnswerOptions` for the keywords of a call.

    Args:
        model: A trained answerer.
        vocabulary: The words of its questions.
        answers: Its answers.
        transform: The transform it was evaluated with.
        loss: The loss of its training: with ``cross_entropy`` the probabilities of all answers sum
            to 1, with ``soft`` each answer has its own.
        device, precision: As for `Predictor`.

    Raises:
        ValueError: If model, vocabulary and answers do not belong together, the device does not
            exist, or `loss` or `precision` is none of the names.

    Example:
        >>> from multimodal.data.transforms import TransformSettings
        >>> from multimodal.nn.encoders import EncoderSettings
        >>> small = EncoderSettings(channels=[8, 8], strides=[4, 4])
        >>> settings = AnswererSettings(small, question_dim=8, fusion_dim=8)
        >>> words = Vocabulary.build([["is", "it", "red"]])
        >>> answers = AnswerVocabulary(["yes", "no"])
        >>> transform = EvalTransform(TransformSettings(size=64))
        >>> model = Answerer(settings, len(words), len(answers))
        >>> predictor = VQAPredictor(model, words, answers, transform)
        >>> answer = predictor(torch.zeros(3, 60, 80), "Is it blue?")
        >>> answer.answer in ("yes", "no"), answer.unknown_words
        (True, ('blue',))
    """

    task: ClassVar[str] = "vqa"
    input_name: ClassVar[str] = IMAGE_NAME
    Options = AnswerOptions
    model: Answerer

    def __init__(
        self,
        model: Answerer,
        vocabulary: Vocabulary,
        answers: AnswerVocabulary,
        transform: EvalTransform,
        *,
        loss: Loss = "cross_entropy",
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> None:
        check_sizes(
            tokens=(model.questions.embedding.num_embeddings, len(vocabulary)),
            answers=(model.answer[-1].out_features, len(answers)),
        )
        if loss not in get_args(Loss):
            raise ValueError(f"`loss` must be {' or '.join(get_args(Loss))}, got {loss!r}.")
        super().__init__(model, device=device, precision=precision)
        self.vocabulary = vocabulary
        self.answers = answers
        self.transform = transform
        self.loss = loss

    @override
    @classmethod
    def build(cls, saved: SavedModel, source: str) -> dict[str, Any]:
        vocabulary, answers = read_vocabulary(saved, source), _read_answers(saved, source)
        model = rebuild(
            lambda: Answerer(
                AnswererSettings.for_loading(saved.settings), len(vocabulary), len(answers)
            ),
            saved,
            source,
        )
        parts = {"model": model, "vocabulary": vocabulary, "answers": answers}
        loss = saved.extra.get("loss", "cross_entropy")
        return {**parts, "transform": read_transform(saved, source), "loss": loss}

    @overload  # type: ignore[override]  # a question comes with the image
    def __call__(  # type: ignore[overload-overlap]  # a str is an iterable of str too
        self, image: Picture, question: str, *, top: int = ..., batch_size: int = ...
    ) -> Answer: ...

    @overload
    def __call__(
        self,
        image: Picture | Iterable[Picture],
        question: str | Iterable[str],
        *,
        top: int = ...,
        batch_size: int = ...,
    ) -> list[Answer]: ...

    def __call__(
        self, image: Picture | Iterable[Picture], question: str | Iterable[str], **options: Any
    ) -> Answer | list[Answer]:
        """Answer one question about an image, or each of many; or questions about many images.

        Args:
            image: One image, which is encoded once for all questions, or many.
            question: One question, or many. Many images share one question, or have one each, in
                the same order.
            options: Fields of `AnswerOptions`.

        Raises:
            FileNotFoundError: If an image's file does not exist.
            ImageError: If an image cannot be used; the message names it.
            TypeError: If an image or a question is of the wrong type, or an option is unknown.
            ValueError: If a question has no word in it, an option is out of range, or the number
                of questions is not the number of images.
        """
        chosen = read_options(AnswerOptions, options)
        if not isinstance(question, Iterable) or isinstance(question, bytes):
            raise TypeError(
                f"`question` must be a string or a sequence of them, got {type(question).__name__}."
            )
        if is_one(image):
            if isinstance(question, str):
                return self._ask([question], image, chosen.top)[0]
            return self._ask(question, image, chosen.top)
        answers: list[Answer] = []
        for answer in self._each(_pair_up(image, question), chosen, numbered=True):
            if not isinstance(answer, Answer):
                raise answer
            answers.append(answer)
        return answers

    @override
    def is_single(self, inputs: object) -> bool:
        return is_one(inputs)

    @override
    def reader(self) -> Callable[[tuple[Picture, str], int | None], Pair]:
        """Return a function that opens an image that comes several times in a batch only once."""
        return partial(self.read, opened={})

    @override
    def read(
        self,
        given: tuple[Picture, str],
        number: int | None,
        opened: dict[Hashable, ImageInput | Problem] | None = None,
    ) -> Pair:
        picture, text = _split(given, number)
        name = f"The question of pair {number} (counted from 0)"
        question = read_question(text, self.vocabulary, name)
        key, opened = _key(picture), {} if opened is None else opened
        if key not in opened:
            try:
                opened[key] = read_image(picture, self.transform, number)
            except (ValueError, FileNotFoundError) as error:
                opened[key] = error
        image = opened[key]
        if not isinstance(image, ImageInput):
            raise image
        return Pair(image, question)

    def seen(self, picture: Picture) -> UInt8[Tensor, "3 height width"]:
        """Return the part of a picture that the model receives; attention maps lie over it."""
        return view(picture, self.transform)

    @override
    def predict(self, items: list[Pair], options: AnswerOptions) -> list[Answer]:
        images = {id(pair.image): pair.image for pair in items}  # each is encoded once
        row_of = {key: row for row, key in enumerate(images)}
        image_of = [row_of[id(pair.image)] for pair in items]
        return self._answer(self._encode(list(images.values())), items, image_of, options.top)

    def _ask(self, questions: Iterable[object], picture: Any, top: int) -> list[Answer]:
        read = [
            read_question(each, self.vocabulary, f"Question {number} (counted from 0)")
            for number, each in enumerate(questions)
        ]
        image = read_image(picture, self.transform, None)
        grid = self._encode([image])
        answers: list[Answer] = []
        for start in range(0, len(read), _TOGETHER):
            pairs = [Pair(image, question) for question in read[start : start + _TOGETHER]]
            answers += self._answer(grid, pairs, [0] * len(pairs), top)
        return answers

    @torch.inference_mode()
    def _encode(self, images: list[ImageInput]) -> Tensor:
        pixels = torch.stack([image.pixels for image in images])
        with arithmetic(self.device, self.precision):
            grid: Tensor = self.model.encoder.feature_map(pixels.to(self.device))
        return grid  # (batch, feature, rows, columns)

    @torch.inference_mode()
    def _answer(
        self, grid: Tensor, pairs: list[Pair], image_of: list[int], top: int
    ) -> list[Answer]:
        different: dict[tuple[int, ...], int] = {}  # each question is encoded once
        question_of = [different.setdefault(pair.question.tokens, len(different)) for pair in pairs]
        rows = (torch.tensor(image_of), torch.tensor(question_of))
        inputs = [part.to(self.device) for part in (*collate_questions(list(different)), *rows)]
        with arithmetic(self.device, self.precision):
            features = grid.flatten(2).transpose(1, 2)  # (batch, regions, feature)
            logits, weights = self.model(features, *inputs)
        # The logits are ranked, since several probabilities may round to 1.
        logits, indices = logits.float().sort(dim=-1, descending=True, stable=True)
        probabilities = logits.softmax(dim=-1) if self.loss == "cross_entropy" else logits.sigmoid()
        weights = weights.float()
        maps = (weights / weights.sum(dim=-1, keepdim=True)).unflatten(-1, grid.shape[2:])
        best = (indices[:, :top].tolist(), probabilities[:, :top].tolist())
        return [self._result(*row) for row in zip(pairs, *best, maps.tolist(), strict=True)]

    def _result(
        self,
        pair: Pair,
        indices: list[int],
        probabilities: list[float],
        attention: list[list[float]],
    ) -> Answer:
        best, *others = [
            Alternative(self.answers[index], probability)
            for index, probability in zip(indices, probabilities, strict=True)
        ]
        return Answer(
            answer=best.answer,
            probability=best.probability,
            alternatives=tuple(others),
            attention=tuple(map(tuple, attention)),
            question=pair.question.text,
            unknown_words=pair.question.unknown_words,
            picture=pair.image,
        )

    def evidence(self, picture: Picture, question: str = "") -> Evidence:
        """Return the prediction with its scores, for `multimodal.explain`."""
        return answer_evidence(self, picture, question)


def read_question(question: object, vocabulary: Vocabulary, name: str) -> Question:
    """Tokenize a question, and encode it with a model's vocabulary.

    Args:
        question: The question.
        vocabulary: The model's words.
        name: The question's name in error messages.

    Raises:
        TypeError: If it is not a string.
        ValueError: If it has no word in it, or more than 10,000 characters.

    Example:
        >>> words = Vocabulary.build([["is", "it", "red"]])
        >>> read_question("Is it blue?", words, "The question")
        Question(text='Is it blue?', tokens=(4, 5, 3), unknown_words=('blue',))
    """
    if not isinstance(question, str):
        raise TypeError(f"{name} must be a string, got {type(question).__name__}.")
    words = tokenize(question)
    if not words:
        raise ValueError(
            f"A question has no word in it: {question[:40]!r}. Ask something, such as 'What colour "
            "is it?'."
        )
    unknown = dict.fromkeys(word for word in words if word not in vocabulary)
    return Question(question, tuple(vocabulary.encode(words)), tuple(unknown))


def _pair_up(pictures: object, questions: str | Iterable[str]) -> Iterator[tuple[Any, Any]]:
    """Pair many images with one question, or each with its own."""
    if not isinstance(pictures, Iterable):
        raise TypeError(
            f"A predictor takes {IMAGE_NAME} or a sequence of them, got {type(pictures).__name__}."
        )
    if isinstance(questions, str):
        yield from ((picture, questions) for picture in pictures)
        return
    many, each = list(pictures), list(questions)
    if len(many) != len(each):
        raise ValueError(
            f"Many pictures are asked one question, or one each: got {len(many)} pictures and "
            f"{len(each)} questions."
        )
    yield from zip(many, each, strict=True)


def _split(pair: object, number: int | None) -> tuple[Any, object]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise TypeError(
            f"`stream` takes pairs (picture, question), got {type(pair).__name__} at position "
            f"{number} (counted from 0)."
        )
    return pair[0], pair[1]


def _key(picture: Picture) -> Hashable:
    """Return a key by which equal pictures of a batch are opened once."""
    if isinstance(picture, str | Path | bytes | ImageFile | Scene):
        return picture
    return id(picture)


def _read_answers(saved: SavedModel, source: str) -> AnswerVocabulary:
    answers = saved.extra.get("answers")
    if not isinstance(answers, list):
        raise ValueError(
            f"{source} has no list of answers. Was it changed by hand? Copy or train it again."
        )
    try:
        return AnswerVocabulary(answers)
    except (TypeError, ValueError) as error:
        raise ValueError(f"The answers of {source} cannot be used: {error}") from error
