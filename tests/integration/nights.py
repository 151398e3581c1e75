"""Nights on a test cluster: observations on its storage nodes, and a mail server that takes the digests."""

import email
import email.policy
import shutil
import sys
import time

from conftest import OBS_ID
from corruption import truncated

PORT = 2525
MAIL = "/data/mail"
NIGHTLY = {"settle_s": 0, "look_pause_s": 0.5, "retry_pause_s": 0.5, "min_free_mb": 20}


class Nights:
    """Nights of an observatory, and what is told of them."""

    def __init__(self, observatory):
        self.observatory, self.cluster = observatory, observatory.cluster
        self.node = self.cluster.storage[0]
        argv = ("-n", "-l", f"0.0.0.0:{PORT}", "-c", "aiosmtpd.handlers.Mailbox", MAIL)
        self.server = self.cluster.popen(self.node, (sys.executable, "-m", "aiosmtpd", *argv))
        for section, values in {
            "nightly": NIGHTLY,
            "mail": {
                "host": self.cluster.address[self.node],
                "port": PORT,
                "recipients": "operator@example.org",
            },
        }.items():
            observatory.settings.setdefault(section, {}).update(values)
        deadline = time.monotonic() + 30
        while not self.folder.is_dir():
            assert time.monotonic() < deadline, "no mail server"
            time.sleep(0.1)

    @property
    def folder(self):
        return self.cluster.path(self.node, f"{MAIL}/new")

    def mails(self):
        """The digests that arrived since the last call, oldest first: subject and text."""
        found = []
        for path in sorted(self.folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            found.append((message["Subject"], message.get_content()))
            path.unlink()
        return found

    def put(self, simulation, obs_id, subbands=3, damaged=()):
        """Put some subbands of the simulated observation on a storage node as another one."""
        for number, path in enumerate(sorted(simulation.glob(f"{OBS_ID}_*.MS"))[:subbands]):
            name = path.name.replace(OBS_ID, obs_id)
            hidden = self.cluster.path(self.node, f"/data/{name}")
            shutil.copytree(path, hidden)
            if number in damaged:
                truncated(hidden)
            hidden.rename(self.cluster.path(self.node, f"/data/raw/{name}"))

    def clear(self):
        """Take all raw data away."""
        for node in self.cluster.storage:
            for path in self.cluster.path(node, "/data/raw").iterdir():
                shutil.rmtree(path)

    def fill(self, node):
        """Fill the disk of a node to the last byte; return the file that does it."""
        path = self.cluster.path(node, "/data/filler")
        try:
            with path.open("wb", buffering=0) as stream:
                while True:
                    stream.write(bytes(1 << 16))
        except OSError:
            return path
