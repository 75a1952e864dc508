"""Score the sentences of caption_metrics_sentences.json with the COCO server's evaluation code.

Run it in an environment of its own, for pycocoevalcap brings 100 MB of Java archives with it (the
three metrics used here need no Java):

    pip install pycocoevalcap==1.2
    python tests/golden/make_caption_metrics.py

The sentences are of our own, written as tokens: captions of varied quality, an empty one, one of a
word, repeated words, lengths equally far from two references, images with one reference.
"""

import json
from importlib.metadata import version
from pathlib import Path

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

HERE = Path(__file__).parent


def main():
    sentences = json.loads((HERE / "caption_metrics_sentences.json").read_text(encoding="utf-8"))
    cases = {name: score(sentences["references"], c) for name, c in sentences["candidates"].items()}
    golden = {"made_with": f"pycocoevalcap {version('pycocoevalcap')}", "cases": cases}
    text = json.dumps(golden, indent=1) + "\n"
    (HERE / "caption_metrics.json").write_text(text, encoding="utf-8")


def score(references, candidates):
    gts = dict(enumerate(references))
    res = {image: [candidate] for image, candidate in enumerate(candidates)}
    bleu, bleu_per_image = Bleu(4).compute_score(gts, res, verbose=0)
    rouge_l, rouge_l_per_image = Rouge().compute_score(gts, res)
    cider, cider_per_image = Cider().compute_score(gts, res)
    return {
        "bleu": bleu,
        "rouge_l": float(rouge_l),
        "cider": float(cider),
        "bleu_per_image": [list(row) for row in zip(*bleu_per_image, strict=True)],
        "rouge_l_per_image": rouge_l_per_image.tolist(),
        "cider_per_image": cider_per_image.tolist(),
    }


if __name__ == "__main__":
    main()
