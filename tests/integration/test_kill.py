"""SIGKILL at any moment, start again: the same products, each made once, and no half one."""

import json
import os
import signal
import time
from contextlib import suppress

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kill")]

MOMENTS = ("copy", "preprocess", "calibrate", "image_band", "find_sources")


def being_made(observatory, stage):
    return list(observatory.scratch.glob(f"*/{stage}*.part-*"))


def wait_for(observatory, process, stage):
    """Wait until a product of the stage is half made; tell whether that was seen."""
    while process.poll() is None:
        if being_made(observatory, stage):
            return True
        time.sleep(0.005)
    return False


def kill_group(observatory, process):
    """Worker and its children."""
    os.killpg(process.pid, signal.SIGKILL)


def kill_worker(observatory, process):
    """The worker alone; its children go on as orphans."""
    process.kill()


def kill_everything(observatory, process):
    """As when the machine loses power: the jobs on the node too."""
    os.killpg(process.pid, signal.SIGKILL)
    for path in observatory.scratch.rglob("pid.json"):
        with suppress(OSError, ValueError):
            os.killpg(json.loads(path.read_text())["group"], signal.SIGKILL)


@pytest.mark.parametrize(
    "kill", [kill_group, kill_worker, kill_everything], ids=lambda function: function.__name__
)
def test_killed_again_and_again(small_observatory, undisturbed, kill):
    observatory, seen = small_observatory, []
    for stage in MOMENTS:
        process = observatory.start()
        if wait_for(observatory, process, stage):
            seen.append(stage)
            kill(observatory, process)
        process.wait()
    assert len(seen) >= 4, f"the moments {seen} are too few to mean anything"

    observatory.succeed()

    assert set(observatory.made()) == set(undisturbed.made())
    assert max(observatory.made().values()) == 1, "made twice"
    assert not observatory.leftovers()
    same_results(observatory, undisturbed)


def test_killed_while_results_are_delivered(small_observatory, undisturbed):
    observatory = small_observatory
    process = observatory.start()
    while process.poll() is None and not (observatory.job / "skymodels").exists():
        time.sleep(0.01)
    deadline = time.monotonic() + 300
    while process.poll() is None and not observatory.results.exists() and time.monotonic() < deadline:
        time.sleep(0.0005)
    kill_group(observatory, process)
    process.wait()
    observatory.succeed()
    assert max(observatory.made().values()) == 1
    same_results(observatory, undisturbed)
    assert not [path for path in observatory.results.iterdir() if ".part-" in path.name]


def same_results(observatory, undisturbed):
    """Equal within what Dysco's dithering and the order of sums in WSClean repeat."""
    name = f"{observatory.obs_id}.image.fits"
    first, second = (fits.getdata(place.results / name) for place in (observatory, undisturbed))
    noise = undisturbed.quality["rms_jy_beam"]
    assert np.abs(first - second).max() < 0.2 * noise
    ours, theirs = (
        Table.read(place.results / f"{observatory.obs_id}.catalogue.fits")
        for place in (observatory, undisturbed)
    )
    assert len(ours) == len(theirs)
    # PyBDSF numbers islands by their first pixel, which the last bit may move.
    for table in (ours, theirs):
        table.sort("RA")
    # What the tools do not repeat is small against the errors of measurement. How PyBDSF takes a source apart into
    # several Gaussians may turn on the last bit, and with it their sum and centroid; its peak does not.
    alike = (ours["N_GAUS"] == 1) & (theirs["N_GAUS"] == 1)
    assert alike.sum() >= 0.5 * len(ours)
    for column, rows in (("TOTAL_FLUX", alike), ("RA", alike), ("DEC", alike), ("PEAK_FLUX", ...)):
        difference = np.abs(ours[column] - theirs[column])[rows]
        assert (difference < theirs[f"E_{column}"][rows]).all(), (column, difference)
    assert np.abs(ours["DEC"] - theirs["DEC"]).max() < 0.1 * undisturbed.quality["beam_minor_arcsec"] / 3600
