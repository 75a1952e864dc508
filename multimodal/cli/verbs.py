"""The commands that use a trained model: one row each, with its help, inputs, table and drawing."""

import os
import re
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from multimodal.cli.arguments import Arguments, whole_number
from multimodal.cli.inputs import Item, find_pictures, is_typed, read_texts
from multimodal.cli.printing import Complaints, printable
from multimodal.cli.rows import answer_rows, caption_rows, class_rows, passage_rows, sentiment_rows
from multimodal.tasks import TaskName

_LONGEST_NAME = 50  # letters of a question in the name of its picture

Rows: TypeAlias = Callable[[Item, Any], None]


@dataclass(frozen=True)
class Verb:
    """A command that uses a trained model.

    Args:
        task: The task of its models.
        about: What it does, for the help.
        refusal: What a model of another task does not do, for the message that refuses one.
        json: What ``--json`` prints, for the help.
        examples: Lines at the end of the help.
        add_inputs: Adds its arguments and the options that only it has.
        check: Leaves with 2 if the arguments look like a mistake.
        items: Reads the inputs; a list where all are known at once. Problems go to `Complaints`.
        rows: Makes the function that writes a result into the table.
        defaults: Defaults of options that differ from those of a call.
        chosen: Options of a call that depend on the arguments.
        without: Options of a call that are no options of the command.
        draw: Makes the function that draws a result; None where nothing is to be drawn.
        noun: What the results are called while they are counted.
        note: How a result's note is written.
    """

    task: TaskName
    about: str
    refusal: str
    json: str
    examples: str
    add_inputs: Callable[[Arguments], None]
    items: Callable[[Namespace, Complaints], Iterable[Item]]
    rows: Callable[[Any, Iterable[Item], Namespace], Rows]
    check: Callable[[Arguments, Namespace], None] | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    chosen: Callable[[Namespace], dict[str, Any]] | None = None
    without: tuple[str, ...] = ()
    draw: Callable[[Any, Iterable[Item], Namespace], Rows | None] | None = None
    noun: str = "pictures"
    note: str = "{note}"


def _add_images(metavar: str) -> Callable[[Arguments], None]:
    def add(parser: Arguments) -> None:
        parser.add_argument(
            "images",
            metavar=metavar,
            type=Path,
            nargs="+",
            help="a picture, a folder (searched with all folders in it), or a zip archive",
        )

    return add


def _add_caption(parser: Arguments) -> None:
    _add_images("IMAGE")(parser)
    parser.add_argument(
        "--alternatives",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="number of the next best captions to show (default: 0)",
    )


def _check_caption(parser: Arguments, options: Namespace) -> None:
    if options.alternatives >= options.beam_size:
        parser.error(
            f"argument --alternatives: must be below --beam-size, got {options.alternatives} of "
            f"{options.beam_size}"
        )


def _pictures(options: Namespace, complaints: Complaints) -> list[Item]:
    pictures, problems = find_pictures(options.images)
    for problem in problems:
        complaints.fail(problem)
    names = [printable(str(picture)) for picture in pictures]
    pairs = zip(pictures, names, strict=True)
    return [Item(picture, name, {"image": name}) for picture, name in pairs]


def _add_ask(parser: Arguments) -> None:
    parser.add_argument(
        "image",
        metavar="IMAGE",
        type=Path,
        help="a picture; or a folder (searched with all folders in it) or a zip archive, to ask "
        "the same of every picture",
    )
    parser.add_argument(
        "questions",
        metavar="QUESTION",
        nargs="+",
        help="a question in quotes; - reads questions from standard input, one a line",
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="draw where the model looked and its answers, a PNG file for each question",
    )


def _check_ask(parser: Arguments, options: Namespace) -> None:
    questions, folder = options.questions, options.pictures
    file = next((given for given in questions if os.path.isfile(given)), None)  # noqa: PTH113 - a question may be too long for a Path
    if file is not None:
        parser.error(
            f"expected a question, got the file {printable(file)}; give one picture, or a folder "
            "of several, and then the questions"
        )
    single = len(questions) > 1 and all(len(given.split()) == 1 for given in questions)
    if single and "-" not in questions and not all(given.endswith("?") for given in questions):
        parser.error(f'a question stands in quotes: "{printable(" ".join(questions))}"')
    if folder is not None and folder.exists() and not folder.is_dir():
        parser.error(f"argument --pictures: must be a folder, got the file {folder}")


def _pairs(options: Namespace, complaints: Complaints) -> list[Item]:
    questions = list(read_texts(options.questions, noun="question"))
    if any(question.problem for question in questions):
        raise ValueError("Standard input is not text in UTF-8. Save the questions so.")
    options.images = [options.image]
    return [
        Item(
            (picture.given, question.text),
            picture.text,
            {**picture.fields, "question": question.text},
            question.text,
        )
        for picture in _pictures(options, complaints)
        for question in questions
    ]


def _draw_answer(predictor: Any, items: Iterable[Item], options: Namespace) -> Rows | None:
    if options.pictures is None:
        return None
    number, digits = 0, len(str(len(list(items))))

    def draw(item: Item, answer: Any) -> None:
        # Only now: matplotlib takes a while to import.
        import torch

        from multimodal.figures.answers import answer_figure
        from multimodal.figures.page import save_figure

        nonlocal number
        number += 1
        if isinstance(answer, Exception):
            return
        picture, question = item.given
        figure = answer_figure(
            predictor.seen(picture),
            question,
            answer.ranked,
            torch.tensor(answer.attention),
            note=answer.note,
        )
        words = re.findall(r"[^\W_]+", f"{Path(picture.name).stem} {question}".lower())
        name = f"{number:0{digits}d}-{'-'.join(words)[:_LONGEST_NAME].rstrip('-')}"
        save_figure(figure, options.pictures / f"{name}.png")

    return draw


def _add_sentiment(parser: Arguments) -> None:
    parser.add_argument(
        "texts",
        metavar="TEXT",
        nargs="*",
        help="a text in quotes; - reads texts from standard input, one a line",
    )
    parser.add_argument(
        "--file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="read texts from a file in UTF-8, one a line; may be given several times",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="show the contribution of each word: coloured in a terminal, numbers elsewhere, "
        "tokens and contributions in JSON",
    )
    parser.add_argument(
        "--picture",
        type=Path,
        metavar="PICTURE",
        help="draw the contributions to one text: .png, .pdf, .svg",
    )


def _check_sentiment(parser: Arguments, options: Namespace) -> None:
    texts, files = options.texts, options.file
    if not texts and not files:
        parser.error("TEXT is missing, or --file")
    file = next((given for given in texts if os.path.isfile(given)), None)  # noqa: PTH113 - a text may be too long for a Path
    if file is not None:
        name = printable(file)
        parser.error(f"expected a text, got the file {name}; to judge its lines, --file {name}")
    if options.picture is not None and (len(texts) != 1 or texts[0] == "-" or files):
        parser.error("argument --picture: draws one text, given in quotes")


def _texts(options: Namespace, complaints: Complaints) -> Iterator[Item]:
    del complaints
    return read_texts(options.texts, options.file)


def _draw_sentiment(predictor: Any, items: Iterable[Item], options: Namespace) -> Rows | None:
    del predictor, items
    if options.picture is None:
        return None

    def draw(item: Item, sentiment: Any) -> None:
        del item
        if not isinstance(sentiment, Exception):
            sentiment.save(options.picture)

    return draw


def _add_write(parser: Arguments) -> None:
    parser.add_argument(
        "prompt",
        metavar="PROMPT",
        nargs="+",
        help='the beginning of the text, in quotes; "" starts from nothing',
    )
    parser.add_argument(
        "--count", type=whole_number(1), default=1, metavar="N", help="how many texts (default: 1)"
    )


def _check_write(parser: Arguments, options: Namespace) -> None:
    if len(options.prompt) > 1:
        given = printable(" ".join(options.prompt))
        parser.error(f'a prompt stands in quotes: "{given}"')


def _prompts(options: Namespace, complaints: Complaints) -> Iterator[Item]:
    del complaints
    for prompt in options.prompt * options.count:
        yield Item(prompt, prompt)


VERBS: Final[dict[str, Verb]] = {
    "caption": Verb(
        task="captioning",
        about="Write captions for pictures with a trained model.",
        refusal="writes no captions",
        json="print a JSON array, an object a line: image, caption, score, alternatives (or error)",
        examples="""\
  multimodal caption captioning-scenes photo.jpg
  multimodal caption best.ckpt holiday/ more.zip --alternatives 2
  multimodal caption best.ckpt holiday/ --json > captions.json
""",
        add_inputs=_add_caption,
        check=_check_caption,
        items=_pictures,
        rows=caption_rows,
        chosen=lambda options: {"n_best": options.alternatives + 1},
        without=("n_best",),
    ),
    "ask": Verb(
        task="vqa",
        about="Answer questions about a picture with a trained model.",
        refusal="answers no questions about pictures",
        json="print a JSON array, an object a line: image, question, answer, probability, "
        "alternatives, unknown_words (or error)",
        examples="""\
  multimodal ask vqa-scenes photo.jpg "What colour is the car?" "Is it raining?"
  multimodal ask best.ckpt photo.jpg "Is there a dog?" --pictures looked/
  multimodal ask best.ckpt holiday/ "Is there a dog?" --top 1 --json > dogs.json
  multimodal ask best.ckpt photo.jpg - < questions.txt
""",
        add_inputs=_add_ask,
        check=_check_ask,
        items=_pairs,
        rows=answer_rows,
        defaults={"top": 3},
        draw=_draw_answer,
        noun="answers",
        note="{note} It answered {question!r} all the same.",
    ),
    "classify": Verb(
        task="classification",
        about="Classify pictures with a trained model.",
        refusal="classifies no pictures",
        json="print a JSON array, an object a line: image, label, probability, labels (all that "
        "it has), top; or the value of a count or a number (or error)",
        examples="""\
  multimodal classify classification-digits photo.jpg
  multimodal classify best.ckpt holiday/ more.zip --top 1
  multimodal classify best.ckpt holiday/ --json > labels.json
""",
        add_inputs=_add_images("IMAGE_OR_FOLDER"),
        items=_pictures,
        rows=class_rows,
        defaults={"top": 3},
    ),
    "sentiment": Verb(
        task="sentiment",
        about="Classify texts with a trained model: the label, its probability, and why.",
        refusal="classifies no texts",
        json="print a JSON object a line: text, label, probability, probabilities (or value), "
        "unknown_words, cut (or error); file and line of what was read from one",
        examples="""\
  multimodal sentiment sentiment-reviews "Slow in the beginning, but picks up pace later on."
  multimodal sentiment best.ckpt "A good film." --explain --picture why.png
  multimodal sentiment best.ckpt --file reviews.txt --json > results.jsonl
  zcat reviews.gz | multimodal sentiment best.ckpt -
""",
        add_inputs=_add_sentiment,
        check=_check_sentiment,
        items=_texts,
        rows=sentiment_rows,
        chosen=lambda options: {
            "explain": options.explain or options.picture is not None,
            "batch_size": options.batch_size or (1 if is_typed(options.texts) else 32),
        },
        defaults={"batch_size": None},
        draw=_draw_sentiment,
    ),
    "write": Verb(
        task="language_model",
        about="Continue a prompt with a trained language model.",
        refusal="writes no texts",
        json="print a JSON object a line: text, prompt, seed, log_prob, ended, unknown",
        examples="""\
  multimodal write best.ckpt "The film begins slowly"
  multimodal write verse.ckpt "Shall I compare thee" --temperature 0.7 --top-k 20 --count 3
  multimodal write verse.ckpt "" --seed 7
""",
        add_inputs=_add_write,
        check=_check_write,
        items=_prompts,
        rows=passage_rows,
    ),
}
