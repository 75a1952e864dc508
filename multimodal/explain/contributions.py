"""What each word of a text contributed to a verdict: integrated gradients over its word vectors.

The baseline is a text of average words: each has the mean of all word vectors. What a word
contributed is the sum over its vector, and the contributions of a text add up to its score less
that of such an average text, within 1 %.

Compared on held-out built-in reviews (62 words, a classifier of 99.8 %): leaving out the words held
to be important takes the verdict's probability down by 0.68 (0.67 from a baseline of zeros; 0.70 if
words are ranked by occlusion, one forward pass for each; 0.09 at random), keeping only these loses
0.11 (0.09; 0.10; 0.40), and opinions that count by rule are ranked first with an average precision
of 0.77 (0.78; 0.76). So all three are about as faithful. But zeros mislead with a classifier that
never met them, without word dropout: "the" and "is" then count more than "great". And occlusion
takes six times as long for 400 words, though less than half as long for 20.

References:
    Sundararajan, Taly and Yan 2017, "Axiomatic attribution for deep networks", section 3 and 6.3
    (contributions of words); Li, Monroe and Jurafsky 2016, "Understanding neural networks through
    representation erasure" (occlusion); DeYoung et al. 2020, "ERASER: a benchmark to evaluate
    rationalized NLP models", section 4 (comprehensiveness and sufficiency).
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from multimodal.explain.integrated_gradients import integrated_gradients
from multimodal.inference.devices import recurrent_gradients
from multimodal.sentiment.model import SentimentClassifier
from multimodal.text import SPECIALS

_TEXTS = 8  # together, of about the same length
_WORDS = 16_384  # that go through the model together


def word_contributions(
    model: SentimentClassifier,
    tokens: Int[Tensor, "batch time"],
    mask: Bool[Tensor, "batch time"],
    score: Callable[[Tensor, Tensor], Tensor],
) -> list[tuple[float, ...]]:
    """Attribute a score to the words of each text.

    Args:
        model: A classifier in evaluation.
        tokens: Token ids ``(batch, time)``.
        mask: True where a token is real, real ones first.
        score: What is explained: takes logits ``(rows, classes)`` and the number of each row's
            text ``(rows,)``, and returns a number for each row.

    Returns:
        For each text a number for each of its words.

    Example:
        >>> from multimodal.sentiment.model import TextEncoderSettings, SentimentSettings
        >>> settings = SentimentSettings(TextEncoderSettings(embedding_dim=3, hidden_dim=4))
        >>> model = SentimentClassifier(settings, vocab_size=9, num_classes=2).eval()
        >>> tokens = torch.tensor([[4, 5, 6], [7, 0, 0]])
        >>> found = word_contributions(model, tokens, tokens != 0, lambda out, which: out[:, 1])
        >>> [len(words) for words in found]
        [3, 1]
    """
    lengths = mask.sum(dim=1)
    average = average_word(model.embedding)
    found: dict[int, tuple[float, ...]] = {}
    for rows in lengths.argsort(stable=True).split(_TEXTS):
        time = int(lengths[rows].max())

        def of_points(
            points: Tensor, which: Tensor, rows: Tensor = rows, time: int = time
        ) -> Tensor:
            texts = rows[which]
            return score(model.classify(points, mask[texts, :time]), texts)

        vectors = model.embedding(tokens[rows, :time]).detach()  # (texts, time, embedding)
        with recurrent_gradients(tokens.device):
            shares = integrated_gradients(
                of_points, vectors, average.expand_as(vectors), together=max(1, _WORDS // time)
            )
        words = shares.values.sum(dim=-1).tolist()  # (texts, time)
        for row, values in zip(rows.tolist(), words, strict=True):
            found[row] = tuple(values[: int(lengths[row])])
    return [found[row] for row in range(len(tokens))]


def average_word(embedding: nn.Embedding) -> Float[Tensor, " embedding"]:
    """Return the mean of all word vectors, special tokens left out: a word that says nothing.

    Args:
        embedding: A model's word vectors.

    Returns:
        The vector; zeros if the model knows no word.

    Example:
        >>> average_word(nn.Embedding(9, 3)).shape
        torch.Size([3])
    """
    words = embedding.weight[len(SPECIALS) :].detach()
    return words.sum(dim=0) / max(1, len(words))


def log_odds(
    logits: Float[Tensor, "batch classes"], classes: Int[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """Return the log-odds of one class of each row: ``log(p / (1 - p))``.

    Args:
        logits: ``(batch, classes)``, two classes or more.
        classes: Which class of each row, ``(batch,)``.

    Returns:
        Its logit less the others' together: exact however sure the model is.

    Example:
        >>> log_odds(torch.tensor([[0.0, 2.0]]), torch.tensor([1])).item()
        2.0
    """
    chosen = classes.unsqueeze(1)
    others = logits.scatter(1, chosen, -torch.inf).logsumexp(dim=1)
    return logits.gather(1, chosen).squeeze(1) - others
