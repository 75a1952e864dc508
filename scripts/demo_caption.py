"""Caption one picture and draw where the model looked, word by word.

python scripts/demo_caption.py runs/captioning_scenes/version_0/checkpoints/best.ckpt \
    photo.jpg --output caption.png

Without a model it takes the shipped one of the built-in scenes, without a picture a scene.
"""

import argparse
import sys

from demo import add_image, make_parser, read_image, run

import multimodal


def main(arguments: list[str] | None = None) -> int:
    """Print the caption and its alternatives, and draw it; return the exit code."""
    parser = make_parser(__file__, __doc__, "caption.png", model="captioning-scenes")
    add_image(parser, "scene:0")
    parser.add_argument(
        "--beam-size", metavar="N", type=int, default=5, help="captions searched (default: 5)"
    )
    return run(parser, arguments, predict)


def predict(options: argparse.Namespace) -> multimodal.Caption:
    """Print a caption and its alternatives with their scores."""
    predictor = multimodal.CaptionPredictor.from_checkpoint(options.model)
    caption = predictor(read_image(options.image), beam_size=options.beam_size)
    print(f"{caption.score:8.2f}  {caption}")
    for other in caption.alternatives:
        print(f"{other.score:8.2f}  {other.text}")
    return caption


if __name__ == "__main__":
    sys.exit(main())
