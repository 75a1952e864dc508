"""The README's code blocks run, with small stand-ins for a user's files."""

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from multimodal.cli.main import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
LINES = [line for kind, text in BLOCKS if kind == "bash" for line in text.splitlines() if line]
sys.path.insert(0, str(ROOT / "tests" / "fixtures"))

import tiny_answerer  # noqa: E402 - found through the line above
import tiny_captioner  # noqa: E402
import tiny_classifier  # noqa: E402
import tiny_critic  # noqa: E402
import tiny_writer  # noqa: E402


@pytest.fixture
def _project(tmp_path, monkeypatch):
    """A folder with the files that the README's commands name."""
    monkeypatch.chdir(tmp_path)
    tiny_captioner.save(tmp_path / "best.ckpt")
    tiny_answerer.save(tmp_path / "answerer.ckpt")
    tiny_classifier.save(tmp_path / "classifier.ckpt")
    tiny_critic.save(tmp_path / "sentiment.ckpt")
    tiny_writer.save(tmp_path / "writer.ckpt")
    tiny_writer.save(tmp_path / "reader.ckpt")
    colour = next(iter(tiny_captioner.COLOURS))
    for folder in ("folder", "my_folder"):
        (tmp_path / folder).mkdir()
        tiny_captioner.picture(colour).save(tmp_path / folder / "a.png")
    tiny_captioner.picture(colour).convert("RGB").save(tmp_path / "photo.jpg")
    rows = []
    for shade, name, split in zip(
        tiny_captioner.COLOURS, "abc", ("train", "val", "test"), strict=True
    ):
        tiny_captioner.picture(shade).save(tmp_path / "my_folder" / f"{name}.png")
        rows.append(f"{name}.png,a {shade} dog,{split}")
    (tmp_path / "results.json").write_text(json.dumps([{"image_id": 1, "caption": "a red dog"}]))
    references = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [{"id": 1, "image_id": 1, "caption": "a red dog runs"}],
    }
    (tmp_path / "references.json").write_text(json.dumps(references))
    (tmp_path / "my_folder" / "captions.csv").write_text("\n".join(["image,caption,split", *rows]))
    asked = ["image,question,answer,split", "a.png,is it red,yes,train", "b.png,is it red,no,val"]
    (tmp_path / "my_folder" / "questions.csv").write_text("\n".join(asked))
    said = ["text,label,split", "good,yes,train", "bad,no,train", "good,yes,val", "bad,no,val"]
    (tmp_path / "my_folder" / "texts.csv").write_text("\n".join(said))
    (tmp_path / "answers.json").write_text(json.dumps([{"question_id": 1, "answer": "yes"}]))
    (tmp_path / "annotations.csv").write_text("question_id,answer\n1,yes")


def stand_in(arguments: list[str]) -> list[str]:
    """Replace a configuration of real size by the smoke configuration."""
    tasks = "captioning|vqa|sentiment|language_model|classification"
    small = [re.sub(f"^({tasks})_.*", r"smoke_\1", argument) for argument in arguments]
    if "--folds" in small:
        small[small.index("--folds") + 1] = "2"
    if small[0] in ("fit", "test", "predict", "cross_validate", "transfer", "find_rate"):
        small += ["--trainer.enable_progress_bar", "false"]
    if small[0] == "find_rate":
        small += ["--steps", "40"]
    if "--strategies" in small:  # the smoke configuration's encoder has learned nothing yet
        small[small.index("--strategies") + 1] = "scratch"
    if "smoke_classification" in small and "--data.root" in small:  # it draws its pictures
        del small[small.index("--data.root") : small.index("--data.root") + 2]
    if "--data.root" in small:
        small += ["--data.format", "table"]
    if "--model.settings.encoder.weights" in small:
        small[small.index("--model.settings.encoder.weights") + 1] = "none"  # of another size
    return small


@pytest.mark.parametrize("line", LINES)
@pytest.mark.usefixtures("_project")
def test_a_command_of_the_readme_runs(line):
    command, *arguments = shlex.split(line.split("  #")[0])
    if command.startswith("scripts/"):
        assert (ROOT / command).stat().st_mode & 0o111
        return
    assert command == "multimodal"
    if arguments[0] in ("test", "predict"):
        shutil.copy(trained(), "best.ckpt")
    assert main(stand_in(arguments)) == 0


def trained() -> Path:
    """Train the smoke configuration; return its checkpoint."""
    assert main(["fit", *stand_in(["--config", "captioning_scenes"])]) == 0
    (path,) = Path("runs").rglob("best.ckpt")
    return path


@pytest.mark.parametrize("block", [text for kind, text in BLOCKS if kind == "python"])
@pytest.mark.usefixtures("_project")
def test_a_python_block_of_the_readme_runs(block, capsys):
    exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out


def test_files_and_folders_the_readme_links_to_are_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
