"""Draw a sheet of built-in test scenes with a model's captions and the attention at each word.

python scripts/draw_scenes.py best.ckpt --output sheet.png
"""

import argparse
import sys
from pathlib import Path

import torch

import multimodal
from multimodal.figures.captions import WordMaps, caption_sheet
from multimodal.figures.page import save_figure
from multimodal.worlds.scenes import check_caption, sample_scene


def main(arguments: list[str] | None = None) -> int:
    """Run the script; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", metavar="MODEL", type=Path, help="a captioning checkpoint")
    parser.add_argument("--output", metavar="PICTURE", type=Path, required=True, help="a PNG file")
    parser.add_argument("--count", metavar="N", type=int, default=6, help="scenes (default: 6)")
    parser.add_argument(
        "--first", metavar="I", type=int, default=0, help="the first scene's number (default: 0)"
    )
    chosen = parser.parse_args(arguments)
    try:
        draw(chosen.model, chosen.output, range(chosen.first, chosen.first + chosen.count))
    except (ValueError, OSError) as error:
        print(f"draw_scenes: {error}", file=sys.stderr)
        return 1
    return 0


def draw(model: Path, output: Path, indices: range) -> None:
    """Caption the scenes, check the captions, and draw the sheet."""
    predictor = multimodal.CaptionPredictor.from_checkpoint(model)
    scenes = [sample_scene(0, index, "test") for index in indices]
    captions = predictor(scenes)
    maps, notes = [], []
    for scene, caption in zip(scenes, captions, strict=True):
        is_true = check_caption(caption.text, scene).all_true
        notes.append("true" if is_true else "not all of it is true")
        attention = torch.tensor(caption.attention)  # (words, rows, columns)
        maps.append(WordMaps(caption.tokens, attention.flatten(1), tuple(attention.shape[1:])))
        print(f"{caption.score:8.2f}  {caption.text}  ({notes[-1]})")
    images = [predictor.seen(scene) for scene in scenes]
    figure = caption_sheet(images, [caption.text for caption in captions], notes=notes, maps=maps)
    save_figure(figure, output)
    print(f"Drawn to {output}")


if __name__ == "__main__":
    sys.exit(main())
