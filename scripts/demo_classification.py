"""Classify one picture and draw it beside its ranked labels.

python scripts/demo_classification.py runs/classification_folder/version_0/checkpoints/best.ckpt \
    photo.jpg --output class.png
"""

import argparse
import sys

from demo import add_image, make_parser, print_ranked, read_image, run

import multimodal


def main(arguments: list[str] | None = None) -> int:
    """Print the ranked labels, and draw them; return the exit code."""
    parser = make_parser(__file__, __doc__, "class.png")
    add_image(parser)
    parser.add_argument("--top", metavar="N", type=int, default=5, help="labels shown (default: 5)")
    return run(parser, arguments, predict)


def predict(options: argparse.Namespace) -> multimodal.Classification:
    """Print the label, and the ranked ones with their probabilities."""
    predictor = multimodal.ClassificationPredictor.from_checkpoint(options.model)
    classification = predictor(read_image(options.image), top=options.top)
    print(classification)
    print_ranked(classification.top)
    return classification


if __name__ == "__main__":
    sys.exit(main())
