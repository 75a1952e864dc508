"""Start a classifier from a language model: its word vectors, word by word, and its layers.

References:
    Dai and Le 2015, "Semi-supervised sequence learning"; Howard and Ruder 2018, "Universal language
    model fine-tuning for text classification", section 3.2 (as in their released code, a word that
    the language model does not have starts from the mean of its words).
"""

import logging
import re
from collections.abc import Mapping

import torch
from torch import Tensor

from multimodal.nn.embedding import input_scale
from multimodal.sentiment.model import SentimentClassifier
from multimodal.text import SPECIALS, Vocabulary

_LOGGER = logging.getLogger(__name__)
_WORDS = "embedding.weight"
_READS_WORDS = re.compile(r"reader\.(ahead|back)\.0\.layers\.weight_ih_l0")


def start_from_language_model(
    classifier: SentimentClassifier,
    weights: Mapping[str, Tensor],
    theirs: Vocabulary,
    ours: Vocabulary,
) -> list[str]:
    """Copy a language model's word vectors and recurrent layers, and log which layers are new.

    The language model scales its word vectors up, and the classifier does not: the weights of the
    first layer get the factor instead. AdamW moves every number by about the learning rate,
    whatever its size, so scaled vectors would hardly learn from a few thousand texts.

    Args:
        weights: The language model's state dict.

    Returns:
        The tensors that the language model lacks: those of the second direction, if it has one.

    Raises:
        ValueError: If the two networks are not the same from the word vectors to the last layer, or
            have no word in common.

    Example:
        >>> from multimodal.language_model.model import LanguageModel, LanguageModelSettings
        >>> from multimodal.sentiment.model import SentimentSettings
        >>> from multimodal.nn.text_encoder import TextEncoderSettings
        >>> words = Vocabulary.build([["good"], ["good", "bad"]], min_count=1)
        >>> reader = TextEncoderSettings(directions="ahead", embedding_dim=3, hidden_dim=4)
        >>> teacher = LanguageModel(LanguageModelSettings(reader), len(words))
        >>> pupil = SentimentClassifier(SentimentSettings(reader), len(words), 2)
        >>> start_from_language_model(pupil, teacher.state_dict(), words, words)
        []
        >>> torch.equal(pupil.embedding.weight, teacher.embedding.weight)
        True
    """
    own = classifier.state_dict()
    layers = [name for name in own if name.startswith("reader.")]
    new = [name for name in layers if name.startswith("reader.back.") and name not in weights]
    for name in layers:
        if name in new:
            continue
        if name not in weights or weights[name].shape != own[name].shape:
            raise ValueError(_differs(name, weights.get(name), own[name]))
    if weights[_WORDS].shape[1:] != own[_WORDS].shape[1:]:
        raise ValueError(_differs(_WORDS, weights[_WORDS], own[_WORDS]))
    known = _copy_words(own[_WORDS], weights[_WORDS].float(), theirs, ours)
    scale = input_scale(own[_WORDS].shape[1])
    with torch.no_grad():
        for name in layers:
            if name not in new:
                own[name].copy_(weights[name] * (scale if _READS_WORDS.fullmatch(name) else 1.0))
    _LOGGER.info(
        "Started from the language model: %d of %d words known, %d of %d tensors of the layers%s.",
        known,
        len(ours) - len(SPECIALS),
        len(layers) - len(new),
        len(layers),
        "; the direction from last to first starts anew" if new else "",
    )
    return new


def _copy_words(table: Tensor, source: Tensor, theirs: Vocabulary, ours: Vocabulary) -> int:
    """Copy the rows of known words, set the others to the mean, and return how many are known."""
    words = ours.to_list()
    special = len(SPECIALS)
    known = [row for row in range(special, len(words)) if words[row] in theirs]
    if not known:
        raise ValueError(
            "The language model knows none of the classifier's words. Is one of them made of "
            "characters, or in another language? Train both on the same kind of text."
        )
    sources = theirs.encode([words[row] for row in known])
    with torch.no_grad():
        table[special:] = source[special:].mean(dim=0)
        table[:special] = source[:special]
        table[torch.tensor(known)] = source[torch.tensor(sources)].to(table)
    return len(known)


def _differs(name: str, theirs: Tensor | None, ours: Tensor) -> str:
    shape = "not there" if theirs is None else f"shaped {tuple(theirs.shape)}"
    return (
        f"The language model is another network: {name} is {shape}, expected {tuple(ours.shape)}. "
        "Give both the same `settings.reader`."
    )
