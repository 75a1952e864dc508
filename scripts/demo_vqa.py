"""Ask a question about one picture and draw where the model looked, beside its ranked answers.

python scripts/demo_vqa.py runs/vqa_scenes/version_0/checkpoints/best.ckpt \
    photo.jpg "What colour is the ring?" --output answer.png

Without a model it takes the shipped one of the built-in scenes, without a picture a scene.
"""

import argparse
import sys

from demo import add_image, add_input, make_parser, print_ranked, read_image, run

import multimodal


def main(arguments: list[str] | None = None) -> int:
    """Print the ranked answers, and draw them; return the exit code."""
    parser = make_parser(__file__, __doc__, "answer.png", model="vqa-scenes")
    add_image(parser, "scene:0")
    add_input(parser, "question", "a question in quotes", "how many shapes are there?")
    parser.add_argument(
        "--top", metavar="N", type=int, default=5, help="answers shown (default: 5)"
    )
    return run(parser, arguments, predict)


def predict(options: argparse.Namespace) -> multimodal.Answer:
    """Print the ranked answers with their probabilities, and the unknown words."""
    predictor = multimodal.VQAPredictor.from_checkpoint(options.model)
    answer = predictor(read_image(options.image), options.question, top=options.top)
    print_ranked(answer.ranked)
    if answer.note:
        print(answer.note)
    return answer


if __name__ == "__main__":
    sys.exit(main())
