"""Observations by their directories, however these are named."""

from dataclasses import replace

import pytest

from sip_luigi.settings import load_settings
from sip_luigi.tasks.job_directories import observations_with_jobs


@pytest.mark.parametrize(
    ("pattern", "folders"),
    [("", "jobs/{}"), ("{root}/sip/{obs_id}", "sip/{}"), ("{root}/obs-{obs_id}.job/sip", "obs-{}.job/sip")],
)
def test_wherever_the_id_stands(configured, tmp_path, pattern, folders):
    settings = replace(load_settings(), runtime_directory=tmp_path)
    layout = replace(settings.layout, job_directory=pattern.replace("{root}", str(tmp_path)))
    settings = replace(settings, layout=layout)
    assert observations_with_jobs(settings) == []
    for obs_id in ("L2", "L1"):
        (tmp_path / folders.format(obs_id)).mkdir(parents=True)
    (tmp_path / "obs-L3.job").touch()
    assert observations_with_jobs(settings) == ["L1", "L2"]
