"""The data module of visual question answering: readers, vocabularies of questions and answers."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from multimodal.data.batches import QuestionBatch
from multimodal.data.examples import Question, QuestionExample
from multimodal.data.feature_extraction import View
from multimodal.data.image_source import Images, OnBadImage
from multimodal.data.module import DataModule, TestSplit, build_vocabulary
from multimodal.data.readers import (
    read_clevr,
    read_daquar,
    read_easy_vqa,
    read_question_table,
    read_vqa,
)
from multimodal.data.readers.scenes import read_scene_questions
from multimodal.data.source import Reader, open_source
from multimodal.data.transforms import TransformSettings
from multimodal.metrics.answers import normalize_answer
from multimodal.saving.checkpoint import SavedModel
from multimodal.text import Vocabulary, tokenize
from multimodal.vqa.answers import AnswerVocabulary
from multimodal.vqa.dataset import QuestionDataset
from multimodal.worlds import scenes

READERS: Final[Mapping[str, Reader[QuestionExample]]] = {
    "scenes": read_scene_questions,
    "vqa": read_vqa,
    "clevr": read_clevr,
    "easy_vqa": read_easy_vqa,
    "daquar": read_daquar,
    "table": read_question_table,
}


@dataclass(frozen=True)
class QuestionText:
    """Limits of the questions and of their vocabulary.

    Args:
        min_count: Words in fewer training questions than this become ``<unk>``.
        max_words: Longer questions are cut.
        questions_per_image: Questions of an image in a training batch, drawn anew each epoch; 0 is
            all.
    """

    min_count: int = 1
    max_words: int = 40
    questions_per_image: int = 0


@dataclass(frozen=True)
class AnswerSettings:
    """Settings of the answers that a model can give.

    Args:
        min_count: Answers that are the commonest of fewer training questions are left out.
        max_answers: Most answers that are kept; 0 is no limit.
        normalize: Whether answers are those of the official evaluation, without case, articles and
            punctuation; off where lists such as ``book, paper`` are to be told apart.
    """

    min_count: int = 1
    max_answers: int = 0
    normalize: bool = True


class VQAData(DataModule[QuestionExample, QuestionBatch]):
    """Pictures with questions and answers in any accepted format.

    Args:
        format: ``scenes`` (built in), ``vqa`` (JSON of VQA v1 and v2), ``clevr``, ``easy_vqa``,
            ``daquar``, ``table`` (a CSV, TSV or JSONL file), or the import path of a
            reader of your own.
        root: Folder of the data set, or of the table; not used by ``scenes``.
        options: Keywords of the format's reader, such as ``questions`` and ``annotations`` of
            ``vqa``; see data/README.md.
        transform: Size and augmentation of the images.
        text: Settings of reading questions.
        answers: Settings of the answers that a model can give.
        holdout: Share of the training images used, with all their questions, for validation in
            place of the data set's own validation split; 0 uses that.
        test_split: Split that ``test`` and ``predict`` read; ``val`` where there is no test part.
        batch_size: Images in a training batch; each brings its questions.
        eval_batch_size: Images in an evaluation batch.
        cache: Folder for the frozen encoder's features; empty encodes the images in every epoch.
        cache_views: Views of each image in the cache; training draws one, evaluation takes
            ``plain``.
        on_bad_image: ``stop`` with its name, or ``skip``, count and report.
        workers: Processes that read images; 0 reads in the main one.
        seed: Seed of scenes, holdout, order and augmentation.
    """

    images: Images

    def __init__(
        self,
        *,
        format: str = "scenes",  # noqa: A002 - the word a user would look for
        root: str = "",
        options: dict[str, Any] | None = None,
        transform: TransformSettings | None = None,
        text: QuestionText | None = None,
        answers: AnswerSettings | None = None,
        holdout: float = 0.0,
        test_split: TestSplit = "test",
        batch_size: int = 64,
        eval_batch_size: int = 100,
        cache: str = "",
        cache_views: list[View] | None = None,
        on_bad_image: OnBadImage = "stop",
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            holdout=holdout,
            test_split=test_split,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            workers=workers,
            seed=seed,
        )
        self.images = Images(
            transform or TransformSettings(), cache, cache_views or ["plain"], on_bad_image, seed
        )
        self.source = open_source(
            READERS,
            QuestionExample,
            format=format,
            root=root,
            options=options,
            shared={"seed": seed, "skip_missing": self.images.skip_missing},
        )
        self.text = text or QuestionText()
        self.answer_settings = answers or AnswerSettings()

    @cached_property
    def words(self) -> Vocabulary:
        """The vocabulary of the training questions, or an adopted one."""
        known = scenes.question_words() if self.is_built_in else []
        return build_vocabulary(self._tokenized, known, min_count=self.text.min_count)

    @cached_property
    def answer_words(self) -> AnswerVocabulary:
        """The answers of the training questions, or adopted ones."""
        settings = self.answer_settings
        if self.is_built_in and settings == AnswerSettings():
            return AnswerVocabulary(scenes.answers())
        for name, least in (("min_count", 1), ("max_answers", 0)):
            if getattr(settings, name) < least:
                raise ValueError(
                    f"`answers.{name}` must be {least} or more, got {getattr(settings, name)}."
                )
        answers = [question.answers for question in self.questions("train")]
        if not any(map(normalize_answer, chain.from_iterable(answers))):
            raise ValueError(
                f"The {len(answers):,} training questions of {self._name()} have no answers "
                "(articles and punctuation are none). Add some, or name the files that have them "
                "with `options`: `questions` and `annotations`."
            )
        try:
            return AnswerVocabulary.build(
                answers,
                min_count=settings.min_count,
                max_size=settings.max_answers or None,
                normalize=settings.normalize,
            )
        except ValueError as error:
            raise ValueError(
                f"No answer is the commonest of {settings.min_count:,} training questions of "
                f"{self._name()}, so that none is left to learn. Lower `answers.min_count`."
            ) from error

    @property
    def answers(self) -> list[str]:
        """All answers as plain data."""
        return self.answer_words.to_list()

    @property
    def eval_transform(self) -> dict[str, Any]:
        """The settings of the evaluation transform as plain data."""
        return asdict(self.images.settings)

    def questions(self, split: str) -> Iterator[Question]:
        """Iterate over all questions of a split."""
        return (question for example in self.examples(split) for question in example.questions)

    @override
    def linked(self) -> dict[str, Any]:
        return {
            "vocabulary": self.vocabulary,
            "answers": self.answers,
            "transform": self.eval_transform,
        }

    @override
    def adopt(self, saved: SavedModel) -> None:
        self.words = Vocabulary(saved.vocabulary)
        self.answer_words = AnswerVocabulary(saved.extra["answers"])
        self.images.settings = TransformSettings(**saved.transform)

    @override
    def dataset(self, split: str, *, training: bool) -> QuestionDataset:
        examples = self.examples(split)
        images = [example.image for example in examples]
        return QuestionDataset(
            examples,
            self.images.source(split, images, self.trainer, training=training),
            self.words,
            self.answer_words,
            questions_per_image=self.text.questions_per_image if training else 0,
            max_words=self.text.max_words,
            seed=self.seed,
        )

    def _tokenized(self) -> Iterator[list[str]]:
        words = cache(tokenize)  # the same question is often asked of many images
        return (words(question.text) for question in self.questions("train"))

    def _name(self) -> str:
        """Name the training questions in messages."""
        if self.is_built_in:
            return "the scenes"
        file = self.source.options.get("questions") or self.source.options.get("file") or ""
        return str(Path(self.source.root, file.replace("{split}", "train")))
