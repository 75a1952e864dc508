"""Serve the page on this machine, to this machine.

It listens on the loopback address only, answers only requests for that host (otherwise a foreign
page could reach it through its own host name), and forbids the browser to load anything from
elsewhere. gradio's analytics are off.
"""

import os
import socket
from typing import Any, Final

from multimodal.app.page import CSS, build
from multimodal.app.replies import Replies

HOST: Final = "127.0.0.1"
LARGEST_FILE: Final = 20_000_000  # bytes

_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "media-src 'self' data: blob:; worker-src 'self' blob:; connect-src 'self' data: blob:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'self'"
)


def make_app(replies: Replies) -> Any:
    """Make the web application (ASGI).

    Raises:
        ImportError: If gradio is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    page = build(replies)

    import gradio
    from fastapi import FastAPI, Request
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    async def add_policy(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    app.middleware("http")(add_policy)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    return gradio.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=HOST,
        footer_links=[],
        show_error=False,
        max_file_size=LARGEST_FILE,
        ssr_mode=False,
        pwa=False,
        css=CSS,
        theme=gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
    )


def free_port(wanted: int) -> int:
    """Return this port, or one of the next nineteen, or any that nothing listens on.

    Args:
        wanted: The first to try; 0 takes any.

    Raises:
        OSError: If no port is free at all.

    Example:
        >>> 0 < free_port(0) < 65_536
        True
    """
    for port in [*range(wanted, min(wanted + 20, 65_536)), 0] if wanted else [0]:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((HOST, port))
            except OSError:
                continue
            return int(trial.getsockname()[1])
    raise OSError(f"No port of {HOST} is free. Stop another program that serves something.")


def serve(replies: Replies, port: int) -> None:
    """Serve the page until Ctrl-C.

    Raises:
        ImportError: If gradio is not installed.
    """
    app = make_app(replies)

    import uvicorn

    uvicorn.run(app, host=HOST, port=port, log_level="warning")
