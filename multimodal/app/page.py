"""The page: four tabs, each with an input, an example at a click, a sentence and a drawing."""

from typing import Any

from multimodal.app.replies import LONGEST_QUESTION, LONGEST_TEXT, Replies
from multimodal.predictors.attribution import METHODS

CSS = """
.given img { width: 100%; height: 100%; object-fit: contain; }
footer { display: none !important; }
"""

_HEIGHT = 320


def build(replies: Replies) -> Any:
    """Lay the page out.

    Args:
        replies: The functions behind the tabs.

    Returns:
        gradio's blocks; `multimodal.app.server` shows them.

    Raises:
        ImportError: If gradio is not installed; the message says how to get it.
    """
    gradio = _gradio()
    with gradio.Blocks(title="multimodal", analytics_enabled=False) as page:
        gradio.Markdown("# multimodal\nA CNN looks, an LSTM reads and writes.")
        with gradio.Tab("Caption", id="caption"):
            _problem(gradio, replies, "captioning")
            picture, example, go = _picture_row(gradio, "Draw a scene", "Caption it")
            outputs = _outputs(gradio, "The caption", "Where the model looked for each word")
            example.click(lambda: replies.scene("captioning"), None, picture, **_CALL)
            go.click(replies.caption, picture, outputs, **_CALL)
        with gradio.Tab("Ask", id="ask"):
            _problem(gradio, replies, "vqa")
            picture, example, _ = _picture_row(gradio, "Draw a scene and ask", "")
            question = gradio.Textbox(
                label="Your question", max_length=LONGEST_QUESTION, elem_id="question"
            )
            go = gradio.Button("Ask", variant="primary")
            outputs = _outputs(
                gradio, "The answer", "Where the model looked, and what else it thinks"
            )
            example.click(replies.scene_and_question, None, [picture, question], **_CALL)
            gradio.on(
                [go.click, question.submit], replies.answer, [picture, question], outputs, **_CALL
            )
        with gradio.Tab("Sentiment", id="sentiment"):
            _problem(gradio, replies, "sentiment")
            text = gradio.Textbox(
                label="Your text", lines=4, max_length=LONGEST_TEXT, elem_id="text"
            )
            with gradio.Row():
                example = gradio.Button("Write a review")
                go = gradio.Button("Judge it", variant="primary")
            outputs = _outputs(gradio, "The verdict", "What each word contributed")
            example.click(replies.review, None, text, **_CALL)
            go.click(replies.judge, text, outputs, **_CALL)
        with gradio.Tab("Classify", id="classify"):
            _problem(gradio, replies, "classification")
            picture, example, _ = _picture_row(gradio, "Take an example", "")
            method = gradio.Radio(list(METHODS), value="occlusion", label="Explained by")
            go = gradio.Button("Classify it", variant="primary")
            outputs = _outputs(gradio, "What it shows", "What spoke for it")
            example.click(replies.example_to_classify, None, picture, **_CALL)
            go.click(replies.classify, [picture, method], outputs, **_CALL)
    return page.queue(max_size=32, default_concurrency_limit=1)


_CALL: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": 1}


def _gradio() -> Any:
    try:
        import gradio
    except ImportError as error:
        raise ImportError(
            "The page needs gradio, which is not installed. Run `pip install -e '.[app]'`."
        ) from error
    return gradio


def _problem(gradio: Any, replies: Replies, task: str) -> None:
    """Say above a tab that it has no model."""
    if sentence := replies.models.problems.get(task):
        gradio.Textbox(value=sentence, label="This tab has no model", interactive=False)


def _picture_row(gradio: Any, example: str, go: str) -> tuple[Any, Any, Any]:
    """An input for a picture, and buttons below it."""
    # As a file: gradio would decode a picture of any size before we could look at it.
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


def _outputs(gradio: Any, said: str, drawn: str) -> list[Any]:
    """A sentence and a drawing, which has no button that shares it with others."""
    sentence = gradio.Textbox(label=said, interactive=False, elem_classes=["said"])
    gradio.Markdown(drawn)
    picture = gradio.Image(
        show_label=False,
        interactive=False,
        format="png",
        buttons=["download", "fullscreen"],
        elem_classes=["drawn"],
    )
    return [sentence, picture]
