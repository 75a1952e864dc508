"""Ask a question about one picture and draw where the model looked, beside its ranked answers.

python scripts/demo_vqa.py runs/vqa_scenes/version_0/checkpoints/best.ckpt \
    photo.jpg "What colour is the ring?" --output answer.png

Without a model it takes the one of the built-in scenes that ships, without a picture a scene.
"""

import argparse
import sys
from pathlib import Path

import torch

import multimodal
from multimodal.figures.answers import answer_figure
from multimodal.figures.page import save_figure
from multimodal.worlds.scenes import sample_scene


def main(arguments: list[str] | None = None) -> int:
    """Print the ranked answers, and write the drawing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "model", metavar="MODEL", nargs="?", type=Path, default=Path("vqa-scenes"),
        help="a checkpoint of a VQA run, an exported folder, or a name (default: vqa-scenes)",
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
        "question", metavar="QUESTION", nargs="?", default="how many shapes are there?",
        help="a question in quotes (default: how many shapes are there?)",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="PICTURE", type=Path, default=Path("answer.png"),
        help="the drawing: .png, .jpg, .pdf or .svg (default: answer.png)",
    )  # fmt: skip
    parser.add_argument(
        "--top", metavar="N", type=int, default=5, help="answers shown (default: 5)"
    )
    options = parser.parse_args(arguments)
    try:
        draw(options.model, options.image, options.question, options.output, options.top)
    except (ValueError, OSError) as error:
        print(f"demo_vqa: {error}", file=sys.stderr)
        return 1
    return 0


def draw(model: Path, image: str, question: str, output: Path, top: int) -> None:
    """Answer a question, print what was found, and draw it."""
    predictor = multimodal.VQAPredictor.from_checkpoint(model)
    number = image.removeprefix("scene:")
    is_scene = image != number and number.isdecimal()
    picture = sample_scene(0, int(number), "test") if is_scene else Path(image)
    answer = predictor(picture, question, top=top)
    for said, probability in answer.ranked:
        print(f"{100 * probability:6.1f} %  {said}")
    if answer.note:
        print(answer.note)
    attention = torch.tensor(answer.attention)  # (rows, columns)
    seen = predictor.seen(picture)
    save_figure(answer_figure(seen, question, answer.ranked, attention, note=answer.note), output)
    print(f"Drawn to {output}")


if __name__ == "__main__":
    sys.exit(main())
