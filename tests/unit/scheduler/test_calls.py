"""Luigi's calls over HTTP, and who may make them."""

import json

import pytest
from tornado.testing import AsyncHTTPTestCase

from sip_luigi.scheduler.central import CentralScheduler
from sip_luigi.scheduler.server import make_application
from sip_luigi.settings import load_settings


@pytest.fixture
def folder(configured, tmp_path, request):
    request.cls.folder = tmp_path


@pytest.mark.usefixtures("folder")
class TestCalls(AsyncHTTPTestCase):
    def get_app(self):
        self.scheduler = CentralScheduler(resources={}, state_path=str(self.folder / "state"))
        return make_application(load_settings(), self.scheduler)

    def ask(self, method, site=None):
        headers = {"Sec-Fetch-Site": site} if site else {}
        return self.fetch(f"/api/{method}", headers=headers)

    def test_workers_and_the_visualiser_may(self):
        for site in (None, "same-origin", "none"):
            assert json.loads(self.ask("is_paused", site).body) == {"response": {"paused": False}}

    def test_pages_of_others_may_not(self):
        for site in ("cross-site", "same-site"):
            assert self.ask("pause", site).code == 403
        assert self.scheduler.is_paused() == {"paused": False}
        assert self.ask("pause").code == 200
        assert self.scheduler.is_paused() == {"paused": True}

    def test_what_is_no_call(self):
        for method in ("load", "dump", "close", "state_text", "_prune_tasks", "..%2f"):
            assert self.ask(method).code == 404

    def test_pages(self):
        assert self.fetch("/static/visualiser/index.html").code == 200
        assert self.fetch("/jobs/").code == 200
        assert self.fetch("/metrics").code == 200
