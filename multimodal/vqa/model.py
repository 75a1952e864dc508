"""The answerer: image encoder, question encoder, fusion, and a classifier over the answers.

The fusion is chosen by name, everything around it is shared. Each image is encoded once for all its
questions, and each question that several images share is encoded once.

References:
    Antol et al. 2015, "VQA: Visual question answering" (multiply, concatenate; answers as classes);
    Yang et al. 2016 (stacked); Anderson et al. 2018 and Teney et al. 2018 (top_down); Perez et al.
    2018 (film); `multimodal.vqa.fusion.slots` (slots).
"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from multimodal.nn.choices import build_choice
from multimodal.nn.dropout import Dropout
from multimodal.nn.encoder import ImageEncoder
from multimodal.nn.encoders import EncoderSettings, build_encoder
from multimodal.nn.recurrent import Cell
from multimodal.nn.settings import ModelSettings
from multimodal.nn.text_encoder import TextEncoderSettings
from multimodal.vqa.fusion import FUSIONS, FusionName, Questions
from multimodal.vqa.questions import QuestionEncoder

Blind = Literal["nothing", "image", "question"]


@dataclass(frozen=True)
class AnswererSettings(ModelSettings):
    """The settings of an answerer.

    Args:
        encoder: The image encoder.
        fusion: ``slots``, ``multiply``, ``concatenate``, ``stacked``, ``top_down`` or ``film``.
        cell: ``lstm``, ``gru`` or ``rnn``, which reads the question.
        bidirectional: Whether the question is read from both ends.
        num_layers: Recurrent layers.
        embedding_dim: Width of a word vector.
        question_dim: Width of the recurrent state, of each direction.
        region_dim: Width to which regions are projected and normalised; 0 uses them as they are.
        fusion_dim: Width of the joint space of image and question.
        num_hops: Attention steps (``slots``, ``stacked``), or residual blocks (``film``).
        num_slots: Queries per question; for ``slots``.
        answer_dim: Width of the hidden layer before the answers.
        dropout: Dropout on word vectors, regions and the joint vector, a probability.
        blind: Input that is blanked: ``nothing``, the ``image`` (the question-only baseline) or the
            ``question`` (the image-only one).
    """

    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    fusion: FusionName = "slots"
    cell: Cell = "lstm"
    bidirectional: bool = False
    num_layers: int = 1
    embedding_dim: int = 128
    question_dim: int = 256
    region_dim: int = 0
    fusion_dim: int = 128
    num_hops: int = 2
    num_slots: int = 6
    answer_dim: int = 256
    dropout: float = 0.0
    blind: Blind = "nothing"


class Answerer(nn.Module):
    """Image encoder, question encoder, fusion and answers."""

    def __init__(self, settings: AnswererSettings, vocab_size: int, num_answers: int) -> None:
        super().__init__()
        self.blind = settings.blind
        self.encoder: ImageEncoder = build_encoder(settings.encoder)
        region_dim = settings.region_dim or self.encoder.feature_dim
        self.project = (
            nn.Sequential(
                nn.Linear(self.encoder.feature_dim, region_dim),
                nn.LayerNorm(region_dim),
            )
            if settings.region_dim
            else nn.Identity()
        )
        reader = TextEncoderSettings(
            cell=settings.cell,
            directions="both" if settings.bidirectional else "ahead",
            num_layers=settings.num_layers,
            embedding_dim=settings.embedding_dim,
            hidden_dim=settings.question_dim,
            input_dropout=settings.dropout,
            hidden_dropout=settings.dropout,
        )
        self.questions = QuestionEncoder(reader, vocab_size)
        self.fusion = build_choice(
            FUSIONS, "fusion", settings, region_dim, self.questions.output_dim
        )
        self.dropout = Dropout(settings.dropout)
        self.answer = nn.Sequential(
            nn.Linear(self.fusion.output_dim, settings.answer_dim),
            nn.ReLU(),
            Dropout(settings.dropout),
            nn.Linear(settings.answer_dim, num_answers),
        )

    def forward(
        self,
        features: Float[Tensor, "batch regions feature"],
        tokens: Int[Tensor, "questions time"],
        mask: Bool[Tensor, "questions time"],
        image_of: Int[Tensor, " rows"],
        question_of: Int[Tensor, " rows"],
    ) -> tuple[Float[Tensor, "rows answers"], Float[Tensor, "rows regions"]]:
        """Score every answer to each row's question about its image.

        Args:
            features: The encoder's regions, or a cache of them.
            tokens: The words of the different questions.
            mask: True where a word is real.
            image_of: Index of each row's image.
            question_of: Index of each row's question.

        Returns:
            Logits, and the attention weights.
        """
        return self.score(features, self.questions(tokens, mask), image_of, question_of)

    def score(
        self,
        features: Float[Tensor, "batch regions feature"],
        questions: Questions,
        image_of: Int[Tensor, " rows"],
        question_of: Int[Tensor, " rows"],
    ) -> tuple[Float[Tensor, "rows answers"], Float[Tensor, "rows regions"]]:
        """Score every answer to encoded questions, so that attributions can change them."""
        # A cache holds half precision; outside autocast the weights decide the arithmetic.
        regions = self.project(features.to(next(self.answer.parameters()).dtype))
        if self.blind == "image":
            regions = torch.zeros_like(regions)
        if self.blind == "question":
            questions = questions._replace(
                states=torch.zeros_like(questions.states),
                outputs=torch.zeros_like(questions.outputs),
            )
        joint, weights = self.fusion(self.dropout(regions), questions, image_of, question_of)
        return self.answer(self.dropout(joint)), weights
