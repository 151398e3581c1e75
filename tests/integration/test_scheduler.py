"""Through a real luigid, and the exit statuses that cron relies on."""

import shutil
import sys
from contextlib import ExitStack

import pytest

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.selftest.scheduler import central_scheduler, free_port

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline")]


@pytest.fixture
def luigid(small_observatory):
    small_observatory.settings["scheduler"] = {"stable_done_cooldown_secs": 0}
    small_observatory.environment()
    with central_scheduler(small_observatory.directory, small_observatory.directory / "luigi.cfg") as url:
        yield ("--scheduler-url", url)


def test_products_removed_after_a_run_are_made_again_at_once(small_observatory, luigid):
    small_observatory.succeed(scheduler=luigid)
    shutil.rmtree(small_observatory.scratch / "band" / "find_sources.cycle0")
    small_observatory.succeed(scheduler=luigid)
    assert small_observatory.made()["band/find_sources.cycle0"] == 2
    assert small_observatory.made()["band/image_band.cycle0"] == 1


def test_scheduler_out_of_reach(small_observatory):
    small_observatory.settings["core"] = {"rpc_retry_attempts": 1, "rpc_retry_wait": 0}
    nobody = f"http://127.0.0.1:{free_port()}"
    done = small_observatory.run(scheduler=("--scheduler-url", nobody))
    assert done.returncode == 40
    assert not small_observatory.scratch.exists()


def test_a_single_stage_can_be_asked_for(small_observatory):
    done = small_observatory.run("--subband", "SAP000_SB001", task="Preprocess")
    assert done.returncode == 0, done.stderr[-2000:]
    assert dict(small_observatory.made_stages()) == {"copy": 1, "preprocess": 1}


def test_a_program_that_fails(small_observatory, tmp_path):
    program = tmp_path / "wsclean"
    program.write_text("#!/bin/sh\necho the tool says why >&2\nexit 7\n")
    program.chmod(0o755)
    small_observatory.settings["imaging"]["executable"] = program
    small_observatory.settings["cluster"] = {"retries": 1}
    done = small_observatory.run()
    assert done.returncode == 30
    message = done.stderr[done.stderr.index("image_band.cycle0 failed: ") :][:4000]
    for part in ("exit status 7", "-use-wgridder", "the tool says why"):
        assert part in message
    assert "attempt 1 failed, trying again" in done.stderr
    assert not small_observatory.leftovers()
    assert not small_observatory.results.exists()


def test_a_program_that_lies(small_observatory, tmp_path):
    # It ends with 0 and leaves an image of nothing.
    program = tmp_path / "wsclean"
    text = f"""#!{sys.executable}
import sys
import numpy as np
from astropy.io import fits
prefix = sys.argv[sys.argv.index("-name") + 1]
kinds = ("dirty",) if "V" in sys.argv else ("MFS-image", "MFS-residual", "MFS-psf")
for kind in kinds:
    fits.PrimaryHDU(np.full((1, 1, 64, 64), np.nan, dtype=np.float32)).writeto(f"{{prefix}}-{{kind}}.fits")
"""
    program.write_text(text)
    program.chmod(0o755)
    small_observatory.settings["imaging"]["executable"] = program
    done = small_observatory.run()
    assert done.returncode == 30
    assert "of the pixels are finite" in done.stderr
    assert not small_observatory.results.exists()


def test_from_python_the_error_is_raised(small_observatory, monkeypatch):
    import luigi.configuration

    from sip_luigi import ImagingPipeline

    config = small_observatory.environment()["LUIGI_CONFIG_PATH"]
    with ExitStack() as stack:
        parser = luigi.configuration.get_config()
        stack.callback(parser.clear)
        parser.read(config)
        with pytest.raises(ConfigurationError, match="no L404_SAP"):
            ImagingPipeline(obs_id="L404")
