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
    """Compute a SHA-256, in hexadecimal, of the weights and the configuration without its sum."""
    checked = {name: value for name, value in config.items() if name != "sha256"}
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(json.dumps(checked, sort_keys=True, separators=(",", ":")).encode("ascii"))
    return digest.hexdigest()
