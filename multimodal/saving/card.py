"""Write a model's card: its purpose, its training data, its scores and its limits.

Facts that were not recorded are called unknown. Absolute paths of the machine that trained a model
are cut to their last part.

References:
    Mitchell et al. 2019, "Model cards for model reporting".
"""

import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import torch

from multimodal import __version__
from multimodal.saving.checkpoint import SavedModel
from multimodal.saving.runs import RunFacts
from multimodal.tables import markdown_table

_UNKNOWN = "unknown"
_MOST_NAMES = 30  # labels or answers that are listed
_KINDS = {  # description, name of the pipeline on model hubs, a call
    "captioning": (
        "Writes a sentence about a picture.",
        "image-to-text",
        'print(model("photo.jpg"))',
    ),
    "vqa": (
        "Answers questions about a picture.",
        "visual-question-answering",
        'print(model("photo.jpg", "What colour is it?"))',
    ),
    "sentiment": (
        "Judges a text.",
        "text-classification",
        'print(model("Slow in the beginning, but it picks up pace."))',
    ),
    "classification": (
        "Says what a picture shows.",
        "image-classification",
        'print(model("photo.jpg"))',
    ),
    "language_model": (
        "Goes on where a text ends.",
        "text-generation",
        'print(model("The film begins"))',
    ),
}
_LIMITS = {
    "captioning": (
        "It has {words:,} words and writes nothing else. A picture unlike those that it learned "
        "from gets a fluent sentence all the same, which is then wrong: the score of a caption is "
        "the model's own, no measure of truth."
    ),
    "vqa": (
        "It knows {words:,} words of questions and chooses among {answers:,} answers; whatever is "
        "asked, one of them is given. It names the words of a question that it never saw. A "
        "picture unlike those that it learned from gets an answer all the same."
    ),
    "sentiment": (
        "It knows {words:,} words and passes over the others, which it names. It judges texts of "
        "the kind and the language that it learned from; irony, and opinions about what those "
        "texts never spoke of, are beyond it."
    ),
    "classification": (
        "It knows its {labels:,} labels only: a picture of anything else gets one of them, and "
        "often a high probability."
    ),
    "language_model": (
        "It has {words:,} words or characters, repeats what it learned from, and knows nothing of "
        "the world: what it writes is not to be believed."
    ),
}
_FAIRNESS = (
    "It was not examined for unfair treatment of groups of people. Do not let it decide about "
    "anyone."
)


def write_card(
    saved: SavedModel,
    facts: RunFacts,
    name: str,
    *,
    command: str = "",
    scores: Mapping[str, float] | None = None,
    notes: Sequence[str] = (),
) -> str:
    """Write the card in Markdown.

    Args:
        saved: The model.
        facts: The facts of its run.
        name: The model's name.
        command: The command that trained it; by default the general one with its configuration.
        scores: Scores measured with the weights of the folder itself.
        notes: Further sentences about its data or its training.
    """
    about, pipeline, call = _KINDS.get(saved.task, ("A trained model.", saved.task, "model"))
    parts = [
        f"---\nlibrary_name: multimodal\npipeline_tag: {pipeline}\n"
        f"tags: [multimodal-lstm, {saved.task}]\n---",
        f"# {name}",
        f"{about} A model of the Python package `multimodal-lstm`, task `{saved.task}`.",
        f"```python\nimport multimodal\n\nmodel = multimodal.load({json.dumps(name)})\n{call}\n```",
        "## Model",
        _table(_model_rows(saved)),
        "## Data",
        _table(_data_rows(facts)),
        *notes,
        "## Scores",
        _scores(facts, scores),
        "## Training",
        _table(_training_rows(facts)),
        f"```\n{command or 'multimodal fit --config config.yaml'}\n```",
        "## Limits",
        _limits(saved),
        _configuration(facts.config),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(rows: Mapping[str, str]) -> str:
    return markdown_table([["", "value"], *([name, value] for name, value in rows.items())]).strip()


def _model_rows(saved: SavedModel) -> dict[str, str]:
    weights = saved.state_dict.values()
    kinds = sorted({str(value.dtype).removeprefix("torch.") for value in weights})
    rows = {
        "weights": f"{sum(value.numel() for value in weights):,}",
        "stored as": ", ".join(kinds),
    }
    if saved.vocabulary:
        rows["words"] = f"{len(saved.vocabulary):,}, the special ones counted"
    for kind in ("labels", "answers"):
        names = saved.extra.get(kind)
        if isinstance(names, list) and names:
            first = ", ".join(_cell(name) for name in names[:_MOST_NAMES])
            more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
            rows[kind] = f"{len(names):,}: {first}{more}"
    if "size" in saved.transform:
        side = saved.transform["size"]
        rows["pictures"] = f"{side} x {side} pixels, {saved.transform.get('resize', 'squash')}"
    return rows


def _data_rows(facts: RunFacts) -> dict[str, str]:
    data = facts.data
    rows = {"format": _cell(data.get("format") or _UNKNOWN)}
    if root := data.get("root"):
        rows["name"] = _cell(_last_part(str(root)))
    for split in ("train", "val", "test"):
        size = facts.sizes.get(split)
        rows[f"{split} examples"] = _UNKNOWN if size is None else f"{size:,}"
    return rows


def _scores(facts: RunFacts, scores: Mapping[str, float] | None) -> str:
    parts = []
    if scores:
        parts += ["Measured with the very weights of this folder, on the test data:", _rows(scores)]
    if facts.test:
        parts += ["Measured by `multimodal test` on the checkpoint:", _rows(facts.test)]
        parts += [facts.report.strip()]
    if facts.val:
        parts += ["On the validation data, by which the checkpoint was chosen:", _rows(facts.val)]
    if not scores and not facts.test:
        parts.insert(
            0, "Test scores: unknown. `multimodal test` before the export makes them known."
        )
    return "\n\n".join(part for part in parts if part)


def _rows(values: Mapping[str, float]) -> str:
    return _table({name: f"{value:.4f}" for name, value in values.items()})


def _training_rows(facts: RunFacts) -> dict[str, str]:
    epoch, steps = facts.progress.get("epoch"), facts.progress.get("global_step")
    lightning = facts.progress.get("pytorch-lightning_version")
    encoder = str(_inside(facts.config, "model", "init_args", "settings", "encoder", "weights"))
    rows = {
        "epoch of these weights": _UNKNOWN if epoch is None else f"{epoch + 1:,}",
        "optimiser steps": _UNKNOWN if steps is None else f"{steps:,}",
        "seed": _UNKNOWN if facts.seed is None else str(facts.seed),
        "trained with": f"Lightning {lightning}" if lightning else _UNKNOWN,
        "exported with": f"multimodal {__version__}, torch {torch.__version__}, Python "
        f"{platform.python_version()}",
    }
    if encoder not in ("None", "none"):
        rows["encoder started from"] = _cell(_last_part(encoder))
    return rows


def _limits(saved: SavedModel) -> str:
    sizes = {
        "words": len(saved.vocabulary),
        "answers": len(saved.extra.get("answers") or ()),
        "labels": len(saved.extra.get("labels") or ()),
    }
    limits = _LIMITS.get(saved.task, "").format(**sizes)
    if saved.task == "classification" and not sizes["labels"]:
        limits = (
            "It gives a number for any picture, also for one unlike those that it learned from."
        )
    return f"{limits} {_FAIRNESS}".strip()


def _configuration(config: Mapping[str, Any]) -> str:
    if not config:
        return "## Configuration\n\nUnknown: the run's config.yaml was not there."
    import yaml

    text = yaml.safe_dump(_shareable(config), sort_keys=False, allow_unicode=True).strip()
    return f"## Configuration\n\n`config.yaml`, without what is unset:\n\n```yaml\n{text}\n```"


def _shareable(value: Any) -> Any:
    """Remove unset values, and the folders of the machine that trained."""
    if isinstance(value, dict):
        kept = {key: _shareable(part) for key, part in value.items() if part is not None}
        return {key: part for key, part in kept.items() if part != {} or value[key] == {}}
    if isinstance(value, list):
        return [_shareable(part) for part in value]
    return _last_part(value) if isinstance(value, str) else value


def _last_part(text: str) -> str:
    for kind in (PurePosixPath, PureWindowsPath):
        if kind(text).is_absolute():
            return f".../{kind(text).name}"
    return text


def _inside(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _cell(value: Any) -> str:
    """Put a text on one line, without the marks of code."""
    return " ".join(str(value).replace("`", "'").split())
