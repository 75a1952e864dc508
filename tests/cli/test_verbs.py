from argparse import Namespace

import pytest

from multimodal.captioning.result import Alternative, Caption
from multimodal.cli.inference import run
from multimodal.cli.inputs import Item
from multimodal.cli.picture_verbs import CaptionVerb
from multimodal.cli.printing import Complaints
from multimodal.cli.text_verbs import TextVerb, WriteVerb
from multimodal.cli.verbs import VERBS
from multimodal.language_model.result import Passage
from multimodal.tasks import TASKS


@pytest.mark.parametrize("name", VERBS)
def test_the_help_describes_the_command_and_has_examples(name, capsys):
    with pytest.raises(SystemExit):
        run([name, "--help"])
    words = capsys.readouterr().out
    assert VERBS[name].about in " ".join(words.split())
    assert VERBS[name].examples in words


@pytest.mark.parametrize("count", [0, 2])
def test_alternatives_follow_below_their_caption(count, capsys):
    others = (Alternative("a cat", -2.0), Alternative("a cow", -3.0))[:count]
    item, verb = Item("dog.jpg", "dog.jpg"), CaptionVerb(Namespace(), Complaints())
    verb.begin(None, [item])
    verb.write(item, Caption("a dog", ("a", "dog"), -1.5, others))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["image      score  caption", "dog.jpg    -1.50  a dog"]
    assert lines[2:] == ["           -2.00  a cat", "           -3.00  a cow"][:count]


def test_texts_keep_their_lines_and_are_separated_by_an_empty_one(capsys):
    verb = WriteVerb(Namespace(), Complaints())
    for _ in range(2):
        verb.write(Item("", ""), Passage("one\ntwo\x1b", "", (), 0.0, ended=True, seed=0))
    assert capsys.readouterr().out == "one\ntwo\\x1b\n\none\ntwo\\x1b\n"


def test_a_task_of_texts_without_a_class_gets_a_plain_command(capsys):
    kind = TextVerb.of(TASKS["sentiment"])
    assert (kind.task, kind.about) == ("sentiment", "Classify texts, with a trained model.")
    verb = kind(Namespace(texts=["great fun"], file=[]), Complaints())
    (item,) = verb.items()
    verb.begin(None, [item])
    verb.write(item, "positive")
    assert capsys.readouterr().out == "result        text\npositive      great fun\n"
