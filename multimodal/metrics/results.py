"""Score a file of captions against a file of references.

The results file is COCO's: a JSON list of ``{"image_id": ..., "caption": ...}``. The references
are COCO's captions JSON, Flickr8k's token file (``name.jpg#0<tab>caption``) or its ``captions.txt``
(``image,caption``). Both are tokenised by `multimodal.text.tokenize`. A file that is not what it
should be gets an error that names the file and the line or the entry.

References:
    https://cocodataset.org/#format-results, "Image Captioning", and #format-data, "Captions".
"""

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from multimodal.metrics.captions import caption_scores
from multimodal.text import tokenize

ImageId = int | str


def score_results(
    results: Path, references: Path, *, partial: bool = False, with_meteor: bool = True
) -> dict[str, float]:
    """Compute every caption score of a results file.

    Args:
        results: A COCO results file: one caption per image.
        references: A file of reference captions.
        partial: Score the images of the results file only, instead of asking for all of the
            references file's.
        with_meteor: Add METEOR where WordNet is; it takes longer than the others together.

    Returns:
        The scores that `multimodal.metrics.captions.caption_scores` names.

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If a file is not in its format, an image has two captions or no reference, or an
            image of the references has no caption and `partial` is not set.
    """
    captions = {str(image_id): text for image_id, text in read_results(results).items()}
    known = {str(image_id): texts for image_id, texts in read_references(references).items()}
    unknown = sorted(captions.keys() - known.keys())
    if unknown:
        raise ValueError(
            f"{references} has no references for {_some(unknown)} of {results}. "
            "Are both of the same set, with the same image ids?"
        )
    missing = sorted(known.keys() - captions.keys())
    if missing and not partial:
        raise ValueError(
            f"{results} has no caption for {_some(missing)} of {references}. "
            "Caption all images, or pass --partial to score only those that are there."
        )
    return caption_scores(
        [tokenize(text) for text in captions.values()],
        [[tokenize(text) for text in known[image_id]] for image_id in captions],
        with_meteor=with_meteor,
    )


def read_results(path: Path) -> dict[ImageId, str]:
    """Read a COCO results file: the caption of each image.

    Args:
        path: A JSON file with a list of objects with an ``image_id`` and a ``caption``.

    Returns:
        The captions by image id, in the file's order.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a list, is empty, or has an image twice.
    """
    entries = _load_json(path)
    if not isinstance(entries, list) or not entries:
        raise ValueError(
            f"{path} must be a JSON list of objects with an image_id and a caption, "
            f"got {_name(entries)}."
        )
    captions: dict[ImageId, str] = {}
    for number, entry in enumerate(entries):
        image_id, caption = _caption_of(entry, f"{path}, entry {number}")
        if image_id in captions:
            raise ValueError(
                f"{path}, entry {number}: image_id {image_id!r} is there a second time. "
                "A results file has one caption per image."
            )
        captions[image_id] = caption
    return captions


def read_references(path: Path) -> dict[ImageId, tuple[str, ...]]:
    """Read reference captions: COCO's captions JSON, or one of Flickr8k's text files.

    Args:
        path: A ``.json`` file, or a text file with a line for each caption.

    Returns:
        All captions of each image, in the file's order.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is in none of the formats, or without captions.
    """
    if path.suffix.lower() == ".json":
        pairs = _coco_references(path)
    else:
        lines = _read_text(path).splitlines()
        first = lines[0].strip().lower() if lines else ""
        pairs = _flickr_csv(path, lines) if first == "image,caption" else _flickr_token(path, lines)
    captions: dict[ImageId, list[str]] = {}
    for image_id, caption in pairs:
        captions.setdefault(image_id, []).append(caption)
    if not captions:
        raise ValueError(f"{path} has no captions in it.")
    return {image_id: tuple(texts) for image_id, texts in captions.items()}


def _coco_references(path: Path) -> list[tuple[ImageId, str]]:
    content = _load_json(path)
    annotations = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(annotations, list):
        raise ValueError(
            f'{path} must be a COCO captions file, a JSON object with a list under "annotations", '
            f"got {_name(content)}."
        )
    return [
        _caption_of(entry, f"{path}, annotations[{number}]")
        for number, entry in enumerate(annotations)
    ]


def _flickr_token(path: Path, lines: list[str]) -> list[tuple[ImageId, str]]:
    pairs: list[tuple[ImageId, str]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        image, tab, caption = line.partition("\t")
        name, hash_, _ = image.rpartition("#")
        if not (tab and hash_ and name):
            raise ValueError(
                f"{path}, line {number}: expected `name.jpg#0<tab>caption` (or a first line "
                f"`image,caption`), got {line[:40]!r}."
            )
        pairs.append((name, caption))
    return pairs


def _flickr_csv(path: Path, lines: list[str]) -> list[tuple[ImageId, str]]:
    pairs: list[tuple[ImageId, str]] = []
    rows = csv.reader(lines[1:])
    for row in rows:
        if len(row) != 2:
            raise ValueError(
                f"{path}, line {rows.line_num + 1}: expected an image and a caption, got "
                f"{len(row)} fields. A caption with a comma in it needs quotes."
            )
        pairs.append((row[0], row[1]))
    return pairs


def _caption_of(entry: Any, place: str) -> tuple[ImageId, str]:
    if not isinstance(entry, Mapping):
        raise ValueError(f"{place} must be an object, got {_name(entry)}.")
    checks: dict[str, Callable[[Any], bool]] = {
        "image_id": lambda value: isinstance(value, int | str) and not isinstance(value, bool),
        "caption": lambda value: isinstance(value, str),
    }
    for key, is_right in checks.items():
        if key not in entry:
            raise ValueError(f'{place} has no "{key}".')
        if not is_right(entry[key]):
            kind = "a number or a string" if key == "image_id" else "a string"
            raise ValueError(f'{place}: "{key}" must be {kind}, got {_name(entry[key])}.')
    return entry["image_id"], entry["caption"]


def _load_json(path: Path) -> Any:
    text = _read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}, line {error.lineno}, column {error.colno}: not valid JSON ({error.msg})."
        ) from error
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply for a file of captions.") from None


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}. Check the path.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not text in UTF-8 (byte {error.start}). Convert it to UTF-8 first."
        ) from error


def _name(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", type(None): "null"}
    if value == [] and isinstance(value, list):
        return "an empty list"
    return kinds.get(type(value), repr(value)[:40])


def _some(image_ids: list[str]) -> str:
    if len(image_ids) == 1:
        return f"image {image_ids[0]}"
    return f"{len(image_ids)} images ({', '.join(image_ids[:3])}{', ...' * (len(image_ids) > 3)})"
