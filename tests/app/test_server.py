import re
import socket
from pathlib import Path

import pytest

from multimodal.app.server import HOST, free_port, make_app

gradio = pytest.importorskip("gradio")


@pytest.fixture(scope="module")
def client(replies):
    from starlette.testclient import TestClient

    with TestClient(make_app(replies), base_url=f"http://{HOST}:7860") as client:
        yield client


def test_the_page_loads_nothing_from_elsewhere(client):
    response = client.get("/")
    assert response.status_code == 200
    loaded = re.findall(
        r'<(?:script|link|img|iframe)[^>]*?(?:src|href)="(\w+:)?//([^"/]+)', response.text
    )
    assert [host for _, host in loaded if not host.startswith((HOST, "localhost"))] == []
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "http:" not in policy
    assert "https:" not in policy
    assert "fonts.googleapis" not in response.text
    assert '"analytics_enabled":false' in response.text.replace(" ", "")


def test_other_names_of_this_machine_are_refused(client):
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400


def test_its_functions_are_no_public_interface(client):
    assert client.get("/docs").status_code != 200 or "swagger" not in client.get("/docs").text
    assert client.get("/gradio_api/info").json()["named_endpoints"] == {}


def test_what_was_put_in_is_deleted_at_the_end(replies, tmp_path, monkeypatch):
    from starlette.testclient import TestClient

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with TestClient(make_app(replies), base_url=f"http://{HOST}:7860") as client:
        given = {"files": ("a.png", b"some bytes")}
        (path,) = client.post("/gradio_api/upload", files=given).json()
        assert Path(path).is_relative_to(tmp_path)
        assert Path(path).read_bytes() == b"some bytes"
    assert not Path(path).exists()


def test_a_port_that_is_taken_is_passed_over():
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = free_port(port)
        assert found != port


def test_a_page_is_served_on_the_loopback_address_alone(replies, monkeypatch):
    import uvicorn

    from multimodal.app import server

    asked = {}
    monkeypatch.setattr(server, "make_app", lambda given: given)
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: asked.update(options))
    server.serve(replies, 7860)
    assert (asked["host"], asked["port"]) == ("127.0.0.1", 7860)
