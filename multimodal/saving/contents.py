"""The files of an exported folder, and the checksum over those that are read.

The checksum detects a damaged or changed copy; it is no signature.
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
    """Compute one SHA-256, in hexadecimal, of the weights' file and the configuration.

    Args:
        config: The contents of ``config.json``; its own ``sha256`` is left out.
        weights: The weights' file.

    Example:
        >>> path = getfixture("tmp_path") / "model.safetensors"
        >>> _ = path.write_bytes(b"weights")
        >>> checksum({"a": 1, "sha256": ""}, path) == checksum({"a": 1}, path)
        True
        >>> checksum({"a": 1}, path) == checksum({"a": 2}, path)
        False
    """
    checked = {name: value for name, value in config.items() if name != "sha256"}
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(json.dumps(checked, sort_keys=True, separators=(",", ":")).encode("ascii"))
    return digest.hexdigest()
