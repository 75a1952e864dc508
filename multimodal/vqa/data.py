"""The data module of visual question answering: from a folder, or from nothing, to batches.

It names a data set by its format, splits it by images, builds the vocabularies of questions and of
answers from the training questions alone, and makes loaders whose order is a function of (seed,
epoch).
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

from lightning.pytorch import LightningDataModule

from multimodal.data.batches import QuestionBatch
from multimodal.data.buckets import BucketSampler
from multimodal.data.examples import Question, QuestionExample
from multimodal.data.feature_extraction import View
from multimodal.data.loaders import ResumableLoader
from multimodal.data.readers import (
    holdout,
    read_clevr,
    read_daquar,
    read_easy_vqa,
    read_question_table,
    read_vqa,
)
from multimodal.data.split_images import SceneCounts, SplitImages
from multimodal.data.transforms import TransformSettings
from multimodal.metrics.answers import normalize_answer
from multimodal.text import Vocabulary, tokenize
from multimodal.vqa.answers import AnswerVocabulary
from multimodal.vqa.dataset import QuestionDataset
from multimodal.worlds.scenes import ask, sample_scene

QuestionFormat = Literal["scenes", "vqa", "clevr", "easy_vqa", "daquar", "table"]


@dataclass(frozen=True)
class Columns:
    """The columns of a table of one's own.

    Args:
        image: Names the picture.
        question: Holds the question.
        answer: Holds the answer, or several with ``|`` between them.
    """

    image: str = "image"
    question: str = "question"
    answer: str = "answer"


class VQAData(LightningDataModule):
    """Pictures with questions and answers in any accepted format.

    Args:
        format: ``scenes`` (built in), ``vqa`` (JSON of VQA v1 and v2), ``clevr``, ``easy_vqa``,
            ``daquar`` or ``table`` (a CSV, TSV or JSONL file of one's own).
        root: Folder of the data set, or of the table; not used by ``scenes``.
        images: Folder or archive of the pictures inside ``root``, where it is not the usual one.
        questions: File of the questions inside ``root``, where it has not the usual name;
            ``{split}`` in it becomes the split.
        annotations: File of the answers, in the same way; for ``vqa``.
        columns: Columns of a table.
        transform: Size and augmentation of the images.
        scenes: Numbers of the built-in scenes.
        scene_questions: Questions about each built-in scene.
        holdout: Share of the training images put aside, with all their questions, and used for
            validation in place of the data set's own validation split; 0 uses that.
        test_split: Split that ``test`` and ``predict`` read; ``val`` where there is no test part.
        batch_size: Images in a training batch; each brings its questions.
        eval_batch_size: Images in an evaluation batch.
        questions_per_image: Questions of an image in a training batch, drawn anew each epoch; 0 is
            all.
        min_count: Words in fewer training questions than this become ``<unk>``.
        max_words: Longer questions are cut.
        min_answer_count: Answers that are the commonest of fewer training questions are left out.
        max_answers: Most answers a model can give; 0 is no limit.
        normalize_answers: Whether answers are those of the official evaluation, without case,
            articles and punctuation; off where lists such as ``book, paper`` are to be told apart.
        tokens: A vocabulary to use instead of building one; the command line puts a checkpoint's
            here when it evaluates one.
        known_answers: Answers to use instead of collecting them; put here in the same way.
        cache: Folder for the frozen encoder's features; empty encodes the images in every epoch.
        cache_views: Views of each image in the cache; training draws one, evaluation takes
            ``plain``.
        on_bad_image: ``stop`` with its name, or ``skip``, count and report.
        workers: Processes that read images; 0 reads in the main one.
        seed: Seed of scenes, holdout, order and augmentation.
    """

    def __init__(
        self,
        *,
        format: QuestionFormat = "scenes",  # noqa: A002 - the word a user would look for
        root: str = "",
        images: str = "",
        questions: str = "",
        annotations: str = "",
        columns: Columns | None = None,
        transform: TransformSettings | None = None,
        scenes: SceneCounts | None = None,
        scene_questions: int = 10,
        holdout: float = 0.0,
        test_split: Literal["test", "val"] = "test",
        batch_size: int = 64,
        eval_batch_size: int = 100,
        questions_per_image: int = 0,
        min_count: int = 1,
        max_words: int = 40,
        min_answer_count: int = 1,
        max_answers: int = 0,
        normalize_answers: bool = True,
        tokens: list[str] | None = None,
        known_answers: list[str] | None = None,
        cache: str = "",
        cache_views: list[View] | None = None,
        on_bad_image: Literal["stop", "skip"] = "stop",
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.format = format
        self.root = Path(root)
        self.images = images
        self.questions = questions
        self.annotations = annotations
        self.columns = columns or Columns()
        self.settings = transform or TransformSettings()
        self.scenes = scenes or SceneCounts()
        self.scene_questions = scene_questions
        self.holdout = holdout
        self.test_split = test_split
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.questions_per_image = questions_per_image
        self.min_count = min_count
        self.max_words = max_words
        self.min_answer_count = min_answer_count
        self.max_answers = max_answers
        self.normalize_answers = normalize_answers
        self.tokens = tokens
        self.known_answers = known_answers
        self.pictures = SplitImages(
            self.settings, cache, cache_views or ["plain"], on_bad_image, seed
        )
        self.workers = workers
        self.seed = seed
        self._examples: dict[str, list[QuestionExample]] = {}

    @cached_property
    def words(self) -> Vocabulary:
        """The vocabulary of the training questions, or the one that was given."""
        if self.tokens:
            return Vocabulary(self.tokens)
        texts = {question.text: tokenize(question.text) for question in self.asked("train")}
        sentences = (texts[question.text] for question in self.asked("train"))
        return Vocabulary.build(sentences, min_count=self.min_count)

    @cached_property
    def answer_words(self) -> AnswerVocabulary:
        """The answers of the training questions, or those that were given."""
        if self.known_answers:
            return AnswerVocabulary(self.known_answers)
        for name, least in (("min_answer_count", 1), ("max_answers", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"`{name}` must be {least} or more, got {getattr(self, name)}.")
        questions = [question.answers for question in self.asked("train")]
        if not any(map(normalize_answer, chain.from_iterable(questions))):
            raise ValueError(
                f"The {len(questions):,} training questions of {self._named()} have no answers "
                "(articles and punctuation are none). Add some, or name the files that have them "
                "with `questions` and `annotations`."
            )
        try:
            return AnswerVocabulary.build(
                questions,
                min_count=self.min_answer_count,
                max_size=self.max_answers or None,
                normalize=self.normalize_answers,
            )
        except ValueError as error:
            raise ValueError(
                f"No answer is the commonest of {self.min_answer_count:,} training questions of "
                f"{self._named()}, so that none is left to learn. Lower `min_answer_count`."
            ) from error

    @property
    def vocabulary(self) -> list[str]:
        """All question words as plain data: what is linked into the task."""
        return self.words.to_list()

    @property
    def answers(self) -> list[str]:
        """All answers as plain data: what is linked into the task."""
        return self.answer_words.to_list()

    @property
    def eval_transform(self) -> dict[str, Any]:
        """The transform's settings as plain data: what is linked into the task."""
        return asdict(self.settings)

    def _named(self) -> str:
        """What messages call the training questions."""
        if self.format == "scenes":
            return "the scenes"
        return str(self.root / self.questions.replace("{split}", "train"))

    def examples(self, split: str) -> list[QuestionExample]:
        """Return the examples of a split, read once.

        Args:
            split: ``train``, ``val`` or ``test``.
        """
        if split not in self._examples:
            if self.holdout and split in ("train", "val"):
                kept, held = holdout(self._read("train"), self.holdout, self.seed)
                self._examples.update(train=kept, val=held)
            else:
                self._examples[split] = self._read(split)
        return self._examples[split]

    def asked(self, split: str) -> Iterator[Question]:
        """Return all questions of a split.

        Args:
            split: ``train``, ``val`` or ``test``.
        """
        return (question for example in self.examples(split) for question in example.questions)

    def setup(self, stage: str) -> None:
        """Check what is about to run.

        Args:
            stage: Lightning's name of it.
        """
        if self.trainer is not None and stage == "fit":
            self.pictures.begin(self.trainer)

    def train_dataloader(self) -> ResumableLoader[QuestionBatch]:
        """Return shuffled batches."""
        dataset = self._dataset("train", self.questions_per_image, augment=True)
        return self._loader(dataset, self.batch_size, shuffle=True)

    def val_dataloader(self) -> ResumableLoader[QuestionBatch]:
        """Return the validation batches in order."""
        return self.in_order("val")

    def test_dataloader(self) -> ResumableLoader[QuestionBatch]:
        """Return the test batches in order."""
        return self.in_order(self.test_split)

    def predict_dataloader(self) -> ResumableLoader[QuestionBatch]:
        """Return the test batches in order."""
        return self.in_order(self.test_split)

    def in_order(self, split: str) -> ResumableLoader[QuestionBatch]:
        """Return a split's batches in order, as evaluation sees them.

        Args:
            split: ``train``, ``val`` or ``test``; the training images are not varied.
        """
        dataset = self._dataset(split, 0, augment=False)
        return self._loader(dataset, self.eval_batch_size, shuffle=False)

    def _dataset(self, split: str, questions_per_image: int, *, augment: bool) -> QuestionDataset:
        examples = self.examples(split)
        images = [example.image for example in examples]
        return QuestionDataset(
            examples,
            self.pictures.source(split, images, self.trainer, augment=augment),
            self.words,
            self.answer_words,
            questions_per_image=questions_per_image,
            max_words=self.max_words,
            seed=self.seed,
        )

    def _loader(
        self, dataset: QuestionDataset, batch_size: int, *, shuffle: bool
    ) -> ResumableLoader[QuestionBatch]:
        sampler = BucketSampler(
            len(dataset),
            batch_size=batch_size,
            seed=self.seed,
            shuffle=shuffle,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self.trainer.world_size if self.trainer else 1,
        )
        return ResumableLoader(dataset, sampler, workers=self.workers)

    def _read(self, split: str) -> list[QuestionExample]:
        skip = self.pictures.on_bad_image == "skip"
        match self.format:
            case "scenes":
                return _scenes(split, self.scenes, self.scene_questions, self.seed)
            case "vqa":
                return read_vqa(
                    self.root,
                    split,
                    images=self.images,
                    questions=self.questions,
                    annotations=self.annotations,
                    skip_missing=skip,
                )
            case "clevr":
                return read_clevr(
                    self.root,
                    split,
                    images=self.images,
                    questions=self.questions,
                    skip_missing=skip,
                )
            case "easy_vqa":
                return read_easy_vqa(self.root, split, images=self.images, skip_missing=skip)
            case "daquar":
                return read_daquar(
                    self.root, split, file=self.questions, images=self.images, skip_missing=skip
                )
            case "table":
                return read_question_table(
                    self.root,
                    split,
                    file=self.questions,
                    images=self.images,
                    image_column=self.columns.image,
                    question_column=self.columns.question,
                    answer_column=self.columns.answer,
                    skip_missing=skip,
                )
        formats = ", ".join(get_args(QuestionFormat))
        raise ValueError(f"`format` must be one of {formats}, got {self.format!r}.")


def _scenes(split: str, counts: SceneCounts, number: int, seed: int) -> list[QuestionExample]:
    world = counts.world(split)
    examples = []
    for index in range(counts.number(split)):
        scene = sample_scene(seed, index, world)
        questions = tuple(
            Question(asked.text, (asked.answer,), number * index + place, asked.kind)
            for place, asked in enumerate(ask(scene, number))
        )
        examples.append(QuestionExample(scene, questions, index))
    return examples
