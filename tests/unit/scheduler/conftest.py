"""What the tests of the scheduler share."""

import pytest

from sip_luigi.scheduler.central import CentralScheduler


@pytest.fixture
def make(configured, tmp_path):
    """Make a scheduler with its state in the folder of the test."""

    def made(**options):
        resources = options.pop("resources", {"cpu": 2})
        return CentralScheduler(resources=resources, state_path=str(tmp_path / "state.json"), **options)

    return made


@pytest.fixture
def scheduler(make):
    return make()
