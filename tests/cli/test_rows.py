from argparse import Namespace

import pytest

from multimodal.captioning.result import Alternative, Caption
from multimodal.cli.inputs import Item
from multimodal.cli.rows import caption_rows, passage_rows
from multimodal.language_model.result import Passage


@pytest.mark.parametrize("count", [0, 2])
def test_alternatives_follow_beneath_their_caption(count, capsys):
    others = (Alternative("a cat", -2.0), Alternative("a cow", -3.0))[:count]
    item = Item("dog.jpg", "dog.jpg")
    caption_rows(None, [item], Namespace())(item, Caption("a dog", ("a", "dog"), -1.5, others))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["image      score  caption", "dog.jpg    -1.50  a dog"]
    assert lines[2:] == ["           -2.00  a cat", "           -3.00  a cow"][:count]


def test_texts_keep_their_lines_and_stand_apart(capsys):
    write = passage_rows(None, [], Namespace())
    for _ in range(2):
        write(Item("", ""), Passage("one\ntwo\x1b", "", (), 0.0, ended=True, seed=0))
    assert capsys.readouterr().out == "one\ntwo\\x1b\n\none\ntwo\\x1b\n"
