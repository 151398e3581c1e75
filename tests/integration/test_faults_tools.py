"""Programs, copies and disks fail: tried again, or said clearly and repaired by the next run."""

import json
import os
import re
import shutil
import sys
from contextlib import ExitStack, suppress

import pytest
from faults import (
    TOOLS,
    digest,
    install,
    misbehaved,
    once,
    planned,
    raw_digest,
    signal_processes,
    strike,
    succeeds,
    undisturbed_result,
    until,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

TOOL = {"dp3": "DP3.py", "wsclean": "wsclean"}
LIES = {
    # The real work is done, and part of it lost afterwards.
    "dp3": """\
DP3.py "$@"
output=$(sed -n 's/^msout *= *//p' "$1")
truncate --size=1000 "$(ls -S "$output"/table.f* | head -n 1)"
exit 0""",
    "wsclean": """\
wsclean "$@"
truncate --size=20000 *.fits
exit 0""",
}
MISBEHAVIOUR = {
    "crashes (SIGSEGV)": (dict.fromkeys(TOOL, "kill -SEGV $$"), "exit status -11"),
    "hangs until its time limit": ({"dp3": "exec sleep 1000"}, "took longer than the time limit"),
    "exits 0 with a bad product": (LIES, ""),
}
FIRST_STAGE = {"dp3": "preprocess.SAP000_SB001", "wsclean": "image_band.cycle0"}


@pytest.mark.parametrize("what", MISBEHAVIOUR)
def test_a_tool_misbehaves_once_on_every_node(cluster_observatory, undisturbed, timed, what):
    texts, reason = MISBEHAVIOUR[what]
    observatory = cluster_observatory({"cluster": {"stage_time_limits_s": "preprocess=15"}})
    # No settings that decide what is made.
    for section, name in (("dppp", "dp3"), ("imaging", "wsclean")):
        if name in texts:
            program = once(observatory, name, texts[name], TOOL[name])
            observatory.settings.setdefault(section, {})["executable"] = program
    with timed(f"first call of {' and '.join(TOOL[name] for name in texts)} on a node {what}"):
        observatory.succeed()
    assert misbehaved(observatory, "dp3") == list(observatory.cluster.compute)
    for name in texts:
        log = (observatory.job / "logs" / f"{FIRST_STAGE[name]}.log").read_text()
        before, failed, _ = log.partition("attempt 1: ")
        assert failed and reason in log.removeprefix(before), log[-4000:]
    undisturbed_result(observatory, undisturbed)


def slow_copies(cluster_observatory):
    """A cluster whose compute nodes copy slowly, the first time."""
    # The programs of a job are searched where sshd says.
    path = (f"SetEnv PATH={TOOLS}:/usr/bin:/bin",)
    observatory = cluster_observatory(sshd_options=dict.fromkeys(("lce001", "lce002", "lce003"), path))
    once(observatory, "rsync", 'exec /usr/bin/rsync --bwlimit=2m "$@"', "/usr/bin/rsync")
    return observatory


def test_a_copy_is_cut_short(cluster_observatory, undisturbed, timed):
    observatory = slow_copies(cluster_observatory)
    node = observatory.cluster.compute[1]

    def half_there():
        return [path for path in transfers(observatory, node) if 1_000_000 < size_of(path) < 6_000_000]

    with timed("rsync killed in the middle of a copy"):
        process = observatory.start()
        path = until(process, half_there, "half a copy")[0]
        assert signal_processes(observatory, node, "rsync")
        assert path in half_there()
        succeeds(observatory, process)
    subband = path.parents[2].name
    assert "attempt 1: " in (observatory.job / "logs" / f"copy.{subband}.log").read_text()
    undisturbed_result(observatory, undisturbed)
    copies_are_right(observatory)


def test_a_copy_was_begun_with_other_content(cluster_observatory, undisturbed, timed):
    observatory = cluster_observatory()
    with timed("wrong content where an earlier copy stopped"):
        other, short, strange = plant(observatory, 3)
        scribble(largest(other))
        os.truncate(largest(short), 1000)
        (strange / "table.f99").write_bytes(b"of another subband")
        observatory.succeed()
    undisturbed_result(observatory, undisturbed)
    copies_are_right(observatory)


def transfers(observatory, node):
    """Where copies are under way on a node."""
    return list(observatory.scratch(node).glob("*/.transfer/copy/*"))


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def largest(folder):
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def scribble(path):
    """Other content of the same length and date."""
    status = path.stat()
    path.write_bytes(os.urandom(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


KEYS = """\
import json, sys
from sip_luigi.pipeline import ImagingPipeline
from sip_luigi.tasks.graph import walk
print(json.dumps({task.name: task.key for task in walk(ImagingPipeline(obs_id=sys.argv[1]))}))
"""


def plant(observatory, number):
    """Put the raw data of some subbands where interrupted copies would have left them."""
    asked = observatory.sip_or_luigi((sys.executable, "-c", KEYS, observatory.obs_id))
    assert asked.returncode == 0, asked.stderr
    keys = json.loads(asked.stdout.splitlines()[-1])
    planted = []
    for raw in raw_data(observatory)[:number]:
        subband = raw.name.removeprefix(f"{observatory.obs_id}_").removesuffix("_uv.MS")
        folder = observatory.scratch(observatory.places[subband]) / subband / ".transfer" / "copy"
        planted.append(shutil.copytree(raw, folder / keys[f"copy.{subband}"][:8]))
    return planted


def raw_data(observatory):
    cluster = observatory.cluster
    return sorted(
        (path for node in cluster.storage for path in cluster.path(node, "/data/raw").glob("*_uv.MS")),
        key=lambda path: path.name,
    )


def copies_are_right(observatory):
    """Every copy holds what the raw data hold."""
    for raw in raw_data(observatory):
        subband = raw.name.removeprefix(f"{observatory.obs_id}_").removesuffix("_uv.MS")
        copy = observatory.scratch(observatory.places[subband]) / subband / "copy"
        (made,) = copy.glob("*.MS")
        assert digest(made) == digest(raw)


def test_a_disk_is_full_for_a_while(cluster_observatory, undisturbed, timed):
    observatory, node, subband = small_disk(cluster_observatory, retry_delay_s=2)
    failed = f"preprocess.{subband}: attempt 1 failed, trying again"
    with timed("disk of a compute node full for a while"), ExitStack() as stack:
        process = observatory.start()
        strike(observatory, process, "preprocess", fill(observatory, stack), [node])
        until(process, lambda: failed in observatory.log.read_text(), failed)
        stack.close()
        succeeds(observatory, process)
    undisturbed_result(observatory, undisturbed)


def test_a_disk_is_full(cluster_observatory, undisturbed, timed):
    observatory, node, subband = small_disk(cluster_observatory)
    raw = raw_digest(observatory)
    with timed("disk of a compute node full: subband lost, retried by the next run"):
        with ExitStack() as stack:
            process = observatory.start()
            strike(observatory, process, "preprocess", fill(observatory, stack), [node])
            succeeds(observatory, process)
        assert observatory.quality["outcome"] == "degraded"
        (lost,) = observatory.quality["subbands_lost"]
        assert (lost["subband"], lost["stage"]) == (subband, "preprocess")
        assert re.search("no space left|GB free", lost["reason"], re.IGNORECASE)
        assert "DEGRADED" in observatory.log.read_text()
        assert raw_digest(observatory) == raw
        assert observatory.sip("retry", observatory.obs_id, "--lost").returncode == 0
        observatory.succeed()
    # Of the band there was an image without the lost subband.
    undisturbed_result(observatory, undisturbed, again=("band/image_band.cycle0", "band/find_sources.cycle0"))


def test_gathering_fails(cluster_observatory, undisturbed, timed):
    path = (f"SetEnv PATH={TOOLS}:/usr/bin:/bin",)
    observatory = cluster_observatory(sshd_options={"lce001": path})
    name = next(name for name, node in planned(observatory) if node != "lce001")
    install(
        observatory,
        "rsync",
        f'#!/bin/sh\ncase "$*" in *{name}*calibrate*) exit 11;; esac\nexec /usr/bin/rsync "$@"\n',
    )
    with timed("calibrated data cannot be gathered: subband lost, retried by the next run"):
        observatory.succeed()
        assert observatory.quality["outcome"] == "degraded"
        (lost,) = observatory.quality["subbands_lost"]
        assert (lost["subband"], lost["stage"]) == (name, "gather")
        install(observatory, "rsync", '#!/bin/sh\nexec /usr/bin/rsync "$@"\n')
        assert observatory.sip("retry", observatory.obs_id, "--lost").returncode == 0
        observatory.succeed()
    undisturbed_result(observatory, undisturbed, again=("band/image_band.cycle0", "band/find_sources.cycle0"))


def small_disk(cluster_observatory, **settings):
    """An observatory one of whose compute nodes has a small disk: with this node and its subband."""
    node = "lce002"
    observatory = cluster_observatory({"cluster": settings}, disk_mb={node: 300})
    (subband,) = [name for name, place in planned(observatory) if place == node]
    return observatory, node, subband


def fill(observatory, stack):
    """A fault that leaves not a byte of room on the disk of a node, until the stack is closed."""

    def full(node):
        ballast = observatory.cluster.path(node, "/data/ballast")
        stack.callback(ballast.unlink)
        with suppress(OSError), ballast.open("wb", buffering=0) as stream:
            while True:
                stream.write(bytes(1 << 20))

    return full
