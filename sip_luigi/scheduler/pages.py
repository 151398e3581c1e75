"""The index of observations, and logs, results and parsets of every job, beside the visualiser, to be read only."""

from __future__ import annotations

import asyncio
import html
import os
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import quote

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.report.index import INDEX, render_index, script_policy
from sip_luigi.scheduler.folders import BLOCK, PARTS, NotShown, entries, is_folder, opened, tail_offset
from sip_luigi.settings import Settings
from sip_luigi.tasks.job_directories import job_layout, observations_with_jobs
from sip_luigi.tasks.observation_index import entries as index_entries

TEXT, BINARY = "text/plain; charset=utf-8", "application/octet-stream"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".fits": "application/fits",
}
"""Types of results; all others are shown as text if they are text to the eye, or offered to be saved."""
TEXTS = frozenset({".log", ".txt", ".parset", ".sh", ".skymodel", ".catalogue", ".csv", ".yaml", ".reg"})
POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:"
"""What a browser may do with a page: show it. Names and messages in it come from the data, and are strangers'."""
INDEX_POLICY = f"{POLICY.replace('sandbox;', 'sandbox allow-scripts;')}; script-src {script_policy()}"
"""The index has one script, which is ours; any other is refused."""
MAX_TAIL = 100_000


class JobsHandler(RequestHandler):
    """Answers for ``/jobs/<obs_id>/<folder>/…``."""

    settings_of_pipeline: Settings

    def initialize(self, settings: Settings) -> None:
        """Take the settings that say where job directories are."""
        self.settings_of_pipeline = settings

    def set_default_headers(self) -> None:
        """Let no browser take a file for anything else than it is said to be."""
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Referrer-Policy", "no-referrer")

    async def head(self, obs_id: str, path: str | None = None) -> None:
        """The same as a GET without the content."""
        await self.get(obs_id, path)

    async def get(self, obs_id: str, path: str | None = None) -> None:
        """Show a file, or list a folder."""
        names = [name for name in (path or "").split("/") if name]
        if names and names[0] not in PARTS:
            raise HTTPError(404)
        try:
            root = job_layout(self.settings_of_pipeline, obs_id).directory
            with opened(root, names) as descriptor:
                if is_folder(descriptor):
                    self._list(descriptor, obs_id, names)
                else:
                    await self._show(descriptor, names)
        except (NotShown, ConfigurationError) as error:
            raise HTTPError(404) from error

    def _list(self, descriptor: int, obs_id: str, names: list[str]) -> None:
        if not self.request.path.endswith("/"):
            self.redirect(f"{quote(self.request.path.rpartition('/')[2])}/")
            return
        found = [entry for entry in entries(descriptor) if names or entry[0] in PARTS]
        self.set_header("Content-Type", TYPES[".html"])
        self.finish(listing("/".join(["jobs", obs_id, *names]), found))

    async def _show(self, descriptor: int, names: list[str]) -> None:
        kind = content_type(names)
        self.set_header("Content-Type", kind)
        if kind in {BINARY, TYPES[".fits"]}:
            self.set_header("Content-Disposition", "attachment")
        with os.fdopen(os.dup(descriptor), "rb") as stream:
            size = os.fstat(descriptor).st_size
            offset = tail_offset(stream, size, lines) if (lines := self._tail()) else 0
            self.set_header("Content-Length", str(size - offset))
            if self.request.method != "HEAD":
                await self._send(stream, offset, size)

    async def _send(self, stream: BinaryIO, offset: int, size: int) -> None:
        """Send what the file held when it was asked for, in pieces: it may be large, and may be growing."""
        stream.seek(offset)
        while offset < size and (block := stream.read(min(BLOCK, size - offset))):
            offset += len(block)
            self.write(block)
            try:
                await self.flush()
            except StreamClosedError:
                return

    def _tail(self) -> int:
        """How many lines are wanted from the end; 0 for all."""
        text = self.get_query_argument("tail", "")
        if not text:
            return 0
        if not (text.isascii() and text.isdigit() and 0 < int(text) <= MAX_TAIL):
            raise HTTPError(400, reason=f"tail: expected a number of lines, 1 to {MAX_TAIL}")
        return int(text)


class ObservationsHandler(JobsHandler):
    """Answers for ``/jobs/``: which observations there are."""

    async def get(self, obs_id: str = "", path: str | None = None) -> None:
        """List the job directories."""
        found = observations_with_jobs(self.settings_of_pipeline)
        self.set_header("Content-Type", TYPES[".html"])
        self.finish(listing("jobs", [(name, True, 0) for name in found]))


class IndexHandler(JobsHandler):
    """Answers for the page of all observations."""

    async def get(self, obs_id: str = "", path: str | None = None) -> None:
        """Make the page of what there is now; it has the addresses that this server knows."""
        page = await asyncio.to_thread(self._page)
        self.set_header("Content-Security-Policy", INDEX_POLICY)
        self.set_header("Content-Type", TYPES[".html"])
        self.finish(page)

    def _page(self) -> str:
        known = index_entries(self.settings_of_pipeline)
        return render_index(
            {f"jobs/{quote(folder.parent.name)}/results/": entry for folder, entry in known.items()}
        )


def content_type(names: list[str]) -> str:
    """Type of a file: of results by its suffix, everything else is text."""
    suffix = PurePosixPath(names[-1]).suffix
    if names[0] != "results" or suffix in TEXTS:
        return TEXT
    return TYPES.get(suffix, BINARY)


def listing(title: str, found: Iterable[tuple[str, bool, int]]) -> str:
    """A page with links to what a folder holds."""
    rows = [("../", "")] + [(f"{name}/" if folder else name, size) for name, folder, size in found]
    lines = "".join(
        f'<tr><td><a href="./{html.escape(quote(name))}">{html.escape(name)}</a></td><td>{size or ""}</td></tr>'
        for name, size in rows
    )
    safe = html.escape(title)
    return f"<!DOCTYPE html><meta charset=utf-8><title>{safe}</title><h1>{safe}</h1><table>{lines}</table>"


def routes(settings: Settings) -> list[tuple[str, Any, dict[str, Any]]]:
    """What the server has to know of these pages."""
    given = {"settings": settings}
    return [
        (rf"/{INDEX}", IndexHandler, given),
        (r"/jobs/()", ObservationsHandler, given),
        (r"/jobs/([^/]+)(?:/(.*))?", JobsHandler, given),
    ]
