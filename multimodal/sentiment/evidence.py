"""The evidence for a sentiment: the log-odds of its label, or the number, from the word vectors.

`word_contributions` attributes the scores of many texts to their words by integrated gradients from
a text of mean words: contributions add up to the score minus that of the mean text, within 1 %.

Compared on held-out built-in reviews (62 words, a classifier of 99.8 %): leaving out the words
ranked as important lowers the probability of the label by 0.68 (0.67 from a baseline of zeros; 0.70
if words are ranked by occlusion, one forward pass for each; 0.09 at random), keeping only these
lowers it by 0.11 (0.09; 0.10; 0.40), and opinions that count by rule are ranked first with an
average precision of 0.77 (0.78; 0.76). So all three are about as faithful. But zeros mislead with a
classifier that was trained without word dropout: "the" and "is" then count more than "great". And
occlusion takes six times as long for 400 words, though less than half as long for 20.

References:
    Sundararajan, Taly and Yan 2017, "Axiomatic attribution for deep networks", section 3 and 6.3
    (contributions of words); Li, Monroe and Jurafsky 2016, "Understanding neural networks through
    representation erasure" (occlusion); DeYoung et al. 2020, "ERASER: a benchmark to evaluate
    rationalized NLP models", section 4 (comprehensiveness and sufficiency).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from multimodal.attribution.baselines import mean_word
from multimodal.attribution.evidence import Evidence, WordScores, log_odds_of, refuse_question
from multimodal.attribution.integrated_gradients import integrated_gradients
from multimodal.attribution.scores import log_odds
from multimodal.inference.devices import recurrent_gradients
from multimodal.sentiment.model import SentimentClassifier

if TYPE_CHECKING:
    from multimodal.sentiment.predictor import SentimentPredictor

_TEXTS = 8  # in one batch, of about the same length
_WORDS = 16_384  # in one batch


def text_evidence(predictor: "SentimentPredictor", text: object, question: str = "") -> Evidence:
    """Classify a text, and score its label or number."""
    refuse_question(question)
    if not isinstance(text, str):
        raise TypeError(f"This model reads texts, got {type(text).__name__}.")
    sentiment = predictor(text, explain=False)
    model = predictor.model
    tokens = torch.tensor([predictor.vocabulary.encode(sentiment.tokens)], device=predictor.device)
    column = predictor.labels.index(sentiment.label) if predictor.labels else 0

    def score_words(vectors: Tensor) -> Tensor:
        mask = torch.ones(vectors.shape[:2], dtype=torch.bool, device=vectors.device)
        logits = model.classify(vectors, mask)
        if not predictor.labels:
            return predictor.scale * logits[:, 0]
        return log_odds(logits, torch.full((len(logits),), column, device=logits.device))

    with torch.no_grad():
        vectors = model.embedding(tokens)
    return Evidence(
        task="sentiment",
        prediction=str(sentiment),
        unit=log_odds_of(sentiment.label) if sentiment.label else "the number",
        text=WordScores(vectors, score_words, mean_word(model.embedding)),
        words=sentiment.tokens,
        ranked=tuple(sorted(sentiment.probabilities.items(), key=lambda pair: -pair[1])),
    )


def word_contributions(
    model: SentimentClassifier,
    tokens: Int[Tensor, "batch time"],
    mask: Bool[Tensor, "batch time"],
    score: Callable[[Float[Tensor, "rows classes"], Int[Tensor, " rows"]], Float[Tensor, " rows"]],
) -> list[tuple[float, ...]]:
    """Attribute a score to the words of each text; return a contribution for each word.

    Args:
        tokens: Token ids.
        mask: True where a token is real, real ones first.
        score: Logits and the index of each row's text to scores.


    Example:
        >>> from multimodal.sentiment.model import SentimentSettings, TextEncoderSettings
        >>> settings = SentimentSettings(TextEncoderSettings(embedding_dim=3, hidden_dim=4))
        >>> model = SentimentClassifier(settings, vocab_size=9, num_classes=2).eval()
        >>> tokens = torch.tensor([[4, 5, 6], [7, 0, 0]])
        >>> result = word_contributions(model, tokens, tokens != 0, lambda out, index: out[:, 1])
        >>> [len(words) for words in result]
        [3, 1]
    """
    lengths = mask.sum(dim=1)
    baseline = mean_word(model.embedding)
    results: dict[int, tuple[float, ...]] = {}
    for rows in lengths.argsort(stable=True).split(_TEXTS):
        time = int(lengths[rows].max())

        def score_vectors(
            points: Tensor, index: Tensor, rows: Tensor = rows, time: int = time
        ) -> Tensor:
            texts = rows[index]
            return score(model.classify(points, mask[texts, :time]), texts)

        vectors = model.embedding(tokens[rows, :time]).detach()  # (texts, time, embedding)
        with recurrent_gradients(tokens.device):
            result = integrated_gradients(
                score_vectors,
                vectors,
                baseline.expand_as(vectors),
                batch_size=max(1, _WORDS // time),
            )
        words = result.values.sum(dim=-1).tolist()  # (texts, time)
        for row, values in zip(rows.tolist(), words, strict=True):
            results[row] = tuple(values[: int(lengths[row])])
    return [results[row] for row in range(len(tokens))]
