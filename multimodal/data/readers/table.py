"""Read captions of one's own: a CSV, TSV or JSONL file beside the pictures.

The file has a column for the picture's name and one for the caption; a picture with several
captions has several rows, or in JSONL a list. An optional column names the split; without it a
hash of the picture's name decides (80 % train, 10 % val, 10 % test), so a picture never changes its
split when others are added. Instead of one `captions.csv` there may be `train.csv`, `val.csv` and
`test.csv`.
"""

from pathlib import Path

from multimodal.data.examples import CaptionExample
from multimodal.data.readers.pictures import Pictures, places_of
from multimodal.data.readers.sentences import clean_caption
from multimodal.data.readers.splits import canonical_split
from multimodal.data.readers.table_files import find_table, read_rows, texts_in

_CONTENT = (
    "Put captions.csv there (columns image and caption; .tsv or .jsonl will do too) and the "
    "images beside it or in images/; data/README.md shows an example."
)


def read_table(
    root: Path,
    split: str,
    *,
    file: str = "",
    images: str = "",
    image_column: str = "image",
    caption_column: str = "caption",
    split_column: str = "split",
    skip_missing: bool = False,
) -> list[CaptionExample]:
    """Read one split of a CSV, TSV or JSONL file.

    Args:
        root: The folder of the file and the pictures (beside it, in `images/`, or in zip
            archives); or the file itself.
        split: train, val (also called dev) or test.
        file: The file, relative to the root; empty takes `captions.csv` (or .tsv, .jsonl), or the
            one named like the split.
        images: Another folder or archive of the pictures, relative to the root.
        image_column: The column, or JSONL key, with the picture's name.
        caption_column: The column with the caption; in JSONL it may hold a list of captions.
        split_column: The column with train, val or test; it may be missing.
        skip_missing: Whether pictures that are not there are left out, with one line in the log,
            instead of stopping.

    Returns:
        Examples in the order in which the file first names their pictures; a picture's id is its
        name.

    Raises:
        FileNotFoundError: The folder, the file or pictures are not there.
        ValueError: A column or a line is wrong; the message names file and line.

    Example:
        >>> examples = read_table(Path("data/samples/csv"), "train")
        >>> examples[0].image_id, examples[0].captions
        ('red_square.png', ('A red square .', 'One square, red and flat .'))
    """
    split = canonical_split(split)
    table = find_table(root, split, "captions", file=file, content=_CONTENT)
    captions: dict[str, list[str]] = {}
    pictures: set[str] = set()
    for row in read_rows(
        table, [caption_column], image_column=image_column, split_column=split_column
    ):
        texts = [clean_caption(text, row.where) for text in texts_in(row, caption_column)]
        if not texts:
            raise ValueError(
                f"{row.where}: the image has no captions; add some or remove the line."
            )
        pictures.add(row.image)
        if row.split == split:
            captions.setdefault(row.image, []).extend(texts)
    if not captions:
        raise ValueError(
            f"{table.path} has no image in the split {split} (of {len(pictures)} images); say "
            f"which are, in a column '{split_column}'."
        )
    places = Pictures(places_of(table.root, ("images", "Images"), images))
    located = places.locate(captions, table.path, skip_missing=skip_missing)
    return [
        CaptionExample(picture, tuple(captions[name]), name) for name, picture in located.items()
    ]
