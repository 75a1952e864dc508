"""Draw a data set in the layout of easy-VQA: pictures of one shape, with simple questions.

python scripts/draw_easy_vqa.py data/easy_vqa
"""

import argparse
import sys
from pathlib import Path

from multimodal.worlds.easy_scenes import write_easy_vqa


def main(arguments: list[str] | None = None) -> int:
    """Run the script; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", metavar="FOLDER", type=Path, help="a new folder")
    parser.add_argument(
        "--train", metavar="N", type=int, default=4_000, help="training images (default: 4000)"
    )
    parser.add_argument(
        "--test", metavar="N", type=int, default=1_000, help="test images (default: 1000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="another set (default: 0)")
    chosen = parser.parse_args(arguments)
    try:
        print(write_easy_vqa(chosen.output, train=chosen.train, test=chosen.test, seed=chosen.seed))
    except (ValueError, OSError) as error:
        print(f"draw_easy_vqa: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
