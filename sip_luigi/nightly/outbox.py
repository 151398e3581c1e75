"""Digests on the head node: all of them are kept for a while, those that could not be sent until they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import SipError
from sip_luigi.nightly.digest import Digest
from sip_luigi.nightly.post import post_json, send_mail
from sip_luigi.node.files import write_atomically
from sip_luigi.settings import Settings

KEPT = 100
"""Digests that are kept."""


@dataclass(frozen=True)
class Outbox:
    """Where digests lie: ``<time>.json``, and beside it ``<time>.mail`` or ``.webhook`` while it has to be sent so.

    Attributes
    ----------
    folder : Path
        The directory.
    settings : Settings
        How they are sent.
    """

    folder: Path
    settings: Settings

    @property
    def ways(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        """Every way that is configured."""
        mail, webhook = self.settings.mail, self.settings.webhook
        found: dict[str, Callable[[dict[str, Any]], None]] = {}
        if mail.recipients:
            found["mail"] = lambda value: send_mail(mail, value["subject"], value["text"], value["host"])
        if webhook.url_file:
            found["webhook"] = lambda value: post_json(webhook, value)
        return found

    def send(self, digest: Digest) -> list[str]:
        """Send a digest; return why it could not be sent."""
        value = {**digest.to_json(), "text": digest.text()}
        name = digest.ended.replace(":", "").replace("+0000", "Z")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.folder / f"{name}.json", json.dumps(value, indent=1))
            for way in self.ways:
                (self.folder / f"{name}.{way}").touch()
        except OSError as error:
            # A full disk is a thing to tell of: it is sent all the same.
            problems = [f"the digest cannot be kept: {error}"]
            return problems + [said for way in self.ways if (said := self._send(way, value))]
        return self.send_again()

    def send_again(self) -> list[str]:
        """Send what has not been sent yet, oldest first; return why it could not be sent."""
        problems: dict[str, None] = {}
        for path in sorted(self.folder.glob("*.json")):
            for way in self.ways:
                waiting = path.with_suffix(f".{way}")
                if not waiting.exists():
                    continue
                try:
                    said = self._send(way, json.loads(path.read_text(encoding="utf-8")))
                except ValueError as error:
                    said = f"{path} cannot be read, it is not sent: {error}"
                    waiting.unlink()
                if said:
                    problems[said] = None
                else:
                    waiting.unlink()
        self._clear()
        return list(problems)

    def _send(self, way: str, value: dict[str, Any]) -> str:
        try:
            self.ways[way](value)
        except SipError as error:
            return str(error)
        return ""

    def _clear(self) -> None:
        for path in sorted(self.folder.glob("*.json"))[:-KEPT]:
            for old in self.folder.glob(f"{path.stem}.*"):
                old.unlink(missing_ok=True)
