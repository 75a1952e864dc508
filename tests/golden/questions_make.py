"""Write questions.json: what is asked about scenes for ever, on every platform.

Run `python tests/golden/questions_make.py` only when the questions are meant to change: every
stored result of question answering on scenes is then out of date.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from multimodal.worlds.scenes import SPLITS, ask, sample_scene


def measure() -> dict[str, object]:
    asked = {
        split: [
            asdict(question)
            for index in range(8)
            for question in ask(sample_scene(7, index, split))
        ]
        for split in SPLITS
    }
    return {
        "first": asked["train"][:10],
        "all": {
            split: hashlib.sha256(json.dumps(questions).encode()).hexdigest()
            for split, questions in asked.items()
        },
    }


if __name__ == "__main__":
    text = json.dumps(measure(), indent=1) + "\n"
    Path(__file__).with_name("questions.json").write_text(text, encoding="utf-8")
