"""Read questions of one's own: a CSV, TSV or JSONL file beside the pictures.

The file has columns for the picture's name, the question and the answer, one row per question.
Several answers, of several people, are separated by ``|``, or a list in JSONL. Columns for an id
and a type may be there. Splits are as in `multimodal.data.readers.table_files`; all
questions about a picture stay in one.
"""

from pathlib import Path

from multimodal.data.examples import Question, QuestionExample
from multimodal.data.readers.pictures import Pictures, places_of
from multimodal.data.readers.questions import answer_type, question_start
from multimodal.data.readers.sentences import clean_sentence
from multimodal.data.readers.splits import canonical_split
from multimodal.data.readers.table_files import TableRow, find_table, read_rows, texts_in
from multimodal.data.readers.text_files import field, identifier

_CONTENT = (
    "Put questions.csv there (columns image, question and answer; .tsv or .jsonl will do too) and "
    "the images beside it or in images/; data/README.md shows an example."
)


def read_question_table(
    root: Path,
    split: str,
    *,
    file: str = "",
    images: str = "",
    image_column: str = "image",
    question_column: str = "question",
    answer_column: str = "answer",
    split_column: str = "split",
    id_column: str = "id",
    type_column: str = "type",
    skip_missing: bool = False,
) -> list[QuestionExample]:
    """Read one split of a CSV, TSV or JSONL file of questions.

    Args:
        root: The folder of the file and the pictures (beside it, in `images/`, or in zip
            archives); or the file itself.
        split: train, val (also called dev) or test.
        file: The file, relative to the root; empty takes `questions.csv` (or .tsv, .jsonl), or the
            one named like the split.
        images: Another folder or archive of the pictures, relative to the root.
        image_column: The column, or JSONL key, with the picture's name.
        question_column: The column with the question.
        answer_column: The column with the answer or answers; only test rows may lack it.
        split_column: The column with train, val or test; it may be missing.
        id_column: The column with the question's id; where it is missing, rows are numbered from 1.
        type_column: The column by which reports group; where it is missing, the question's first
            two words.
        skip_missing: Whether pictures that are not there are left out, with one line in the log,
            instead of stopping.

    Returns:
        Examples in the order in which the file first names their pictures; a picture's id is its
        name.

    Raises:
        FileNotFoundError: The folder, the file or pictures are not there.
        ValueError: A column or a line is wrong, or an id stands twice; the message names file and
            line.

    Example:
        >>> examples = read_question_table(Path("data/samples/questions_csv"), "train")
        >>> examples[0].image_id, examples[0].questions[0].text, examples[0].questions[0].answers
        ('scene_0.png', 'How many objects are there?', ('4', 'four'))
    """
    split = canonical_split(split)
    table = find_table(root, split, "questions", file=file, content=_CONTENT)
    by_image: dict[str, list[Question]] = {}
    first: dict[int | str, str] = {}
    rows = read_rows(table, [question_column], image_column=image_column, split_column=split_column)
    for number, row in enumerate(rows, 1):
        text = field(row.values, question_column, str, row.where)
        text = clean_sentence(text, row.where, "question")
        unanswered = row.split == "test" and answer_column not in row.values
        answers = () if unanswered else _answers(row, answer_column)
        own = _id(row, id_column) if id_column in row.values else number
        if (place := first.setdefault(own, row.where)) != row.where:
            raise ValueError(
                f"{row.where}: the question id {own!r} already stands at {place}; ids must differ."
            )
        if row.split == split:
            kind = _type(row, type_column) or question_start(text)
            question = Question(text, answers, own, kind, answer_type(answers))
            by_image.setdefault(row.image, []).append(question)
    if not by_image:
        raise ValueError(
            f"{table.path} has no question in the split {split} (of {len(first):,} questions); say "
            f"which are, in a column '{split_column}'."
        )
    pictures = Pictures(places_of(table.root, ("images", "Images"), images)).locate(
        by_image, table.path, skip_missing=skip_missing
    )
    return [
        QuestionExample(picture, tuple(by_image[name]), name) for name, picture in pictures.items()
    ]


def _answers(row: TableRow, column: str) -> tuple[str, ...]:
    texts = texts_in(row, column, numbers=True)
    if isinstance(row.values[column], str):  # a list's texts are left whole
        texts = texts[0].split("|")
    if not texts:
        raise ValueError(f"{row.where}: the question has no answers; add some or remove the line.")
    return tuple(clean_sentence(text, row.where, "answer") for text in texts)


def _id(row: TableRow, column: str) -> int | str:
    value = identifier(row.values, column, row.where)
    value = value.strip() if isinstance(value, str) else value
    if value == "":
        raise ValueError(f"{row.where}: the id is empty; write one or leave out the column.")
    return value


def _type(row: TableRow, column: str) -> str:
    return field(row.values, column, str, row.where).strip() if column in row.values else ""
