"""multimodal app: serve the page for the browser, on this machine only."""

import sys
from importlib.util import find_spec

from multimodal.cli.arguments import Arguments, whole_number

_TABS = {
    "captioning": ("captioning-scenes", "writes captions"),
    "vqa": ("vqa-scenes", "answers questions"),
    "sentiment": ("sentiment-reviews", "classifies texts"),
    "classification": ("classification-digits", "classifies pictures"),
}
_PORT = 7860

_EXAMPLES = """\
  multimodal app
  multimodal app --captioning runs/captioning_flickr8k/version_0/checkpoints/best.ckpt
  multimodal app --classification flowers/ --port 8000
"""


def run(arguments: list[str]) -> int:
    """Open the models and serve the page until Ctrl-C.

    Raises:
        ImportError: If gradio is not installed; the message has the command that installs it.
        OSError: If no port is free.
    """
    options = _parser().parse_args(arguments)
    if find_spec("gradio") is None:
        raise ImportError(
            "The page needs gradio, which is not installed. Run `pip install -e '.[app]'`."
        )
    # Not before the arguments are read: torch and gradio take seconds to import.
    from multimodal.app.models import Models
    from multimodal.app.replies import Replies
    from multimodal.app.server import HOST, free_port, serve
    from multimodal.hardware import tune_cpu

    tune_cpu()
    models = Models({task: getattr(options, task) for task in _TABS}, options.device)
    for sentence in models.problems.values():
        sys.stderr.write(f"multimodal: {sentence}\n")
    port = free_port(options.port)
    sys.stdout.write(f"The page is at http://{HOST}:{port} (Ctrl-C ends it).\n")
    sys.stdout.flush()
    serve(Replies(models), port)
    return 0


def _parser() -> Arguments:
    parser = Arguments(
        "app",
        about="Show a page in the browser: caption, ask and classify by a click. It can be reached "
        "from this machine alone, and fetches nothing from elsewhere.",
        examples=_EXAMPLES,
    )
    for task, (shipped, does) in _TABS.items():
        parser.add_argument(
            f"--{task}",
            default=shipped,
            metavar="MODEL",
            help=f"the model that {does}: a name, a folder or a checkpoint (default: {shipped})",
        )
    parser.add_argument(
        "--port",
        type=whole_number(0),
        default=_PORT,
        metavar="N",
        help=f"where it listens; if that is taken, the next free one (default: {_PORT})",
    )
    parser.add_argument(
        "--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps (default: auto)"
    )
    return parser
