"""Say what one picture shows and draw it beside its ranked labels.

python scripts/demo_classification.py runs/classification_folder/version_0/checkpoints/best.ckpt \
    photo.jpg --output class.png
"""

import argparse
import sys
from pathlib import Path

from multimodal.classification.predictor import ClassificationPredictor
from multimodal.figures.labels import label_figure
from multimodal.figures.page import save_figure
from multimodal.worlds.scenes import sample_scene


def main(arguments: list[str] | None = None) -> int:
    """Print the ranked labels, and write the drawing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "model", metavar="MODEL", type=Path, help="a checkpoint of a run of image classification"
    )
    parser.add_argument(
        "image",
        metavar="IMAGE",
        help="a picture; or scene:INDEX, such as scene:7, for a test picture of the built-in "
        "world, where none is at hand",
    )
    parser.add_argument(
        "--output", metavar="PICTURE", type=Path, default=Path("class.png"),
        help="the drawing: .png, .jpg, .pdf or .svg (default: class.png)",
    )  # fmt: skip
    parser.add_argument("--top", metavar="N", type=int, default=5, help="labels shown (default: 5)")
    options = parser.parse_args(arguments)
    try:
        draw(options.model, options.image, options.output, options.top)
    except (ValueError, OSError) as error:
        print(f"demo_classification: {error}", file=sys.stderr)
        return 1
    return 0


def draw(model: Path, image: str, output: Path, top: int) -> None:
    """Classify a picture, print what was found, and draw it."""
    predictor = ClassificationPredictor.from_checkpoint(model)
    number = image.removeprefix("scene:")
    is_scene = image != number and number.isdecimal()
    picture = sample_scene(0, int(number), "test") if is_scene else Path(image)
    found = predictor(picture, top=top)
    print(found)
    for label, probability in found.top:
        print(f"{100 * probability:6.1f} %  {label}")
    save_figure(label_figure(predictor.seen(picture), found.top, title=str(found)), output)
    print(f"Drawn to {output}")


if __name__ == "__main__":
    sys.exit(main())
