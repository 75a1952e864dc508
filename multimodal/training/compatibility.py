"""Whether a checkpoint belongs to the run that is asked to go on from it."""

from dataclasses import asdict
from typing import Any

from multimodal.nn.encoders import EncoderSettings

_ANY_START: dict[str, Any] = {"weights": "", "trainable_stages": 0}  # what a run may change


def refuse_other_network(
    held: dict[str, Any], settings: dict[str, Any], lists: dict[str, list[str]]
) -> None:
    """Refuse a checkpoint of another network, or with other words for its rows.

    Args:
        held: What the checkpoint says of itself: settings and lists, as plain data.
        settings: The run's network settings, as plain data.
        lists: What numbers the network's rows, by the name under which a checkpoint keeps it.

    Raises:
        ValueError: If settings or lists differ.
    """
    theirs = _without_start(held.get("settings") or {})
    changed = [
        name for name, value in _without_start(settings).items() if value != theirs.get(name)
    ]
    if changed:
        raise ValueError(
            f"The checkpoint's network differs from this run's in {', '.join(changed)}. Resume "
            "with the configuration it was trained with (config.yaml in its run's folder)."
        )
    for name, ours in lists.items():
        known = held.get(name) or held.get("extra", {}).get(name) or []
        if known != ours:
            raise ValueError(
                f"The checkpoint's {name} has {len(known)} entries, this run's {len(ours)}, and "
                "they are not the same. Resume on the data it was trained on, or start a new run "
                "from its weights with --model.warm_start."
            )


def _without_start(settings: dict[str, Any]) -> dict[str, Any]:
    if "encoder" not in settings:
        return settings
    # A setting that an older checkpoint does not know is the default, as when it is rebuilt.
    encoder = {**asdict(EncoderSettings()), **settings["encoder"], **_ANY_START}
    return {**settings, "encoder": encoder}
