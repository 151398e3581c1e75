"""Job directories over HTTP, with a real server on loopback."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from tornado.testing import AsyncHTTPTestCase
from tornado.web import Application

from sip_luigi.report.index import script_policy
from sip_luigi.scheduler.pages import routes
from sip_luigi.scheduling import shows_logs
from sip_luigi.settings import load_settings


@pytest.fixture
def runtime(configured, tmp_path, request):
    """A runtime directory with one job, given to the test case."""
    logs, results = (tmp_path / "jobs" / "L1" / name for name in ("logs", "results"))
    logs.mkdir(parents=True)
    results.mkdir()
    (tmp_path / "jobs" / "L1" / "losses").mkdir()
    (tmp_path / "jobs" / "L1" / "losses" / "x.json").write_text("{}")
    (tmp_path / "secret").write_text("outside")
    (logs / "a.log").write_text("".join(f"line {n} é\n" for n in range(100)))
    (logs / "evil.html").write_text("<script>alert(1)</script>")
    (logs / "<b>.log").write_text("")
    (logs / "link").symlink_to(tmp_path / "secret")
    (results / "report.html").write_text("<h1>report</h1>")
    (results / "L1.image.fits").write_bytes(bytes(range(256)) * 2000)
    (results / "L1.skymodel").write_text("format")
    (results / "x.svg").write_text("<svg/>")
    request.cls.runtime = tmp_path


@pytest.mark.usefixtures("runtime")
class TestPages(AsyncHTTPTestCase):
    def get_app(self):
        return Application(routes(replace(load_settings(), runtime_directory=self.runtime)))

    def get(self, path, method="GET"):
        return self.fetch(path, method=method, follow_redirects=False, decompress_response=False)

    def test_a_log(self):
        answer = self.get("/jobs/L1/logs/a.log")
        assert answer.body == (self.runtime / "jobs/L1/logs/a.log").read_bytes()
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"

    def test_the_end_of_a_log(self):
        assert self.get("/jobs/L1/logs/a.log?tail=2").body.decode() == "line 98 é\nline 99 é\n"
        assert self.get("/jobs/L1/logs/a.log?tail=1000").body.count(b"\n") == 100
        for wrong in ("0", "-1", "x", "1e3", "٣", "9" * 30):
            assert self.get(f"/jobs/L1/logs/a.log?tail={quote(wrong)}").code == 400

    def test_nothing_of_a_job_is_run_by_a_browser(self):
        for path in ("logs/evil.html", "logs/a.log", "results/report.html", "logs/", "results/x.svg"):
            headers = self.get(f"/jobs/L1/{path}").headers
            policy = headers["Content-Security-Policy"]
            assert "sandbox;" in policy
            assert "default-src 'none'" in policy
            assert "script" not in policy
            assert headers["X-Content-Type-Options"] == "nosniff"
        assert self.get("/jobs/L1/logs/evil.html").headers["Content-Type"].startswith("text/plain")
        assert self.get("/jobs/L1/results/x.svg").headers["Content-Disposition"] == "attachment"

    def test_the_index_runs_its_own_script_and_no_other(self):
        text = '{"obs_id": "L1", "outcome": "full", "verdict": "good", "made": "2026-11-25T10:00:00+00:00"}'
        (self.runtime / "jobs" / "L1" / "results" / "summary.json").write_text(text)
        answer = self.get("/index.html")
        assert answer.code == 200
        assert 'href="jobs/L1/results/report.html"' in answer.body.decode()
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox allow-scripts; default-src 'none'")
        assert policy.endswith(f"; script-src {script_policy()}")
        assert self.get("/index.html", method="HEAD").body == b""

    def test_results(self):
        assert self.get("/jobs/L1/results/report.html").headers["Content-Type"].startswith("text/html")
        fits = self.get("/jobs/L1/results/L1.image.fits")
        assert fits.body == bytes(range(256)) * 2000
        assert fits.headers["Content-Disposition"] == "attachment"
        assert self.get("/jobs/L1/results/L1.skymodel").headers["Content-Type"].startswith("text/plain")

    def test_head(self):
        answer = self.get("/jobs/L1/logs/a.log", method="HEAD")
        assert answer.code == 200
        assert int(answer.headers["Content-Length"]) == (self.runtime / "jobs/L1/logs/a.log").stat().st_size

    def test_lists(self):
        assert 'href="./L1/"' in self.get("/jobs/").body.decode()
        job = self.get("/jobs/L1/").body.decode()
        assert 'href="./logs/"' in job
        assert "losses" not in job
        logs = self.get("/jobs/L1/logs/").body.decode()
        assert 'href="./a.log"' in logs
        assert "<b>.log" not in logs
        assert "&lt;b&gt;.log" in logs
        assert "link" not in logs
        moved = self.get("/jobs/L1/logs")
        assert (moved.code, moved.headers["Location"]) == (302, "logs/")

    def test_nothing_outside(self):
        for path in (
            *("L1/logs/link", "L1/../../secret", "L1/logs/../../../secret", "L1/losses/x.json", "L2/", ".."),
            *(
                "%2e%2e/secret",
                "L1/logs/%2e%2e/%2e%2e/%2e%2e/secret",
                "L1%2flogs",
                "L1/logs/%00",
                "L1/logs/none",
            ),
            *("..%2f..%2fetc/logs/passwd", "L1/logs/..%2f..%2f..%2fsecret", "L1/", "%2e%2e/logs/"),
        ):
            answer = self.get(f"/jobs/{path}")
            assert b"outside" not in answer.body
            assert answer.code in ((200,) if path == "L1/" else (400, 404)), path

    def test_a_worker_finds_out(self):
        shown = partial(shows_logs, SimpleNamespace(_url=f"http://127.0.0.1:{self.get_http_port()}"))
        ask = self.io_loop.run_in_executor
        assert not self.io_loop.run_sync(lambda: ask(None, shown, "L1"))
        (self.runtime / "jobs" / "L1" / "logs" / "pipeline.log").write_text("begins")
        assert self.io_loop.run_sync(lambda: ask(None, shown, "L1"))
        assert not self.io_loop.run_sync(lambda: ask(None, shown, "L2"))
        assert not shows_logs(SimpleNamespace(_url="http://127.0.0.1:1"), "L1")
        assert not shows_logs(SimpleNamespace(), "L1"), "Luigi's local scheduler"

    def test_read_only(self):
        for method in ("POST", "PUT", "DELETE"):
            body = None if method == "DELETE" else b""
            answer = self.fetch("/jobs/L1/logs/a.log", method=method, body=body)
            assert answer.code == 405
