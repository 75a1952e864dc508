import json
from pathlib import Path

import pytest
import yaml

from multimodal.cli.configs import FOLDER, check_yaml, find_config, run

SHIPPED = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_configuration_is_parsed_by_the_command(path, monkeypatch):
    from multimodal.cli import lightning

    parsed = []
    monkeypatch.setattr(
        lightning.Command, "instantiate_classes", lambda self: parsed.append(self.config)
    )
    monkeypatch.setattr(lightning.Command, "_run_subcommand", lambda self, name: None)
    assert lightning.run(["fit", "--config", str(path)]) == 0
    (config,) = parsed
    module = config.fit.model.class_path.split(".")[1]
    assert path.stem.removeprefix("smoke_").startswith(module)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_configuration_sets_seed_and_clipping(path):
    config = yaml.safe_load(path.read_text())
    assert isinstance(config["seed_everything"], int)
    assert config["trainer"]["gradient_clip_val"] > 0
    monitors = {
        callback["class_path"].rsplit(".", 1)[1]: callback.get("init_args", {}).get("monitor")
        for callback in config["trainer"]["callbacks"]
    }
    assert monitors["ModelCheckpoint"] in (
        "val/cider",
        "val/accuracy",
        "val/loss",
        "val/perplexity",
    )
    assert monitors.get("EarlyStopping", monitors["ModelCheckpoint"]) == monitors["ModelCheckpoint"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_value_of_a_shipped_configuration_has_a_comment(path):
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# ")
    plain = ("class_path:", "mode:", "filename:", "auto_insert", "enable_", "save_last", "format:")
    bare = [
        line.strip()
        for line in lines
        if ":" in line and not line.rstrip().endswith(":") and "#" not in line
    ]
    missing = [
        line
        for line in bare
        if not line.removeprefix("- ").startswith((*plain, "num_sanity_val_steps"))
    ]
    assert missing == []


def test_configurations_are_listed_with_a_line_each(capsys):
    assert run([]) == 0
    listed = capsys.readouterr().out
    assert all(path.stem in listed for path in SHIPPED)


def test_a_bare_name_finds_the_shipped_file_and_a_path_one_of_ones_own(tmp_path):
    own = tmp_path / "mine.yaml"
    own.write_text("trainer: {}\n")
    assert find_config("captioning_scenes") == FOLDER / "captioning_scenes.yaml"
    assert find_config(str(own)) == own


def test_a_misspelt_name_gets_the_closest_one():
    with pytest.raises(FileNotFoundError, match="Did you mean 'captioning_scenes'"):
        find_config("captioning_scene")


def test_a_file_that_is_no_yaml_is_named_with_its_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("trainer:\n  max_epochs: [3\nmodel: 1\n")
    with pytest.raises(ValueError, match=r"mine\.yaml:\d: not valid YAML"):
        check_yaml(path)


def test_a_file_that_holds_no_mapping_is_refused(tmp_path):
    path = Path(tmp_path / "mine.yaml")
    path.write_text("- a\n- b\n")
    with pytest.raises(ValueError, match="must be a mapping with the keys model, data and trainer"):
        check_yaml(path)


def test_programs_are_told_the_same(capsys):
    assert run(["--json"]) == 0
    found = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert set(found) == {path.stem for path in SHIPPED}
    assert all(each["about"] and Path(each["file"]).is_file() for each in found.values())
