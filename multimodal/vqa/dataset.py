"""The data set of visual question answering: whole batches by index, each image and question once.

A batch holds images, each with some of its questions. Questions are few on many images ("is there a
dog?"), so that the batch keeps each different one once and says which image asks which.
"""

import logging
from collections.abc import Sequence

import torch
from torch import Tensor
from typing_extensions import override

from multimodal.data.batches import QuestionBatch, collate_questions
from multimodal.data.buckets import Request, draw_some
from multimodal.data.examples import Question, QuestionExample
from multimodal.data.image_source import ImageSource
from multimodal.data.loaders import ExampleDataset
from multimodal.metrics.answers import soft_scores
from multimodal.text import Vocabulary, tokenize
from multimodal.vqa.answers import AnswerVocabulary

_LOGGER = logging.getLogger(__name__)


class QuestionDataset(ExampleDataset[QuestionExample, QuestionBatch]):
    """Images with their questions, a whole batch a call.

    Args:
        examples: Examples to read.
        source: Their images, in the same order.
        vocabulary: Numbers the words of the questions.
        answers: Numbers the answers.
        questions_per_image: Questions per image in a batch, drawn anew each epoch;
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
        super().__init__(examples)
        self.source = source
        self.answers = answers
        self.questions_per_image = questions_per_image
        self.seed = seed
        # Texts repeat, so that each is tokenised once; numbers stand for texts from here on.
        numbers: dict[str, int] = {}
        self._questions = [
            [numbers.setdefault(question.text, len(numbers)) for question in example.questions]
            for example in self.examples
        ]
        words = [_words(text) for text in numbers]
        self._tokens = [vocabulary.encode(each[:max_words]) for each in words]
        cut = sum(len(each) > max_words for each in words)
        if cut:
            _LOGGER.warning("%d questions are longer than %d words and were cut.", cut, max_words)
        self._scored: dict[tuple[str, ...], tuple[int, dict[int, float]]] = {}

    @override
    def __getitems__(self, requests: Sequence[Request]) -> QuestionBatch:
        rows = self.source.read(requests)
        image_of: list[int] = []
        questions: list[Question] = []
        numbers: list[int] = []
        for row, request in enumerate(rows.requests):
            example, texts = self.examples[request[1]], self._questions[request[1]]
            for chosen in draw_some(len(texts), self.questions_per_image, self.seed, request):
                image_of.append(row)
                questions.append(example.questions[chosen])
                numbers.append(texts[chosen])
        different = {number: row for row, number in enumerate(dict.fromkeys(numbers))}
        tokens, mask = collate_questions([self._tokens[number] for number in different])
        labels, scores = self._targets(questions)
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
            questions=tuple(questions),
            skipped=rows.skipped,
        )

    def _targets(self, questions: Sequence[Question]) -> tuple[Tensor, Tensor]:
        labels = torch.full((len(questions),), -1)
        scores = torch.zeros(len(questions), len(self.answers))
        for row, question in enumerate(questions):
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


def _words(text: str) -> list[str]:
    words = tokenize(text)
    if not words:
        raise ValueError(
            f"A question has no word in it: {text!r}. Write one, or remove the question."
        )
    return words
