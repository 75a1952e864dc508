"""What predictors return: frozen dataclasses that print, turn into JSON and draw themselves."""

from multimodal.predictors.results.answers import Answer
from multimodal.predictors.results.captions import Caption
from multimodal.predictors.results.classes import Classification, Ranked
from multimodal.predictors.results.contract import Result
from multimodal.predictors.results.passages import Passage
from multimodal.predictors.results.verdicts import Sentiment

__all__ = ["Answer", "Caption", "Classification", "Passage", "Ranked", "Result", "Sentiment"]
