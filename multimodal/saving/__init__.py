"""Saved models: checkpoints of runs, exported folders, and the models that ship by name.

An exported folder has four files: ``model.safetensors`` (the weights), ``config.json`` (task,
settings, tokens, evaluation transform, labels: plain data), ``README.md`` (the model's card) and
``metrics.json``. Only the first two are read. Neither can run a program: names come from closed
tables in our code, a folder with import paths is refused, and nothing in it is ever unpickled.
"""

from multimodal.saving.names import read_model, shipped_models
from multimodal.saving.reading import read_folder
from multimodal.saving.writing import halved, new_folder, write_folder

__all__ = ["halved", "new_folder", "read_folder", "read_model", "shipped_models", "write_folder"]
