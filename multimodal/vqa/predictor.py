"""A trained answerer as a function from pictures and questions to answers.

`VQAPredictor` opens pictures with the function, and resizes them with the transform, that its model
was evaluated with, and reads questions with the same tokenizer. A picture is encoded once for all
its questions. An answer comes with its probability, the runners-up, where the model looked, and the
words of the question that the model never saw. The predictor keeps nothing from one call to the
next, so any number of threads may share one.

References:
    Antol et al. 2015, "VQA: Visual question answering", section 4 (answers as classes, a softmax);
    Teney et al. 2018, "Tips and tricks for visual question answering", section 3.2 (a sigmoid for
    each answer); Yang et al. 2016, "Stacked attention networks for image question answering",
    figure 5 (where it looked).
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeAlias, overload

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from multimodal.attribution.evidence import Evidence
from multimodal.data.batches import collate_questions
from multimodal.data.transforms import EvalTransform
from multimodal.inference.devices import Precision, arithmetic, check_precision, find_device
from multimodal.inference.inputs import Picture, SeenPicture, is_one, see_picture, seen_picture
from multimodal.inference.rebuilding import read_transform, read_vocabulary, rebuild
from multimodal.saving import read_model
from multimodal.saving.checkpoint import SavedModel
from multimodal.text import Vocabulary
from multimodal.vqa.answers import AnswerVocabulary
from multimodal.vqa.evidence import answer_evidence
from multimodal.vqa.model import Answerer, AnswererSettings
from multimodal.vqa.pairs import AskedQuestion, Failure, pair_up, read_pairs, read_question
from multimodal.vqa.result import Alternative, Answer

Loss: TypeAlias = Literal["cross_entropy", "soft"]

_LOSSES = ("cross_entropy", "soft")
_TOGETHER = 256  # questions about one picture that go through the model together


class VQAPredictor:
    """Answer questions about pictures.

    Args:
        model: A trained answerer; it is moved to the device and set to evaluation.
        vocabulary: The words of its questions.
        answers: Its answers.
        transform: The transform it was evaluated with.
        loss: What it was trained with: ``cross_entropy`` makes probabilities that share 1 among
            all answers, ``soft`` one for each answer by itself.
        device: ``auto`` takes a GPU if there is one; otherwise any device that torch knows.
        precision: ``float32``, or ``bfloat16``: faster where the hardware has it, and less exact.

    Raises:
        ValueError: If model, vocabulary and answers do not belong together, the device is not
            there, or `loss` or `precision` is none of the names.

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
        _check_sizes(model, vocabulary, answers)
        check_precision(precision)
        if loss not in _LOSSES:
            raise ValueError(f"`loss` must be {' or '.join(_LOSSES)}, got {loss!r}.")
        self.device = find_device(device)
        self.precision = precision
        self.model = model.to(self.device).eval()
        self.vocabulary = vocabulary
        self.answers = answers
        self.transform = transform
        self.loss = loss

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> "VQAPredictor":
        """Rebuild an answerer from a saved model, which is read as data and never executed.

        Args:
            path: A shipped name, an exported folder, or a ``.ckpt`` file
                of a run of visual question answering.
            device: As for the class.
            precision: As for the class.

        Returns:
            The predictor.

        Raises:
            FileNotFoundError: If there is no such model.
            ValueError: If it is no model of an answerer, or does not fit this version.
        """
        saved = read_model(path, task="vqa")
        return cls.from_saved(saved, str(path), device=device, precision=precision)

    @classmethod
    def from_saved(
        cls,
        saved: SavedModel,
        source: str,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> "VQAPredictor":
        """Rebuild an answerer from what `multimodal.saving.read_model` returned.

        Args:
            saved: Settings, words, answers, transform and weights.
            source: Where they come from, for messages.
            device: As for the class.
            precision: As for the class.

        Returns:
            The predictor.

        Raises:
            ValueError: If the parts do not fit each other, or this version.
        """
        vocabulary, answers = read_vocabulary(saved, source), _answers_of(saved, source)
        model = rebuild(
            lambda: Answerer(
                AnswererSettings.for_loading(saved.settings), len(vocabulary), len(answers)
            ),
            saved,
            source,
        )
        transform = read_transform(saved, source)
        return cls(
            model,
            vocabulary,
            answers,
            transform,
            loss=saved.extra.get("loss", "cross_entropy"),
            device=device,
            precision=precision,
        )

    @overload  # a str is an iterable of str too, but is one picture's path, or one question
    def __call__(  # type: ignore[overload-overlap]
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
        self,
        image: Picture | Iterable[Picture],
        question: str | Iterable[str],
        *,
        top: int = 5,
        batch_size: int = 32,
    ) -> Answer | list[Answer]:
        """Answer one question about a picture, or each of many; or ask many pictures.

        Args:
            image: A path, the bytes of a file, a PIL image, an array ``(height, width, 3)``, a
                tensor ``(3, height, width)``, a member of a zip archive (`ImageFile`) or a built-in
                `Scene`, which is encoded once; or many of these.
            question: One question, or many. Words that the model never saw are named in the answer.
                Many pictures are all asked one question, or each its own: the first picture the
                first one, and so on.
            top: How many answers are ranked, the best one counted; the others are its alternatives.
            batch_size: Pictures that go through the model together, each with its question.

        Returns:
            One answer to one question about one picture; otherwise a list of answers in the order
            of the questions, or of the pictures.

        Raises:
            FileNotFoundError: If a picture's file is not there.
            ImageError: If a picture cannot be used; the message names it.
            TypeError: If something is no picture, or a question is not a string.
            ValueError: If a question has no word in it, an option is below 1, or there are not as
                many questions as pictures.
        """
        _check_least("top", top)
        _check_least("batch_size", batch_size)
        one = isinstance(question, str)
        if not one and (not isinstance(question, Iterable) or isinstance(question, bytes)):
            raise TypeError(
                f"`question` must be a string or a sequence of them, got {type(question).__name__}."
            )
        if not is_one(image):
            pairs = pair_up(image, question)
            return list(_or_raise(self.stream(pairs, top=top, batch_size=batch_size)))
        asked = [
            read_question(each, self.vocabulary, f"Question {number} (counted from 0)")
            for number, each in enumerate([question] if one else question)
        ]
        picture: Any = image
        seen = see_picture(picture, self.transform, None)
        if not isinstance(seen, SeenPicture):
            raise seen
        grid = self._see([seen])
        answers: list[Answer] = []
        for start in range(0, len(asked), _TOGETHER):
            some = asked[start : start + _TOGETHER]
            answers += self._answer(grid, some, [0] * len(some), top, [seen])
        return answers[0] if one else answers

    def stream(
        self, pairs: Iterable[tuple[Picture, str]], *, top: int = 5, batch_size: int = 32
    ) -> Iterator[Answer | Failure]:
        """Answer questions about pictures one batch after another, for more than fit into memory.

        A picture that comes several times in a batch, as the same object or by the same name, is
        opened and encoded once. What cannot be answered does not stop the others: its error comes
        in its answer's place.

        Args:
            pairs: Pictures, each with a question; any iterable, from which a batch is taken at a
                time.
            top: As for a call.
            batch_size: Pairs that go through the model together.

        Yields:
            For each pair, in order, the answer; or an `ImageError`, `FileNotFoundError` or
            `ValueError` that says what is wrong with its picture or its question.

        Raises:
            TypeError: If something is not a pair of a picture and a string.
            ValueError: If an option is out of range.
        """
        _check_least("top", top)
        _check_least("batch_size", batch_size)
        items = enumerate(pairs)
        while batch := list(islice(items, batch_size)):
            ready = read_pairs(batch, self.transform, self.vocabulary)
            answers: Iterator[Answer] = iter(())
            if ready.pictures:
                grid = self._see(ready.pictures)
                found = self._answer(grid, ready.asked, ready.image_of, top, ready.pictures)
                answers = iter(found)
            for failure in ready.failures:
                yield next(answers) if failure is None else failure

    def seen(self, picture: Picture) -> UInt8[Tensor, "3 height width"]:
        """Return what the model sees of a picture, which its attention lies over.

        Args:
            picture: One picture, as for a call.

        Returns:
            The whole picture, or the square that was cut from it, if that is the model's way.
        """
        return seen_picture(picture, self.transform)

    @torch.inference_mode()
    def _see(self, seen: list[SeenPicture]) -> Tensor:
        images = torch.stack([picture.pixels for picture in seen])
        with arithmetic(self.device, self.precision):
            grid: Tensor = self.model.encoder.feature_map(images.to(self.device))
        return grid  # (batch, feature, rows, columns)

    @torch.inference_mode()
    def _answer(
        self,
        grid: Tensor,
        asked: list[AskedQuestion],
        image_of: list[int],
        top: int,
        seen: list[SeenPicture],
    ) -> list[Answer]:
        different: dict[tuple[int, ...], int] = {}  # each question is read once
        question_of = [different.setdefault(each.tokens, len(different)) for each in asked]
        rows = (torch.tensor(image_of), torch.tensor(question_of))
        inputs = [part.to(self.device) for part in (*collate_questions(list(different)), *rows)]
        with arithmetic(self.device, self.precision):
            features = grid.flatten(2).transpose(1, 2)  # (batch, regions, feature)
            logits, weights = self.model(features, *inputs)
        # The logits are ranked, since several probabilities may round to 1.
        logits, numbers = logits.float().sort(dim=-1, descending=True, stable=True)
        shares = logits.softmax(dim=-1) if self.loss == "cross_entropy" else logits.sigmoid()
        weights = weights.float()
        maps = (weights / weights.sum(dim=-1, keepdim=True)).unflatten(-1, grid.shape[2:])
        best = (numbers[:, :top].tolist(), shares[:, :top].tolist())
        pictures = [seen[place] for place in image_of]
        return [
            self._result(*row) for row in zip(asked, *best, maps.tolist(), pictures, strict=True)
        ]

    def _result(
        self,
        asked: AskedQuestion,
        numbers: list[int],
        shares: list[float],
        looked: list[list[float]],
        seen: SeenPicture,
    ) -> Answer:
        best, *others = [
            Alternative(self.answers[number], share)
            for number, share in zip(numbers, shares, strict=True)
        ]
        return Answer(
            answer=best.answer,
            probability=best.probability,
            alternatives=tuple(others),
            attention=tuple(map(tuple, looked)),
            question=asked.text,
            unknown_words=asked.unknown_words,
            picture=seen,
        )

    def evidence(self, picture: Picture, question: str = "") -> Evidence:
        """Return the prediction with its scores, for `multimodal.explain`."""
        return answer_evidence(self, picture, question)


def _or_raise(found: Iterable[Answer | Failure]) -> Iterator[Answer]:
    for each in found:
        if not isinstance(each, Answer):
            raise each
        yield each


def _check_least(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"`{name}` must be 1 or more, got {value}.")


def _check_sizes(model: Answerer, vocabulary: Vocabulary, answers: AnswerVocabulary) -> None:
    last = model.answer[-1]
    assert isinstance(last, nn.Linear)
    known = (model.questions.embedding.num_embeddings, last.out_features)
    if known != (len(vocabulary), len(answers)):
        raise ValueError(
            f"The model knows {known[0]} tokens and {known[1]} answers, the vocabulary has "
            f"{len(vocabulary)} and there are {len(answers)} answers. Take all from the same "
            "training."
        )


def _answers_of(saved: SavedModel, source: str) -> AnswerVocabulary:
    answers = saved.extra.get("answers")
    if not isinstance(answers, list):
        raise ValueError(
            f"{source} has no list of answers. Was it changed by hand? Copy or train it again."
        )
    try:
        return AnswerVocabulary(answers)
    except (TypeError, ValueError) as error:
        raise ValueError(f"The answers of {source} cannot be used: {error}") from error
