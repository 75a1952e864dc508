"""The page in a browser: needs gradio, selenium, and Debian's chromium and chromium-driver."""

import base64
import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from multimodal.app.models import Models
from multimodal.app.page import _KNOWN, _shown, build
from multimodal.app.replies import Replies, Reply
from multimodal.app.server import HOST, free_port, make_app
from multimodal.cli.app import _TABS


def test_without_gradio_the_page_says_how_to_get_it(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ImportError, match=r"pip install -e '\.\[app\]'"):
        build(Replies(Models({})))


def test_a_tab_without_a_model_says_so_above():
    pytest.importorskip("gradio")
    page = build(Replies(Models({"vqa": "nowhere.ckpt"})))
    shown = [part["props"].get("value") for part in page.get_config_file()["components"]]
    assert any("No model for questions about pictures" in str(value) for value in shown)


def test_the_data_of_a_shipped_model_is_named_above(replies):
    pytest.importorskip("gradio")
    assert set(_KNOWN) == {name for name, _ in _TABS.values()}
    page = build(Replies(Models({"classification": "classification-digits"}, "cpu")))
    shown = [part["props"].get("value") for part in page.get_config_file()["components"]]
    assert any("knows the ten handwritten digits" in str(value) for value in shown)
    own = [part["props"].get("value") for part in build(replies).get_config_file()["components"]]
    assert not any("knows" in str(value) for value in own)


def test_a_file_reaches_the_replies_unopened():
    pytest.importorskip("gradio")
    show = _shown(lambda picture, question: Reply(f"{question} {picture}", None))
    sentence, column, drawing = show({"path": "text.png", "url": "there"}, "what?")
    assert (sentence, column["visible"], drawing) == ("what? text.png", False, None)
    assert show(None, "what?")[0] == "what? None"


@pytest.fixture
def address(replies):
    uvicorn = pytest.importorskip("uvicorn")
    pytest.importorskip("gradio")
    port = free_port(0)
    config = uvicorn.Config(make_app(replies), host=HOST, port=port, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.1)
    yield f"http://{HOST}:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def browser():
    pytest.importorskip("selenium")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
    if not driver or not chromium:
        pytest.skip("needs Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "window-size=1200,1500"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver))
    yield browser
    browser.quit()


class Reader:
    """A user of the page."""

    def __init__(self, browser):
        from selenium.webdriver.support.ui import WebDriverWait

        self.browser = browser
        self.wait = WebDriverWait(browser, 300)

    def shown(self, selector):
        found = self.browser.find_elements("css selector", selector)
        return [each for each in found if each.is_displayed()]

    def click(self, name, kind="button:not([role=tab])"):
        named = self.wait.until(
            lambda _: [each for each in self.shown(kind) if each.text.strip() == name]
        )
        self.browser.execute_script("arguments[0].click()", named[0])

    def open(self, tab):
        self.click(tab, "[role=tab]")
        time.sleep(1)

    def await_picture(self):
        self.wait.until(lambda _: self.shown(".given img"))
        time.sleep(1)

    def upload(self, path):
        script = "return arguments[0].closest('[role=tabpanel]').offsetParent !== null"
        for each in self.browser.find_elements("css selector", ".given input[type=file]"):
            if self.browser.execute_script(script, each):
                each.send_keys(path)
        self.await_picture()

    def write(self, where, text):
        self.shown(f"{where} textarea, {where} input")[0].send_keys(text)

    def sentence(self):
        return "".join(each.get_attribute("value") for each in self.shown(".sentence textarea"))

    def answer(self, name):
        """Return the sentence of the open tab, after a screenshot if a folder for them is set."""
        sentence = self.wait.until(lambda _: self.sentence())
        self.wait.until(lambda _: self.shown(".drawn img"))
        time.sleep(1)
        if folder := os.environ.get("MULTIMODAL_SCREENSHOTS"):
            found = base64.b64decode(self.browser.get_screenshot_as_base64())
            Path(folder, f"{name}.png").write_bytes(found)
        return sentence


@pytest.mark.slow
def test_every_tab_answers_in_a_browser_and_nothing_leaves_the_machine(
    address, browser, replies, red, tmp_path
):
    browser.get(address)
    reader = Reader(browser)
    reader.open("Caption")
    (tmp_path / "text.png").write_text("This is no picture.")
    reader.upload(str(tmp_path / "text.png"))
    reader.click("Caption it")
    assert reader.wait.until(lambda _: reader.sentence()).startswith("text.png is not a picture")
    assert not reader.shown(".drawn")
    reader.click("Draw a scene")
    reader.wait.until(lambda _: not reader.sentence())
    reader.await_picture()
    reader.click("Caption it")
    assert "picture" in reader.answer("caption")

    reader.open("Ask")
    reader.upload(red)
    reader.write("#question", "What colour is the picture?")
    reader.click("Ask")
    answer = replies.models.get("vqa")(red, "What colour is the picture?")
    assert reader.answer("ask").startswith(f"{answer}, ")

    reader.open("Sentiment")
    reader.write("#text", "the film is not bad")
    reader.click("Classify it")
    assert reader.answer("sentiment").startswith("positive, ")

    reader.open("Classify")
    reader.click("Take an example")
    reader.await_picture()
    reader.click("Classify it")
    assert "%" in reader.answer("classify")

    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert urls
    assert [url for url in urls if not url.startswith((address, "data:", "blob:"))] == []
