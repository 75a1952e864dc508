import json

import pytest
import tiny_answerer
import tiny_captioner
import tiny_classifier
import tiny_critic
import tiny_writer
import torch
from tiny_captioner import picture

import multimodal
from multimodal.cli.main import main

CALLS = {
    tiny_captioner: lambda model: model(picture("red")),
    tiny_answerer: lambda model: model(picture("red"), tiny_answerer.QUESTIONS),
    tiny_critic: lambda model: model("The film isn't great, it is dull"),
    tiny_classifier: lambda model: model([picture("red"), picture("blue")]),
    tiny_writer: lambda model: model("roses", seed=3),
}


@pytest.mark.parametrize("tiny", CALLS)
def test_an_exported_model_answers_as_its_checkpoint_to_the_bit(tiny, tmp_path, capsys):
    path = tiny.save(tmp_path / "best.ckpt")
    assert main(["export", str(path), str(tmp_path / "model")]) == 0
    ours, theirs = multimodal.load(tmp_path / "model"), multimodal.load(path)
    assert type(ours) is type(theirs)
    assert CALLS[tiny](ours) == CALLS[tiny](theirs)
    state = theirs.model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in ours.model.state_dict().items())
    assert "its scores are unknown" in capsys.readouterr().out


def test_no_file_of_the_folder_names_code(tmp_path):
    for tiny in CALLS:
        path = tiny.save(tmp_path / "best.ckpt")
        main(["export", str(path), str(tmp_path / "model"), "--overwrite"])
        config = (tmp_path / "model" / "config.json").read_text()
        assert "multimodal." not in config
        assert "class_path" not in config
        assert "torch." not in config


def test_half_precision_halves_the_file(checkpoint, tmp_path, capsys):
    for name, option in (("whole", []), ("half", ["--half"])):
        assert main(["export", str(checkpoint), str(tmp_path / name), *option]) == 0
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("half", "whole")]
    assert sizes[0] < 0.65 * sizes[1]
    model = multimodal.load(tmp_path / "half")
    assert str(model(picture("green"))) == tiny_captioner.CAPTIONS["green"]
    assert "float16" in (tmp_path / "half" / "README.md").read_text()


def test_the_results_of_a_named_test_are_in_card_and_metrics(checkpoint, tmp_path, capsys):
    run = tmp_path / "version_3"
    run.mkdir()
    (run / "metrics.csv").write_text("epoch,step,test/cider\n0,0,1.5\n")
    assert main(["export", str(checkpoint), str(tmp_path / "model"), "--test", str(run)]) == 0
    metrics = json.loads((tmp_path / "model" / "metrics.json").read_text())
    assert metrics == {"test": {"cider": 1.5}, "val": {}}
    assert "1.5000" in (tmp_path / "model" / "README.md").read_text()
    assert "unknown" not in capsys.readouterr().out


def test_mistakes_get_a_sentence(checkpoint, tmp_path, capsys):
    main(["export", str(checkpoint), str(tmp_path / "model")])
    capsys.readouterr()
    for arguments, message in (
        ([str(checkpoint), str(tmp_path / "model")], "model holds a model already."),
        ([str(tmp_path / "no.ckpt"), str(tmp_path / "new")], "No checkpoint at "),
        ([str(tmp_path / "model"), str(tmp_path / "new")], "is a folder. Give the .ckpt file"),
    ):
        assert main(["export", *arguments]) == 1
        assert message in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_the_verbs_take_folders(checkpoint, photos, tmp_path, capsys):
    main(["export", str(checkpoint), str(tmp_path / "captioner")])
    for tiny in (tiny_answerer, tiny_critic, tiny_classifier, tiny_writer):
        path = tiny.save(tmp_path / "best.ckpt")
        main(["export", str(path), str(tmp_path / tiny.__name__)])
    capsys.readouterr()
    red = str(photos / "red.png")
    for verb, model, given, answer in (
        ("caption", "captioner", red, tiny_captioner.CAPTIONS["red"]),
        ("classify", "tiny_classifier", red, "red"),
        ("sentiment", "tiny_critic", "the film is great", "positive"),
        ("write", "tiny_writer", "roses", "roses"),
    ):
        assert main([verb, str(tmp_path / model), given]) == 0
        assert answer in capsys.readouterr().out
    arguments = [str(tmp_path / "tiny_answerer"), red, tiny_answerer.WHAT]
    assert main(["ask", *arguments]) == 0
    assert "red" in capsys.readouterr().out
    assert main(["caption", str(tmp_path / "tiny_critic"), red]) == 1
    assert "tiny_critic is a checkpoint of the task 'sentiment'" in capsys.readouterr().err


def test_the_help_shows_how(capsys):
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    assert "multimodal export" in capsys.readouterr().out
