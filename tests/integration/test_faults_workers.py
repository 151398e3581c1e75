"""Worker and luigid die, or two commands do the same: every product is made once and the result is right."""

import signal

import pytest
from faults import end, half_made, strike, succeeds, undisturbed_result, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]


def test_a_worker_is_killed(cluster_observatory, undisturbed, timed):
    # luigid believes for a while that the dead worker still runs its tasks.
    observatory = cluster_observatory(
        {"scheduler": {"worker_disconnect_delay": 5, "prune_on_get_work": "true"}}
    )
    with timed("worker killed (SIGKILL), started again", luigid=True):
        _, scheduler = observatory.start_luigid()
        first = observatory.start(scheduler=scheduler)
        strike(observatory, first, "preprocess", lambda node: first.kill())
        assert end(first) == -signal.SIGKILL
        observatory.succeed(scheduler=scheduler)
    undisturbed_result(observatory, undisturbed)


def test_a_worker_is_terminated(cluster_observatory, undisturbed, timed):
    observatory = cluster_observatory()
    with timed("worker terminated (SIGTERM), started again"):
        first = observatory.start()
        strike(observatory, first, "calibrate", lambda node: first.terminate())
        assert end(first) != 0
        observatory.succeed()
    undisturbed_result(observatory, undisturbed)


def test_luigid_is_killed_and_forgets(cluster_observatory, undisturbed, timed):
    observatory = cluster_observatory()
    with timed("luigid killed, restarted without its state", luigid=True):
        luigid, scheduler = observatory.start_luigid()
        process = observatory.start(scheduler=scheduler)
        strike(observatory, process, "preprocess", lambda node: luigid.kill())
        luigid.wait()
        # More than one product is finished while nobody schedules.
        until(process, lambda: not half_made(observatory, "preprocess"), "the end of what was running")
        observatory.cluster.path(observatory.cluster.head, "/data/luigid.state").unlink(missing_ok=True)
        observatory.start_luigid()
        succeeds(observatory, process)
    undisturbed_result(observatory, undisturbed)


@pytest.mark.parametrize("luigid", [True, False], ids=["one luigid", "two local schedulers"])
def test_two_commands_at_once(cluster_observatory, undisturbed, timed, luigid):
    observatory = cluster_observatory()
    with timed(f"two commands at once, {'one luigid' if luigid else 'local schedulers'}", luigid=luigid):
        keywords = {"scheduler": observatory.start_luigid()[1]} if luigid else {}
        first, second = (observatory.start(**keywords) for _ in range(2))
        for process in (first, second):
            # Both are there, and something is being made.
            until(process, lambda: half_made(observatory, "preprocess"), "a half product")
        assert first.poll() is None
        for process in (first, second):
            succeeds(observatory, process)
    undisturbed_result(observatory, undisturbed)
