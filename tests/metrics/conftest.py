import json
import os
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent.parent / "golden"


class Case:
    """One set of candidates with its references, as words, and pycocoevalcap's scores."""

    def __init__(self, references, candidates, scores):
        self.references = [[text.split() for text in of_image] for of_image in references]
        self.candidates = [text.split() for text in candidates]
        self.scores = scores


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        sentences = json.loads((GOLDEN / "caption_metrics_sentences.json").read_text("utf-8"))
        golden = json.loads((GOLDEN / "caption_metrics.json").read_text("utf-8"))
        cases = {
            name: Case(sentences["references"], candidates, golden["cases"][name])
            for name, candidates in sentences["candidates"].items()
        }
        metafunc.parametrize("case", cases.values(), ids=cases.keys())


GOLD_FILES = [
    *(
        f"metrics_flickr8k_dev/{name}.json"
        for name in ("human_vs_other4", "shuffled_image", "damaged_human", "constant")
    ),
    "coco_tiny/fakecap_50/fakecap_50_gold.json",
]


@pytest.fixture(params=GOLD_FILES)
def gold(request):
    """What a file of reference values holds: see the README beside it."""
    path = Path(os.environ["MULTIMODAL_DATA"]) / request.param
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def stored(gold):
    """The case of the images whose tokenised forms are stored, with their per-image scores."""
    images = list(gold["tokenized_references"])
    return Case(
        [gold["tokenized_references"][image] for image in images],
        [gold["tokenized_candidates"][image] for image in images],
        [gold["per_image"][image] for image in images],
    )
