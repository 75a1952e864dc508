"""Find the command, run it, and turn errors into a sentence and an exit code.

Nothing heavy is imported before a verb needs it: ``multimodal --help`` answers at once.
"""

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from multimodal.tasks import TASKS

_VERBS = {
    "fit": ("multimodal.cli.lightning", "train: multimodal fit --config captioning_scenes"),
    "validate": ("multimodal.cli.lightning", "measure a checkpoint on the validation data"),
    "test": ("multimodal.cli.lightning", "measure a checkpoint on the test data, with a report"),
    "predict": (
        "multimodal.cli.lightning",
        "write a results file of the predictions for the test data",
    ),
    **{
        row.verb: (
            "multimodal.cli.inference",
            row.usage.replace("multimodal ", "").format(path="MODEL"),
        )
        for row in TASKS.values()
    },
    "explain": (
        "multimodal.cli.explain",
        "draw why a model predicts so: explain MODEL INPUT --output P",
    ),
    "data": ("multimodal.cli.data", "look at data: data check, data preview --config C"),
    "cross_validate": (
        "multimodal.cli.experiments",
        "train and test once for each fold of the data",
    ),
    "find_rate": ("multimodal.cli.experiments", "try learning rates, and draw the loss over them"),
    "transfer": ("multimodal.cli.experiments", "train by every strategy of transfer learning"),
    "export": ("multimodal.cli.export", "write a model's folder: export CHECKPOINT FOLDER"),
    "score": ("multimodal.cli.score", "score a results file: score captions RESULTS REFERENCES"),
    "app": ("multimodal.cli.app", "show a page in the browser that does all of this by a click"),
    "doctor": ("multimodal.cli.doctor", "report what is installed, what computes, what is missing"),
    "configs": ("multimodal.cli.configs", "list the shipped configurations"),
}

_SHARED = frozenset(  # commands that share a module, which is given the command too
    verb
    for verb, (module, _) in _VERBS.items()
    if module.rpartition(".")[2] in ("lightning", "inference", "experiments")
)

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_INTERRUPT = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, with the process's own arguments by default.

    Returns:
        The exit code: 0 done, 1 the work failed, 2 the call was wrong, 130 interrupted by Ctrl-C,
        143 by SIGTERM.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write(_help())
        return 0 if arguments else EXIT_USAGE
    if arguments[0] == "--version":
        from multimodal import __version__

        sys.stdout.write(f"multimodal {__version__}\n")
        return 0
    verb, *rest = arguments
    if verb not in _VERBS:
        return _fail(_unknown_verb(verb), EXIT_USAGE)
    return _guarded(_find(verb), rest)


def _guarded(run: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Run a command; mistakes of the user become a sentence, other errors keep their traceback."""
    if os.environ.get("MULTIMODAL_DEBUG"):
        return run(arguments)
    try:
        return run(arguments)
    except KeyboardInterrupt:
        return _fail("Interrupted.", EXIT_INTERRUPT)
    except (ValueError, TypeError, OSError, ImportError) as error:
        return _fail(_sentence(error), EXIT_ERROR)


def _sentence(error: Exception) -> str:
    """Return the message of an error, without the traceback that torch puts before a worker's."""
    text = str(error)
    if "Original Traceback" not in text:
        return text
    return text.strip().splitlines()[-1].split(": ", 1)[-1]


def _find(verb: str) -> Callable[[list[str]], int]:
    module = import_module(_VERBS[verb][0])
    if verb in _SHARED:
        return lambda arguments: int(module.run([verb, *arguments]))
    run: Callable[[list[str]], int] = module.run
    return run


def _unknown_verb(verb: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(verb, _VERBS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"Unknown command {verb!r}.{hint} Commands: {', '.join(_VERBS)}."


def _help() -> str:
    lines = [
        "usage: multimodal COMMAND [options]     (multimodal COMMAND --help says more)",
        "",
        "A CNN looks, an LSTM reads and writes.",
        "",
    ]
    lines += [f"  {verb:<16}{text}" for verb, (_, text) in _VERBS.items()]
    lines += [
        "",
        "examples:",
        "  multimodal fit --config captioning_scenes",
        "  multimodal test --config captioning_scenes --ckpt_path runs/.../best.ckpt",
        "  multimodal caption runs/.../best.ckpt photo.jpg folder/",
        '  multimodal ask runs/.../best.ckpt photo.jpg "what colour is the car?"',
        '  multimodal sentiment runs/.../best.ckpt "A good film." --explain',
        "",
        "A mistake gets one sentence; MULTIMODAL_DEBUG=1 shows the traceback, too.",
        "",
    ]
    return "\n".join(lines)


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"multimodal: {message.strip()}\n")
    return code
