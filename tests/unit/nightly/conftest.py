"""A site of one machine with nothing to do, and servers that take digests."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from sip_luigi.selftest.scheduler import free_port
from sip_luigi.settings import load_settings

CLUSTERDESC = """\
ClusterName = test
Head.Nodes = [ h ]
Storage.Nodes = [ s1 ]
Storage.LocalDisks = [ {0}/storage ]
Compute.Nodes = [ c1 ]
Compute.LocalDisks = [ {0}/scratch ]
"""


@pytest.fixture
def site(tmp_path, configured):
    """Write a `luigi.cfg` with these sections and load it; storage and scratch are on this machine."""
    for name in ("storage", "scratch"):
        (tmp_path / name).mkdir()
    description = tmp_path / "test.clusterdesc"
    description.write_text(CLUSTERDESC.format(tmp_path))

    def load(**sections):
        sections.setdefault("cluster", {})["clusterdesc"] = description
        sections["nightly"] = {"full_fraction": 1, "min_free_mb": 0, **sections.get("nightly", {})}
        lines = ["[DEFAULT]", f"runtime_directory = {tmp_path}/runtime"]
        for section, values in sections.items():
            lines += [f"[{section}]", *(f"{key} = {value}" for key, value in values.items())]
        path = tmp_path / "luigi.cfg"
        path.write_text("\n".join(lines) + "\n")
        configured(path)
        return load_settings()

    return load


class Keeper(Message):
    """Keeps what arrives."""

    def __init__(self):
        super().__init__()
        self.messages = []

    def handle_message(self, message):
        self.messages.append(message)


@pytest.fixture
def mailbox():
    """A real SMTP server; its settings and the messages that arrived."""
    keeper = Keeper()
    controller = Controller(keeper, hostname="127.0.0.1", port=(port := free_port()))
    controller.start()
    yield {"host": "127.0.0.1", "port": port, "recipients": "a@example.org b@example.org"}, keeper.messages
    controller.stop()


@pytest.fixture
def hook(tmp_path):
    """A real HTTP server; the file with its URL, what was posted, and the status that it answers."""
    posted, status = [], [204]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status[0])
            self.end_headers()

        def log_message(self, *arguments):
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = tmp_path / "url"
    path.write_text(f"http://127.0.0.1:{server.server_port}/secret-token\n")
    yield path, posted, status
    server.shutdown()
    server.server_close()
