"""Classify one text and draw what each of its words contributed to the label.

python scripts/demo_sentiment.py runs/sentiment_reviews/version_0/checkpoints/best.ckpt \
    "Slow in the beginning, but picks up pace later on." --output sentiment.png
"""

import argparse
import sys

from demo import add_input, make_parser, print_ranked, read_text, run

import multimodal
from multimodal.figures.texts import text_line


def main(arguments: list[str] | None = None) -> int:
    """Print the labels and the words' contributions, and draw them; return the exit code."""
    parser = make_parser(__file__, __doc__, "sentiment.png")
    about = "a text in quotes; or review:INDEX, such as review:7, for a built-in test review"
    add_input(parser, "text", about)
    return run(parser, arguments, predict)


def predict(options: argparse.Namespace) -> multimodal.Sentiment:
    """Print the labels with their probabilities or the number, and the words' contributions."""
    predictor = multimodal.SentimentPredictor.from_checkpoint(options.model)
    sentiment = predictor(read_text(options.text))
    print_ranked(sorted(sentiment.probabilities.items(), key=lambda pair: -pair[1]))
    if sentiment.value is not None:
        print(f"{sentiment.value:8.2f}")
    print(text_line(sentiment.tokens, sentiment.contributions, colour=sys.stdout.isatty()))
    if sentiment.note:
        print(sentiment.note)
    return sentiment


if __name__ == "__main__":
    sys.exit(main())
