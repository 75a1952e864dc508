"""What holds for the data module of every task, and for every row of the reader tables."""

import inspect
import json

import pytest
import torch

from multimodal.captioning.data import READERS as CAPTION_READERS
from multimodal.captioning.data import CaptionData
from multimodal.classification.data import ClassificationData, ImageSettings
from multimodal.classification.readers import READERS as IMAGE_READERS
from multimodal.data.text_source import READERS as TEXT_READERS
from multimodal.data.text_source import TextSource
from multimodal.data.transforms import TransformSettings
from multimodal.language_model.data import LanguageModelData
from multimodal.saving.checkpoint import SavedModel
from multimodal.sentiment.data import SentimentData
from multimodal.text import SPECIALS
from multimodal.vqa.data import READERS as QUESTION_READERS
from multimodal.vqa.data import VQAData

FEW = {"train": 25, "val": 4, "test": 5}


def captions(**changes):
    settings = {"options": FEW, "transform": TransformSettings(size=48, shift=0.1)}
    return CaptionData(batch_size=4, **{**settings, **changes})


def questions(**changes):
    settings = {"options": FEW, "transform": TransformSettings(size=48, shift=0.1)}
    return VQAData(batch_size=4, **{**settings, **changes})


def texts(**changes):
    return SentimentData(batch_size=4, **{"options": FEW, **changes})


def images(**changes):
    settings = {"format": "scenes", "options": FEW, "transform": ImageSettings(size=48)}
    return ClassificationData(batch_size=4, **{**settings, **changes})


def streams(**changes):
    options, seed = changes.pop("options", FEW), changes.get("seed", 0)
    source = TextSource(options=options, seed=seed)
    return LanguageModelData(sources=[source], batch_size=4, window=9, **changes)


MODULES = [captions, questions, texts, images, streams]
every_module = pytest.mark.parametrize("make", MODULES, ids=lambda make: make.__name__)
every_module_of_examples = pytest.mark.parametrize(
    "make", MODULES[:-1], ids=lambda make: make.__name__
)
TABLES = {
    "captions": CAPTION_READERS,
    "questions": QUESTION_READERS,
    "texts": TEXT_READERS,
    "images": IMAGE_READERS,
}
ROWS = [(task, name) for task, table in TABLES.items() for name in table]


def contents(batch):
    return [each for each in batch if isinstance(each, torch.Tensor)]


def same(ours, theirs):
    pairs = zip(contents(ours), contents(theirs), strict=True)
    return all(a.shape == b.shape and a.equal(b) for a, b in pairs)


@pytest.mark.parametrize(("task", "name"), ROWS)
def test_every_reader_takes_a_root_and_a_split_and_typed_keywords(task, name):
    parameters = list(inspect.signature(TABLES[task][name]).parameters.values())
    assert [each.name for each in parameters[:2]] == ["root", "split"]
    assert all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in parameters[2:])
    assert all(each.annotation is not inspect.Parameter.empty for each in parameters)


@every_module
def test_order_and_contents_are_a_function_of_seed_and_epoch(make):
    first, again = make().train_dataloader(), make().train_dataloader()
    runs = [[list(loader) for _ in range(2)] for loader in (first, again)]
    for ours, theirs in zip(*runs, strict=True):
        assert all(map(same, ours, theirs))
    assert not all(map(same, *runs[0]))
    other = list(make(seed=1).train_dataloader())
    assert not all(map(same, runs[0][0], other))


@every_module
def test_a_loader_goes_on_at_the_next_batch(make):
    whole = list(make().train_dataloader())
    broken, resumed = make().train_dataloader(), make().train_dataloader()
    iterator = iter(broken)
    next(iterator)
    next(iterator)
    resumed.load_state_dict(broken.state_dict())
    assert all(map(same, list(resumed), whole[2:]))


@every_module_of_examples
def test_evaluation_keeps_all_examples_in_their_order(make):
    for split in ("train", "val", "test"):
        data = make()
        indices = [i for batch in data.in_order(split) for i in batch.indices.tolist()]
        assert indices == list(range(FEW[split]))
    predicted = [i for batch in make().predict_dataloader() for i in batch.indices.tolist()]
    assert predicted == list(range(FEW["test"]))


@every_module
def test_the_validation_split_can_be_held_out_of_training(make):
    data = make(holdout=0.3)
    train, val = data.examples("train"), data.examples("val")
    assert len(train) + len(val) == FEW["train"]
    assert val
    assert not {repr(each) for each in train} & {repr(each) for each in val}
    again = make(holdout=0.3)
    assert again.examples("val") == val


@every_module_of_examples
def test_the_validation_split_can_be_tested_on(make):
    tested = [e for batch in make(test_split="val").test_dataloader() for e in batch.examples]
    assert sorted(map(repr, tested)) == sorted(map(repr, make().examples("val")))


@pytest.mark.parametrize("make", [texts, images], ids=["texts", "images"])
def test_folds_are_a_partition(make):
    tested = []
    for fold in range(3):
        data = make(folds=3, fold=fold, holdout=0.3, seed=2)
        parts = [set(map(repr, data.examples(split))) for split in ("train", "val", "test")]
        assert all(parts)
        assert sum(map(len, parts)) == len(set.union(*parts))
        tested += parts[2]
    assert len(set(tested)) == len(tested) == len(set.union(*parts))


@every_module
def test_linked_values_are_plain_data(make):
    linked = make().linked()
    assert json.loads(json.dumps(linked)) == linked


@every_module
def test_linked_values_of_a_built_in_world_sample_nothing(make):
    data = make()
    data.linked()
    assert data._examples == {}


@every_module
def test_a_checkpoints_linked_values_replace_those_of_the_data(make):
    extra = {
        "labels": ["b", "a"],
        "answers": ["no", "yes"],
        "target": "label",
        "mean": [0.5, 0.5, 0.5],
        "excerpt": {"max_words": 3, "keep": "end"},
        "level": "words",
        "keep_lines": True,
    }
    saved = SavedModel("any", {}, [*SPECIALS, "zebra"], {"size": 32}, {}, extra)
    data, known = make(), {**extra, "vocabulary": saved.vocabulary}
    data.adopt(saved)
    for name, value in data.linked().items():
        if name == "transform":
            assert value["size"] == 32
        elif name in known:
            assert value == known[name]
    assert data._examples == {}


@every_module
def test_a_checkpoint_cannot_name_a_reader(make):
    extra = {"labels": [], "answers": ["no"], "excerpt": {}, "level": "words", "keep_lines": False}
    hostile = {**extra, "format": "antigravity.fly", "options": {"x": 1}, "root": "/"}
    data = make()
    data.adopt(SavedModel("any", {}, list(SPECIALS), {"size": 48}, {}, hostile))
    assert len(data.examples("val")) == FEW["val"]


@every_module
def test_a_misspelt_option_gets_the_closest_one(make):
    with pytest.raises(ValueError, match=r"has no 'trian'\. Did you mean 'train'\?"):
        make(options={"trian": 3}).examples("train")


@every_module_of_examples
def test_an_unknown_format_is_refused(make):
    with pytest.raises(ValueError, match=r"`format` must be one of .*import path of a reader of"):
        make(format="yaml")


def test_only_training_examples_make_words_and_labels(tmp_path):
    rows = "text,label,split\nfun,good,train\ndull,bad,train\nodd,bad,val\nnew,good,test\n"
    (tmp_path / "texts.csv").write_text(rows)
    data = SentimentData(format="table", root=str(tmp_path))
    assert data.linked()["vocabulary"] == [*SPECIALS, "dull", "fun"]
    assert data.labels == ["bad", "good"]
