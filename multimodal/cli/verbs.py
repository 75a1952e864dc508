"""The table of commands that use a trained model: one row for each task."""

from typing import Final

from multimodal.cli.picture_verbs import AskVerb, CaptionVerb, ClassifyVerb
from multimodal.cli.text_verbs import SentimentVerb, TextVerb, WriteVerb
from multimodal.cli.verb import Verb
from multimodal.tasks import TASKS

_OWN: Final[dict[str, type[Verb]]] = {
    verb.task: verb for verb in (CaptionVerb, AskVerb, ClassifyVerb, SentimentVerb, WriteVerb)
}
VERBS: Final[dict[str, type[Verb]]] = {
    row.verb: _OWN.get(row.name) or TextVerb.of(row) for row in TASKS.values()
}
