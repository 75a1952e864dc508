"""Trained models as functions: pictures and texts in, plain results out; no Lightning."""

from multimodal.predictors.loading import load

__all__ = ["load"]
