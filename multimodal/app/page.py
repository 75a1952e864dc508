"""The page: four tabs, each with an input, an example at a click, a sentence and a drawing."""

from collections.abc import Callable, Mapping
from typing import Any

from multimodal.app.replies import LONGEST_QUESTION, LONGEST_TEXT, Replies, Reply
from multimodal.attribution.methods import METHODS

CSS = """
.given img { width: 100%; height: 100%; object-fit: contain; }
footer { display: none !important; }
"""

_HEIGHT = 320
_SWEEP, _KEEP = 3600, 86_400  # seconds: files older than a day are deleted, at the end all
_KNOWN = {
    "captioning-scenes": "scenes of coloured shapes",
    "vqa-scenes": "scenes of coloured shapes, and questions about them",
    "sentiment-reviews": "the built-in reviews",
    "classification-digits": "the ten handwritten digits",
}


def build(replies: Replies) -> Any:
    """Lay the page out as gradio's blocks, which `multimodal.app.server` serves.

    Raises:
        ImportError: If gradio is not installed, with the command that installs it.
    """
    gradio = _gradio()
    with gradio.Blocks(
        title="multimodal", analytics_enabled=False, delete_cache=(_SWEEP, _KEEP)
    ) as page:
        gradio.Markdown("# multimodal\nA CNN looks, an LSTM reads and writes.")
        with gradio.Tab("Caption", id="caption"):
            _model(gradio, replies, "captioning")
            picture, example, go = _picture_row(gradio, "Draw a scene", "Caption it")
            outputs = _outputs(gradio, "The caption", "Where the model looked for each word")
            example.click(lambda: replies.scene("captioning"), None, picture, **_CALL)
            go.click(_shown(replies.caption), picture, outputs, **_UNOPENED)
            _clear(picture, outputs)
        with gradio.Tab("Ask", id="ask"):
            _model(gradio, replies, "vqa")
            picture, example, _ = _picture_row(gradio, "Draw a scene and ask", "")
            question = gradio.Textbox(
                label="Your question", max_length=LONGEST_QUESTION, elem_id="question"
            )
            go = gradio.Button("Ask", variant="primary")
            outputs = _outputs(
                gradio, "The answer", "Where the model looked, and what else it thinks"
            )
            example.click(replies.scene_and_question, None, [picture, question], **_CALL)
            answer = _shown(replies.answer)
            gradio.on(
                [go.click, question.submit], answer, [picture, question], outputs, **_UNOPENED
            )
            _clear(picture, outputs)
        with gradio.Tab("Sentiment", id="sentiment"):
            _model(gradio, replies, "sentiment")
            text = gradio.Textbox(
                label="Your text", lines=4, max_length=LONGEST_TEXT, elem_id="text"
            )
            with gradio.Row():
                example = gradio.Button("Write a review")
                go = gradio.Button("Classify it", variant="primary")
            outputs = _outputs(gradio, "The sentiment", "The contribution of each word")
            example.click(replies.review, None, text, **_CALL)
            go.click(_shown(replies.sentiment), text, outputs, **_UNOPENED)
        with gradio.Tab("Classify", id="classify"):
            _model(gradio, replies, "classification")
            picture, example, _ = _picture_row(gradio, "Take an example", "")
            ways = [(row.title, row.name) for row in METHODS.values()]
            method = gradio.Radio(ways, value="occlusion", label="Explained by")
            go = gradio.Button("Classify it", variant="primary")
            outputs = _outputs(gradio, "What it shows", "What supports it")
            example.click(replies.example_to_classify, None, picture, **_CALL)
            go.click(_shown(replies.classify), [picture, method], outputs, **_UNOPENED)
            _clear(picture, outputs)
    return page.queue(max_size=32, default_concurrency_limit=1)


_CALL: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": 1}
# Otherwise gradio opens a picture first, and an unreadable one gets no sentence.
_UNOPENED: dict[str, Any] = {**_CALL, "preprocess": False}


def _gradio() -> Any:
    try:
        import gradio
    except ImportError as error:
        raise ImportError(
            "The page needs gradio, which is not installed. Run `pip install -e '.[app]'`."
        ) from error
    return gradio


def _shown(reply: Callable[..., Reply]) -> Callable[..., list[Any]]:
    """Adapt a function of paths and texts to gradio's inputs and outputs."""

    def show(*given: Any) -> list[Any]:
        plain = (each.get("path") if isinstance(each, Mapping) else each for each in given)
        return _filled(reply(*plain))

    return show


def _filled(reply: Reply) -> list[Any]:
    """Return the values of `_outputs`, whose column is hidden without a drawing."""
    import gradio

    return [reply.text, gradio.update(visible=reply.picture is not None), reply.picture]


def _clear(picture: Any, outputs: list[Any]) -> None:
    """Clear the outputs when the picture changes."""
    picture.change(lambda: _filled(Reply("", None)), None, outputs, **_CALL)


def _model(gradio: Any, replies: Replies, task: str) -> None:
    """Show above a tab that it has no model, or the data that a shipped model was trained on."""
    if sentence := replies.models.problems.get(task):
        gradio.Textbox(value=sentence, label="This tab has no model", interactive=False)
    elif (name := replies.models.sources.get(task, "")) in _KNOWN:
        gradio.Markdown(f"The model `{name}` knows {_KNOWN[name]}, and nothing else.")


def _picture_row(gradio: Any, example: str, go: str) -> tuple[Any, Any, Any]:
    """Add an input for a picture, and buttons below it."""
    picture = gradio.Image(
        type="filepath",
        image_mode=None,
        format="png",
        sources=["upload", "clipboard"],
        label="Your picture",
        height=_HEIGHT,
        buttons=["fullscreen"],
        elem_classes=["given"],
    )
    with gradio.Row():
        first = gradio.Button(example)
        second = gradio.Button(go, variant="primary") if go else None
    return picture, first, second


def _outputs(gradio: Any, label: str, title: str) -> list[Any]:
    """Add a sentence and a column for a drawing, which has no button to share it."""
    sentence = gradio.Textbox(label=label, interactive=False, elem_classes=["sentence"])
    with gradio.Column(visible=False) as column:
        gradio.Markdown(title)
        picture = gradio.Image(
            show_label=False,
            interactive=False,
            format="png",
            buttons=["download", "fullscreen"],
            elem_classes=["drawn"],
        )
    return [sentence, column, picture]
