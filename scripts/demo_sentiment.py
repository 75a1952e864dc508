"""Judge one text and draw what each of its words contributed to the verdict.

python scripts/demo_sentiment.py runs/sentiment_reviews/version_0/checkpoints/best.ckpt \
    "Slow in the beginning, but picks up pace later on." --output sentiment.png
"""

import argparse
import sys
from pathlib import Path

from multimodal.figures.texts import text_line
from multimodal.sentiment.predictor import SentimentPredictor
from multimodal.worlds.reviews import sample_review


def main(arguments: list[str] | None = None) -> int:
    """Print the verdict and the words' contributions, and write the drawing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("model", metavar="MODEL", type=Path, help="a checkpoint of a sentiment run")
    parser.add_argument(
        "text",
        metavar="TEXT",
        help="a text in quotes; or review:INDEX, such as review:7, for a test review of the "
        "built-in world, where none is at hand",
    )
    parser.add_argument(
        "--output", metavar="PICTURE", type=Path, default=Path("sentiment.png"),
        help="the drawing: .png, .jpg, .pdf or .svg (default: sentiment.png)",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        judge(options.model, options.text, options.output)
    except (ValueError, OSError) as error:
        print(f"demo_sentiment: {error}", file=sys.stderr)
        return 1
    return 0


def judge(model: Path, text: str, output: Path) -> None:
    """Judge a text, print what was found, and draw it."""
    predictor = SentimentPredictor.from_checkpoint(model)
    number = text.removeprefix("review:")
    if number != text and number.isdecimal():
        review = sample_review(0, int(number), "test")
        text = review.text
        print(f"The review is {review.label}, {review.stars:g} of 5 stars.")
    sentiment = predictor(text)
    ranked = sorted(sentiment.probabilities.items(), key=lambda pair: -pair[1])
    for label, probability in ranked:
        print(f"{100 * probability:6.1f} %  {label}")
    if sentiment.value is not None:
        print(f"{sentiment.value:8.2f}")
    in_terminal = sys.stdout.isatty()
    print(text_line(sentiment.tokens, sentiment.contributions, colour=in_terminal))
    if sentiment.note:
        print(sentiment.note)
    sentiment.save(output)
    print(f"Drawn to {output}")


if __name__ == "__main__":
    sys.exit(main())
