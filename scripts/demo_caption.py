"""Caption one picture and draw where the model looked, word by word.

python scripts/demo_caption.py runs/captioning_scenes/version_0/checkpoints/best.ckpt \
    photo.jpg --output caption.png

Without a model it takes the one of the built-in scenes that ships, without a picture a scene.
"""

import argparse
import sys
from pathlib import Path

import torch

import multimodal
from multimodal.figures.captions import caption_figure
from multimodal.figures.page import save_figure
from multimodal.worlds.scenes import sample_scene


def main(arguments: list[str] | None = None) -> int:
    """Print the caption and its alternatives, and write the drawing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "model", metavar="MODEL", nargs="?", type=Path, default=Path("captioning-scenes"),
        help="a captioning checkpoint, an exported folder, or a name (default: captioning-scenes)",
    )  # fmt: skip
    parser.add_argument(
        "image",
        metavar="IMAGE",
        nargs="?",
        default="scene:0",
        help="a picture; or scene:INDEX, such as scene:7, for a test picture of the built-in "
        "world, where none is at hand",
    )
    parser.add_argument(
        "--output", metavar="PICTURE", type=Path, default=Path("caption.png"),
        help="the drawing: .png, .jpg, .pdf or .svg (default: caption.png)",
    )  # fmt: skip
    parser.add_argument(
        "--beam-size", metavar="N", type=int, default=5, help="captions searched (default: 5)"
    )
    options = parser.parse_args(arguments)
    try:
        draw(options.model, options.image, options.output, options.beam_size)
    except (ValueError, OSError) as error:
        print(f"demo_caption: {error}", file=sys.stderr)
        return 1
    return 0


def draw(model: Path, image: str, output: Path, beam_size: int) -> None:
    """Caption a picture, print what was found, and draw it."""
    predictor = multimodal.CaptionPredictor.from_checkpoint(model)
    number = image.removeprefix("scene:")
    is_scene = image != number and number.isdecimal()
    picture = sample_scene(0, int(number), "test") if is_scene else Path(image)
    caption = predictor(picture, beam_size=beam_size)
    print(f"{caption.score:8.2f}  {caption}")
    for other in caption.alternatives:
        print(f"{other.score:8.2f}  {other.text}")
    attention = torch.tensor(caption.attention)  # (words, rows, columns)
    figure = caption_figure(
        predictor.seen(picture),
        caption.tokens,
        attention.flatten(1),
        tuple(attention.shape[1:]),
        caption=caption.text,
    )
    save_figure(figure, output)
    print(f"Drawn to {output}")


if __name__ == "__main__":
    sys.exit(main())
