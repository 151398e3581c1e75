"""A headless Chromium that tests tell what to do, over its own DevTools protocol."""

import asyncio
import base64
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from contextlib import contextmanager

import pytest
from tornado.websocket import websocket_connect

START_S = 60


class Page:
    """The page that the browser shows.

    ``requests`` are the addresses that it asked for, ``complaints`` what its console said, once :meth:`listen` was
    called.
    """

    def __init__(self, loop, socket):
        self.loop, self.socket, self.numbers = loop, socket, itertools.count(1)
        self.requests, self.complaints = [], []

    def call(self, method, **params):
        """Send a command and return its result."""
        return self.loop.run_until_complete(asyncio.wait_for(self._call(method, params), 60))

    async def _call(self, method, params):
        number = next(self.numbers)
        await self.socket.write_message(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(await self.socket.read_message())
            self._hear(answer)
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def _hear(self, event):
        method, params = event.get("method"), event.get("params")
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"]["text"])
        elif method == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(params["args"]))

    def listen(self):
        """Keep what the page asks for and complains of."""
        for domain in ("Network", "Runtime", "Log", "Page"):
            self.call(f"{domain}.enable")

    def resize(self, width, height):
        """Give the page another size, a phone's for one."""
        sizes = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("Emulation.setDeviceMetricsOverride", **sizes)

    def go(self, url):
        """Open a page."""
        self.call("Page.navigate", url=url)

    def evaluate(self, script):
        """Value of an expression of JavaScript."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return result["result"].get("value")

    def until(self, script, seconds=30):
        """Wait for an expression to become true, and return its value."""
        deadline = time.monotonic() + seconds
        while not (value := self.evaluate(script)):
            assert time.monotonic() < deadline, (script, self.evaluate("document.body.innerText"))
            time.sleep(0.2)
        return value

    def picture(self, path):
        """Keep what is to be seen."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


@contextmanager
def browser(folder):
    """Run Chromium for the length of a ``with`` block."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium; install it: deploy/install-system-packages test")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000", "--no-first-run")
    argv = (program, *options, "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank")
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    loop = asyncio.new_event_loop()
    try:
        socket = loop.run_until_complete(_connect(folder / "DevToolsActivePort"))
        yield Page(loop, socket)
        loop.run_until_complete(_close(socket))
    finally:
        process.terminate()
        process.wait()
        loop.close()


async def _close(socket):
    # Inside the loop: outside of one tornado makes another, current and never closed.
    socket.close()
    await asyncio.sleep(0.1)


async def _connect(port_file):
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            port = int(port_file.read_text().split()[0])
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
                pages = [entry for entry in json.load(answer) if entry["type"] == "page"]
            return await websocket_connect(
                pages[0]["webSocketDebuggerUrl"], max_message_size=100_000_000, ping_interval=None
            )
        except (OSError, IndexError, ValueError):
            await asyncio.sleep(0.2)
    raise TimeoutError("Chromium does not answer")
