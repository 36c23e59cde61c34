"""The page in Firefox and in WebKitGTK, each led by its own protocol, where they are installed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from sweeps import solution

from bptt_trace import load, solve
from bptt_trace.exports.page.page import page

pytestmark = pytest.mark.exhaustive

WAIT = 60
"""Seconds for a browser to come up."""


class Firefox:
    """Firefox, led by Marionette: messages of JSON, each behind its length."""

    name = "Firefox"

    def __init__(self, folder: Path) -> None:
        program = shutil.which("firefox-esr") or shutil.which("firefox")
        assert program
        port = free_port()
        (folder / "user.js").write_text(f'user_pref("marionette.port", {port});\n', "utf-8")
        words = [program, "--headless", "--marionette", "--no-remote", "--profile", str(folder)]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.socket = patiently(lambda: socket.create_connection(("127.0.0.1", port), WAIT))
        self.count = 0
        self.message()
        self.command("WebDriver:NewSession", {})

    def message(self) -> Any:
        size = b""
        while not size.endswith(b":"):
            size += self.socket.recv(1)
        text = b""
        while len(text) < int(size[:-1]):
            text += self.socket.recv(int(size[:-1]) - len(text))
        return json.loads(text)

    def command(self, name: str, about: dict[str, Any]) -> Any:
        self.count += 1
        text = json.dumps([0, self.count, name, about]).encode()
        self.socket.sendall(str(len(text)).encode() + b":" + text)
        _, _, error, result = self.message()
        assert error is None, error
        return result

    def open(self, file: Path) -> None:
        self.command("WebDriver:Navigate", {"url": f"file://{file}"})

    def run(self, script: str) -> Any:
        return self.command("WebDriver:ExecuteScript", {"script": script, "args": []})["value"]

    def close(self) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(WAIT)


class WebKit:
    """The small browser of WebKitGTK, led by WebDriver."""

    name = "WebKit"

    def __init__(self, folder: Path) -> None:
        del folder
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        unboxed = {**os.environ, "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}  # within a container there is no sandbox
        words = ["WebKitWebDriver", f"--port={port}"]
        self.process = subprocess.Popen(words, env=unboxed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        options = {"binary": glob(MINI_BROWSER)[0], "args": ["--automation"]}
        wanted = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
        self.session = patiently(lambda: self.command("POST", "/session", wanted))["sessionId"]

    def command(self, method: str, path: str, about: Any = None) -> Any:
        data = None if about is None else json.dumps(about).encode()
        asked = Request(self.address + path, data, {"Content-Type": "application/json"}, method=method)
        with urlopen(asked, timeout=WAIT) as answer:
            return json.load(answer)["value"]

    def open(self, file: Path) -> None:
        self.command("POST", f"/session/{self.session}/url", {"url": f"file://{file}"})

    def run(self, script: str) -> Any:
        return self.command("POST", f"/session/{self.session}/execute/sync", {"script": script, "args": []})

    def close(self) -> None:
        self.command("DELETE", f"/session/{self.session}")
        self.process.terminate()
        self.process.wait(WAIT)


MINI_BROWSER = "/usr/lib/*/webkit2gtk-4.*/MiniBrowser"


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def patiently(attempt: Any) -> Any:
    """What comes of an attempt that fails until a program is ready."""
    end = time.monotonic() + WAIT
    while True:
        try:
            return attempt()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.3)


@contextmanager
def screen(folder: Path) -> Iterator[None]:
    """A screen for a browser that wants one: that of the machine, or one in memory."""
    if os.environ.get("DISPLAY"):
        yield
        return
    number = folder / "number"
    with number.open("w") as told:
        words = ["Xvfb", "-displayfd", "1", "-screen", "0", "1440x900x24"]
        memory = subprocess.Popen(words, stdout=told, stderr=subprocess.DEVNULL)
    try:
        patiently(lambda: int(number.read_text().strip() or _not_yet()))
        os.environ["DISPLAY"] = f":{number.read_text().strip()}"
        yield
    finally:
        os.environ.pop("DISPLAY", None)
        memory.terminate()
        memory.wait(WAIT)


def _not_yet() -> int:
    raise OSError("not yet")


@pytest.fixture(scope="module", params=["firefox", "webkit"])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox | WebKit]:
    """A browser other than Chromium; the test is skipped where it is not installed."""
    folder = tmp_path_factory.mktemp("browser")
    if request.param == "firefox":
        if not (shutil.which("firefox-esr") or shutil.which("firefox")):
            pytest.skip("Firefox is not installed (Debian: firefox-esr)")
        led = Firefox(folder)
        yield led
        led.close()
        return
    if not (shutil.which("WebKitWebDriver") and glob(MINI_BROWSER) and (shutil.which("Xvfb") or os.environ.get("DISPLAY"))):
        pytest.skip("WebKitGTK is not installed (Debian: webkit2gtk-driver, xvfb)")
    with screen(folder):
        small = WebKit(folder)
        yield small
        small.close()


READY = "return document.querySelector('#walk') !== null"
ROWS = """return [...document.querySelectorAll("table.lines tr[data-s]")].filter(row => row.querySelector("td.result"))
  .map(row => [row.id, row.querySelector("td.result").textContent.replace(/[\\s=]/g, "")])"""
CHANGE = """const field = document.querySelector('input[data-g][aria-label^="w_hh,"]');
  field.value = "0.9"; field.dispatchEvent(new Event("input", { bubbles: true }));"""
STEPS = """document.querySelector("#walk").click(); document.querySelector("#next").click();
  return document.querySelectorAll("#line > span").length"""


def test_every_line_follows_a_change_there_too(other: Firefox | WebKit, tmp_path: Path) -> None:
    """From disk the page shows the sheet; a new weight changes every line as Python does; it goes step by step."""
    file = tmp_path / "rnn.html"
    file.write_text(page(load("rnn")), "utf-8")
    other.open(file)
    patiently(lambda: other.run(READY) or _not_yet())
    assert other.run(ROWS) == results(solution("rnn"))
    other.run(CHANGE)
    assert other.run(ROWS) == results(solve(load("rnn", ["w_hh=0.9"])))
    assert other.run("return document.documentElement.scrollWidth <= innerWidth")
    assert other.run(STEPS) == 3


def results(solved: Any) -> list[list[str]]:
    """The lines of a sheet with their results, as a page spells them."""
    rows = [row for row in solved.sheet.rows() if row.number]
    return [[f"line-{row.number}", row.result.text.replace("-", "−")] for row in rows]
