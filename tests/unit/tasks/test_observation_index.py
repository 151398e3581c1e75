"""The index is rebuilt by whoever finishes, also by several at once."""

import json
import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import pytest

from sip_luigi.report.index import Entry
from sip_luigi.settings import load_settings
from sip_luigi.tasks.observation_index import index_path, rebuild_index

ENTRY = Entry("L1", "full", "good", "2026-11-25T10:00:00+00:00", rms_jy_beam=1e-3)


@pytest.fixture
def settings(configured, tmp_path):
    return replace(load_settings(), runtime_directory=tmp_path / "runtime")


def finish(settings, obs_id):
    folder = settings.runtime_directory / "jobs" / obs_id / "results"
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps(replace(ENTRY, obs_id=obs_id).to_json()))
    rebuild_index(settings)


def listed(settings):
    return set(re.findall(r'th scope="row" data-value="(\w+)"', index_path(settings).read_text()))


def test_many_finish_at_once(settings):
    names = [f"L{number}" for number in range(12)]
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(finish, [settings] * len(names), names))
    assert listed(settings) == set(names)
    left = {path.name for path in settings.runtime_directory.iterdir()}
    assert left == {"index.html", ".index.html.lock", "jobs"}


def test_links_work_from_disk_wherever_the_jobs_are(settings, tmp_path):
    finish(settings, "L1")
    assert 'href="jobs/L1/results/report.html"' in index_path(settings).read_text()
    elsewhere = replace(
        settings, layout=replace(settings.layout, job_directory=f"{tmp_path}/other #1/{{obs_id}}")
    )
    folder = tmp_path / "other #1" / "L7" / "results"
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps(replace(ENTRY, obs_id="L7").to_json()))
    rebuild_index(elsewhere)
    assert 'href="../other%20%231/L7/results/report.html"' in index_path(elsewhere).read_text()


def test_what_is_damaged_is_left_out_and_said(settings, caplog):
    finish(settings, "L1")
    (settings.runtime_directory / "jobs" / "no observation").mkdir()
    folder = settings.runtime_directory / "jobs" / "L2" / "results"
    folder.mkdir(parents=True)
    for text in ('{"obs_id": "L2"', '["L2"]', '{"obs_id": "L2"}'):
        (folder / "summary.json").write_text(text)
        caplog.clear()
        rebuild_index(settings)
        assert listed(settings) == {"L1"}
        assert "L2/results/summary.json" in caplog.text


def test_an_index_that_cannot_be_written_is_a_warning(settings, caplog):
    finish(settings, "L1")
    index_path(settings).unlink()
    index_path(settings).mkdir()
    rebuild_index(settings)
    assert "is not up to date" in caplog.text
