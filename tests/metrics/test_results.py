import json
import os
from pathlib import Path

import pytest
from torch.testing import assert_close

from multimodal.metrics.captions import caption_scores
from multimodal.metrics.results import read_references, read_results, score_results
from multimodal.text import tokenize

CAPTIONS = {1: "A dog runs.", 2: "A cat sleeps, there."}
REFERENCES = {1: ["A dog is running.", "The dog runs."], 2: ["A cat is asleep.", "The cat."]}


def _results(path, captions=CAPTIONS):
    entries = [{"image_id": image, "caption": text} for image, text in captions.items()]
    path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def _references(path, references=REFERENCES):
    annotations = [
        {"id": 10 * number, "image_id": image, "caption": text}
        for image, texts in references.items()
        for number, text in enumerate(texts)
    ]
    path.write_text(json.dumps({"images": [], "annotations": annotations}), encoding="utf-8")
    return path


def test_a_results_file_is_scored_against_coco_references(tmp_path):
    scores = score_results(_results(tmp_path / "r.json"), _references(tmp_path / "a.json"))
    expected = caption_scores(
        [tokenize(CAPTIONS[image]) for image in (1, 2)],
        [[tokenize(text) for text in REFERENCES[image]] for image in (1, 2)],
    )
    assert scores == expected


def test_numbers_and_strings_name_the_same_image(tmp_path):
    results = _results(tmp_path / "r.json", {"2": CAPTIONS[2], 1: CAPTIONS[1]})
    references = _references(tmp_path / "a.json")
    assert score_results(results, references)["bleu1"] > 0


def test_flickr_token_files_are_read(tmp_path):
    path = tmp_path / "Flickr8k.token.txt"
    path.write_text(
        "a#1.jpg#0\tA dog , here .\na#1.jpg#1\tDog\n\nb.jpg#0\tEin Hund läuft\n", "utf-8"
    )
    assert read_references(path) == {
        "a#1.jpg": ("A dog , here .", "Dog"),
        "b.jpg": ("Ein Hund läuft",),
    }


def test_flickr_captions_files_are_read(tmp_path):
    path = tmp_path / "captions.txt"
    path.write_text('image,caption\na.jpg,A dog .\na.jpg,"A dog , here ."\nb.jpg,A cat\n', "utf-8")
    assert read_references(path) == {"a.jpg": ("A dog .", "A dog , here ."), "b.jpg": ("A cat",)}


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = _results(tmp_path / "r.json")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_results(path) == CAPTIONS


def test_images_without_a_caption_are_named(tmp_path):
    results = _results(tmp_path / "r.json", {1: "A dog."})
    references = _references(tmp_path / "a.json")
    with pytest.raises(
        ValueError, match=r"r.json has no caption for image 2 of .*a.json.*--partial"
    ):
        score_results(results, references)
    assert score_results(results, references, partial=True)["bleu1"] > 0


def test_images_without_references_are_named(tmp_path):
    captions = dict.fromkeys(range(1, 8), "A dog.")
    results = _results(tmp_path / "r.json", captions)
    references = _references(tmp_path / "a.json")
    with pytest.raises(
        ValueError, match=r"a.json has no references for 5 images \(3, 4, 5, \.\.\.\)"
    ):
        score_results(results, references)


BAD_RESULTS = {
    "{}": r"must be a JSON list of objects with an image_id and a caption, got an object",
    "[]": r"got an empty list",
    "7": r"got 7",
    "null": r"got null",
    '"x"': r"got a string",
    "[1]": r"r.json, entry 0 must be an object, got 1",
    '[{"caption": "a"}]': r'entry 0 has no "image_id"',
    '[{"image_id": 1}]': r'entry 0 has no "caption"',
    '[{"image_id": true, "caption": "a"}]': r'"image_id" must be a number or a string, got True',
    '[{"image_id": 1, "caption": ["a"]}]': r'"caption" must be a string, got a list',
    '[{"image_id": 1, "caption": "a"}, {"image_id": 1, "caption": "b"}]': (
        r"entry 1: image_id 1 is there a second time"
    ),
    '[\n{"image_id": 1,}]': r"r.json, line 2, column 1\d: not valid JSON",
    "[" * 100_000: r"nested too deeply",
}


@pytest.mark.parametrize("content", BAD_RESULTS, ids=lambda content: content[:30])
def test_a_bad_results_file_is_refused_by_entry(tmp_path, content):
    path = tmp_path / "r.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=BAD_RESULTS[content]) as caught:
        read_results(path)
    assert str(path) in str(caught.value)


BAD_REFERENCES = [
    ("a.json", "[]", r'a JSON object with a list under "annotations", got an empty list'),
    ("a.json", '{"annotations": 5}', r'a list under "annotations", got an object'),
    ("a.json", '{"annotations": [{"image_id": 1}]}', r'annotations\[0\] has no "caption"'),
    ("a.json", '{"annotations": []}', r"has no captions in it"),
    ("a.txt", "", r"has no captions in it"),
    ("a.txt", "a.jpg#0\tA\nsomething", r"a.txt, line 2: expected `name.jpg#0<tab>caption`"),
    ("a.txt", "image,caption\na.jpg,b\na.jpg,A dog, here\n", r"line 3: expected .* got 3 fields"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_REFERENCES)
def test_a_bad_references_file_is_refused_by_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        read_references(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*none.json"):
        read_results(tmp_path / "none.json")


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "r.json"
    path.write_bytes(b'[{"image_id": 1, "caption": "caf\xe9"}]')
    with pytest.raises(ValueError, match=r"r.json is not text in UTF-8 \(byte 32\)"):
        read_results(path)


@pytest.mark.data
def test_the_results_file_of_coco_gets_its_stored_scores():
    root = Path(os.environ["MULTIMODAL_DATA"]) / "coco_tiny"
    scores = score_results(
        root / "fakecap_50" / "fakecap_50_results.json",
        root / "annotations" / "captions_train2017.json",
        with_meteor=False,
    )
    gold = json.loads((root / "fakecap_50" / "fakecap_50_gold.json").read_text("utf-8"))["scores"]
    del gold["METEOR"]
    assert_close(list(scores.values()), list(gold.values()), atol=1e-6, rtol=0)
