import json

import pytest

import multimodal.metrics
from multimodal.cli.main import main
from multimodal.cli.score_captions import run
from multimodal.metrics import caption_scores
from multimodal.text import tokenize

REFERENCES = {
    1: ["A dog runs over the green grass.", "A brown dog is running."],
    2: ["Two children play with a ball.", "Kids are playing football."],
}
CAPTIONS = {1: "a dog runs over the grass", 2: "two children play"}


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "results.json"
    entries = [{"image_id": key, "caption": text} for key, text in CAPTIONS.items()]
    path.write_text(json.dumps(entries))
    return path


@pytest.fixture
def references(tmp_path):
    path = tmp_path / "captions_val.json"
    notes = [
        {"image_id": key, "caption": text} for key, texts in REFERENCES.items() for text in texts
    ]
    path.write_text(json.dumps({"annotations": notes}))
    return path


@pytest.fixture(params=[True, False], ids=["with WordNet", "without WordNet"])
def wordnet(request, monkeypatch):
    """METEOR's corpus is there, or not, whatever this machine has."""
    monkeypatch.setattr(multimodal.metrics, "wordnet_is_there", lambda: request.param)

    def scores(*arguments, with_meteor=True):
        found = caption_scores(*arguments, with_meteor=False)
        return {**found, **({"meteor": 0.25} if request.param and with_meteor else {})}

    monkeypatch.setattr("multimodal.metrics.results.caption_scores", scores)
    return request.param


def expected():
    words = [tokenize(text) for text in CAPTIONS.values()]
    known = [[tokenize(text) for text in texts] for texts in REFERENCES.values()]
    return caption_scores(words, known, with_meteor=False)


def test_the_table_names_every_metric_times_100(results, references, wordnet, capsys):
    assert run([str(results), str(references)]) == 0
    title, *rows = capsys.readouterr().out.splitlines()
    assert title == f"{results}: 2 captions; scores times 100, as in papers"
    names = ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D"]
    found = {row.rpartition(" ")[0].strip(): row.rpartition(" ")[2] for row in rows}
    assert list(found)[:6] == names
    for name, score in zip(names, expected().values(), strict=True):
        assert found[name] == f"{100 * score:.2f}"


def test_meteor_is_called_nltks_or_said_to_be_missing(results, references, wordnet, capsys):
    assert run([str(results), str(references)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    if wordnet:
        assert last == "METEOR (nltk)   25.00"
    else:
        assert last.startswith(
            "METEOR (nltk) was left out: WordNet is missing. Get it with `python"
        )


def test_meteor_is_left_out_on_demand(results, references, wordnet, capsys):
    assert run([str(results), str(references), "--no-meteor"]) == 0
    assert "METEOR" not in capsys.readouterr().out


def test_json_holds_fractions(results, references, capsys):
    assert run([str(results), str(references), "--json", "--no-meteor"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values == {"images": 2, **expected()}


def test_a_flickr_token_file_is_a_reference_file(tmp_path, capsys):
    lines = [f"{key}.jpg#{n}\t{text}" for key, texts in REFERENCES.items()
             for n, text in enumerate(texts)]  # fmt: skip
    (tmp_path / "token.txt").write_text("\n".join(lines))
    entries = [{"image_id": f"{key}.jpg", "caption": text} for key, text in CAPTIONS.items()]
    (tmp_path / "results.json").write_text(json.dumps(entries))
    call = [str(tmp_path / "results.json"), str(tmp_path / "token.txt")]
    assert run([*call, "--json", "--no-meteor"]) == 0
    assert json.loads(capsys.readouterr().out) == {"images": 2, **expected()}


def test_some_of_the_images_need_partial(results, references, capsys):
    results.write_text(json.dumps([{"image_id": 1, "caption": CAPTIONS[1]}]))
    assert main(["score", "captions", str(results), str(references)]) == 1
    assert "pass --partial" in capsys.readouterr().err
    assert run([str(results), str(references), "--partial", "--no-meteor"]) == 0
    assert "1 captions" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "RESULTS and REFERENCES are missing."),
        (["a.json"], "REFERENCES is missing."),
        (["a", "b", "--jsn"], "Unknown option --jsn. Did you mean --json?"),
    ],
)
def test_a_wrong_call_is_a_sentence_and_code_2(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as stop:
        run(arguments)
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith(f"multimodal: {sentence}")


def test_a_missing_file_is_a_sentence_and_code_1(references, capsys):
    assert main(["score", "captions", "nothing.json", str(references)]) == 1
    assert capsys.readouterr().err == "multimodal: There is no file nothing.json. Check the path.\n"


def test_malformed_json_is_named_with_its_line(results, references, capsys):
    results.write_text('[{"image_id": 1,\n "caption"}]')
    assert main(["score", "captions", str(results), str(references)]) == 1
    assert "results.json, line 2" in capsys.readouterr().err
