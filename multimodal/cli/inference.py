"""multimodal caption, ask, classify, sentiment, write: use a trained model, as a table or as JSON.

One driver serves all commands: it opens the model, reads the inputs, writes each result as soon as
it is there, and names unusable inputs on stderr, after which the exit code is 1. The arguments, the
table and the drawing of a command are in its class, a row of `multimodal.cli.verbs`.
"""

import os
import sys
from argparse import Namespace
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from multimodal.cli.arguments import Arguments
from multimodal.cli.inputs import Item
from multimodal.cli.printing import Complaints, JsonArray, JsonLines, Progress
from multimodal.cli.verb import Verb
from multimodal.cli.verbs import VERBS
from multimodal.tasks import TASKS

EXIT_ERROR = 1


def run(arguments: list[str]) -> int:
    """Use a trained model and print a table, or JSON.

    Returns:
        The exit code: 0 if every input got its result, 1 if one did not.

    Raises:
        FileNotFoundError: If there is no such model, or no such file of texts.
        ValueError: If the model cannot be used, or there is no text.
        SystemExit: With 2 after a wrong call, with 0 after the help.
    """
    name, *others = arguments
    kind = VERBS[name]
    parser = _parser(name, kind)
    options = parser.parse_args(others)
    kind.check(parser, options)
    predictor = _open(kind, options)
    complaints = Complaints()
    verb = kind(options, complaints)
    try:
        _print_all(verb, predictor, verb.items())
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of the results, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    return EXIT_ERROR if complaints.failed else 0


def _parser(name: str, verb: type[Verb]) -> Arguments:
    task = TASKS[verb.task]
    parser = Arguments(name, about=verb.about, examples=verb.examples)
    parser.add_model(task.run, task.shipped)
    verb.add_inputs(parser)
    parser.add_argument("--json", action="store_true", help=verb.json)
    parser.add_options(task.load("options"), verb.defaults, verb.without)
    parser.add_hardware()
    return parser


def _open(verb: type[Verb], options: Namespace) -> Any:
    # Imported late: torch takes a second to import.
    from multimodal.hardware import tune_cpu
    from multimodal.loading import from_saved
    from multimodal.saving import read_model

    saved, task = read_model(options.model), TASKS[verb.task]
    if saved.task != verb.task:
        other = TASKS.get(saved.task)
        use = f", or {other.usage.format(path=options.model)}" if other else ""
        raise ValueError(
            f"{options.model} is a checkpoint of the task {saved.task!r} and {verb.refusal}. Give "
            f"a checkpoint of {task.run}{use}{'' if use.endswith('...') else '.'}"
        )
    tune_cpu()
    return from_saved(saved, str(options.model), device=options.device, precision=options.precision)


def _print_all(verb: Verb, predictor: Any, items: Iterable[Item]) -> None:
    """Print each result, or its error, as it comes."""
    complaints, json = verb.complaints, None
    progress = Progress(len(items) if isinstance(items, list) else None, verb.noun)
    complaints.clear = progress.clear
    if verb.options.json:
        json = JsonArray() if TASKS[verb.task].inputs.startswith("images") else JsonLines()
    verb.begin(predictor, items)
    lines = _Lines()
    for number, (item, result) in enumerate(_results(verb, predictor, items), start=1):
        failed = isinstance(result, Exception)
        if failed:
            complaints.fail(f"{item.place}: {result}" if item.place else result)
        elif item.place:
            lines.count(result)
        elif result.note:
            complaints.say(verb.note.format(note=result.note, question=item.question))
        if json is not None:
            json.row({**item.fields, **({"error": str(result)} if failed else result.summary())})
        elif not failed:
            verb.write(item, result)
        sys.stdout.flush()  # a pipe's reader may wait for it
        if not failed:
            verb.draw(number, item, result)
        progress.step()
    progress.clear()
    if json is not None:
        json.end()
    lines.sum_up(complaints)


def _results(verb: Verb, predictor: Any, items: Iterable[Item]) -> Iterator[tuple[Item, Any]]:
    """Yield each input with its result or its error."""
    waiting: deque[Item] = deque()

    def inputs() -> Iterator[Any]:
        for item in items:
            waiting.append(item)
            yield item.given

    names = {each.name for each in fields(predictor.Options)}
    given = {name: value for name, value in vars(verb.options).items() if name in names}
    for result in predictor.stream(inputs(), **(given | verb.chosen())):
        item = waiting.popleft()
        yield item, item.problem or result


class _Lines:
    """Count the notes on the lines of a file, for one sentence about all of them."""

    def __init__(self) -> None:
        self.lines = self.unknown = self.cut = 0

    def count(self, result: Any) -> None:
        values = result.summary()
        self.lines += 1
        self.unknown += bool(values.get("unknown_words"))
        self.cut += bool(values.get("cut"))

    def sum_up(self, complaints: Complaints) -> None:
        for count, problem in (
            (self.unknown, "have words that the model never saw"),
            (self.cut, "are longer than the model reads, and were read in part"),
        ):
            if count:
                complaints.say(f"{count:,} of {self.lines:,} texts {problem}; --json says which.")
