"""The data set of visual question answering: whole batches by index, each image and question once.

A batch holds images, each with some of its questions. Questions are few on many images ("is there a
dog?"), so that the batch keeps each different one once and says which image asks which.
"""

import logging
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from multimodal.data.batches import QuestionBatch, collate_questions
from multimodal.data.buckets import Request, seed_for
from multimodal.data.examples import Question, QuestionExample
from multimodal.data.image_source import ImageSource
from multimodal.metrics.answers import soft_scores
from multimodal.text import Vocabulary, tokenize
from multimodal.vqa.answers import AnswerVocabulary

_LOGGER = logging.getLogger(__name__)


class QuestionDataset(Dataset[QuestionBatch]):
    """Images with their questions, a whole batch a call.

    Args:
        examples: What to read.
        source: Their images, in the same order.
        vocabulary: Numbers the words of the questions.
        answers: Numbers the answers.
        questions_per_image: How many of an image's questions a batch holds, drawn anew each epoch;
            0 is all of them, in order.
        max_words: Longer questions are cut, with one warning.
        seed: Seed of the questions that are drawn.
    """

    def __init__(
        self,
        examples: Sequence[QuestionExample],
        source: ImageSource,
        vocabulary: Vocabulary,
        answers: AnswerVocabulary,
        *,
        questions_per_image: int = 0,
        max_words: int = 50,
        seed: int = 0,
    ) -> None:
        self.examples = list(examples)
        self.source = source
        self.answers = answers
        self.questions_per_image = questions_per_image
        self.seed = seed
        # Texts repeat, so that each is tokenised once; numbers stand for texts from here on.
        numbers: dict[str, int] = {}
        self._questions = [
            [numbers.setdefault(asked.text, len(numbers)) for asked in example.questions]
            for example in self.examples
        ]
        words = [tokenize(text) for text in numbers]
        _check(words, numbers)
        self._tokens = [vocabulary.encode(each[:max_words]) for each in words]
        cut = sum(len(each) > max_words for each in words)
        if cut:
            _LOGGER.warning("%d questions are longer than %d words and were cut.", cut, max_words)
        self._scored: dict[tuple[str, ...], tuple[int, dict[int, float]]] = {}

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, request: Request) -> QuestionBatch:
        """Return a batch of one."""
        return self.__getitems__([request])

    def __getitems__(self, requests: Sequence[Request]) -> QuestionBatch:
        """Build the batch of these requests.

        Args:
            requests: (epoch, index) pairs.

        Returns:
            The batch; without the unreadable images if these are skipped.

        Raises:
            ImageError: If an image cannot be read and such are not skipped, or none of the batch
                can.
        """
        rows = self.source.read(requests)
        image_of: list[int] = []
        asked: list[Question] = []
        numbers: list[int] = []
        for row, (epoch, index) in enumerate(rows.requests):
            for place in self._choose(epoch, index):
                image_of.append(row)
                asked.append(self.examples[index].questions[place])
                numbers.append(self._questions[index][place])
        different = {number: row for row, number in enumerate(dict.fromkeys(numbers))}
        tokens, mask = collate_questions([self._tokens[number] for number in different])
        labels, scores = self._targets(asked)
        return QuestionBatch(
            indices=torch.tensor([index for _, index in rows.requests]),
            images=rows.images,
            features=rows.features,
            tokens=tokens,
            mask=mask,
            image_of=torch.tensor(image_of),
            question_of=torch.tensor([different[number] for number in numbers]),
            labels=labels,
            scores=scores,
            examples=tuple(self.examples[index] for _, index in rows.requests),
            asked=tuple(asked),
            skipped=rows.skipped,
        )

    def _choose(self, epoch: int, index: int) -> list[int]:
        number = len(self._questions[index])
        if not 0 < self.questions_per_image < number:
            return list(range(number))
        generator = torch.Generator().manual_seed(seed_for(self.seed, epoch, index, 1))
        order: list[int] = torch.randperm(number, generator=generator).tolist()
        return order[: self.questions_per_image]

    def _targets(self, asked: Sequence[Question]) -> tuple[Tensor, Tensor]:
        labels = torch.full((len(asked),), -1)
        scores = torch.zeros(len(asked), len(self.answers))
        for row, question in enumerate(asked):
            label, known = self._score(question.answers)
            labels[row] = label
            for answer, score in known.items():
                scores[row, answer] = score
        return labels, scores

    def _score(self, answers: tuple[str, ...]) -> tuple[int, dict[int, float]]:
        """Number a question's answers once; most questions share theirs with many others."""
        if answers not in self._scored:
            scored = soft_scores(answers)
            numbered = ((self.answers.index(answer), score) for answer, score in scored.items())
            known = {index: score for index, score in numbered if index is not None}
            best = max(scored, key=lambda answer: scored[answer], default=None)
            label = None if best is None else self.answers.index(best)
            self._scored[answers] = (-1 if label is None else label, known)
        return self._scored[answers]


def _check(words: Sequence[Sequence[str]], texts: Sequence[str] | dict[str, int]) -> None:
    for each, text in zip(words, texts, strict=True):
        if not each:
            raise ValueError(
                f"A question has no word in it: {text!r}. Write one, or remove the question."
            )
