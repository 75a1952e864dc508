"""What a model's folder consists of, and the checksum over what is read of it.

The checksum tells a copy that is damaged or was changed from a whole one; it is no signature.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONFIG, WEIGHTS, CARD, METRICS = "config.json", "model.safetensors", "README.md", "metrics.json"
FORMAT = 1
PARTS = {"task": str, "settings": dict, "vocabulary": list, "transform": dict, "extra": dict}


def checksum(config: Mapping[str, Any], weights: Path) -> str:
    """Return one SHA-256 of all that is read: the weights' file, and what stands beside it.

    Args:
        config: What ``config.json`` holds; its own ``sha256`` does not count.
        weights: The weights' file.

    Returns:
        The sum in hexadecimal digits.

    Example:
        >>> path = getfixture("tmp_path") / "model.safetensors"
        >>> _ = path.write_bytes(b"weights")
        >>> checksum({"a": 1, "sha256": ""}, path) == checksum({"a": 1}, path)
        True
        >>> checksum({"a": 1}, path) == checksum({"a": 2}, path)
        False
    """
    held = {name: value for name, value in config.items() if name != "sha256"}
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256")
    found.update(json.dumps(held, sort_keys=True, separators=(",", ":")).encode("ascii"))
    return found.hexdigest()
