"""Turn a model that scores the next word into captions: greedy, beam search and sampling.

The searches know no model. They call a *step*, which takes the last word of every hypothesis and
returns the logits of the next one, the new state and the attention weights, for all images and all
their hypotheses (the beams) in one call. `state` holds tensors of the hypotheses (an LSTM's state)
and is reordered with the beams; `context` holds tensors of the images (keys and values of regions),
is never copied per beam, and is only shortened when finished images leave the batch.

Scores are the model's own log-probabilities: forbidden words (`rules`) are masked after the
softmax, which is not renormalised. The ids of special words are those of `multimodal.text`.
"""

from multimodal.decoding.beam import LengthPenalty, beam_search
from multimodal.decoding.chains import greedy, sample
from multimodal.decoding.ensemble import ensemble
from multimodal.decoding.loop import Hypotheses, Step

__all__ = ["Hypotheses", "LengthPenalty", "Step", "beam_search", "ensemble", "greedy", "sample"]
