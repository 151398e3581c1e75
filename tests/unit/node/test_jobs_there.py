"""Looking at the jobs of an observation, ending them, and removing products, with real jobs."""

import json
import sys
import time

import pytest

from sip_luigi.domain.product import Manifest, Product
from sip_luigi.node.clear import clear
from sip_luigi.node.job import poll, start
from sip_luigi.node.jobs_there import end_jobs, jobs, read_log
from sip_luigi.node.publish import publish


@pytest.fixture
def observation(tmp_path):
    folder = tmp_path / "sip" / "L1"
    yield folder
    end_jobs({"directory": str(folder)})


def spec(observation, task, seconds):
    directory = observation / "SB0" / ".jobs" / task
    code = f"import time; print('hello', flush=True); time.sleep({seconds})"
    return {
        "product": {"path": str(observation / "SB0" / task), "kind": "directory"},
        **{"part": str(observation / "SB0" / f"{task}.part-1"), "directory": str(directory)},
        **{"key": "k", "stage": "copy", "version": 1, "inputs": {}, "fingerprint": "f"},
        **{"steps": [{"argv": [sys.executable, "-c", code]}], "environment": {}},
        **{"lease_s": 60, "timeout_s": 0, "min_free_bytes": 0, "record": ""},
    }


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_jobs_are_told_of_and_ended(observation):
    running, done = spec(observation, "copy.SB0", 60), spec(observation, "copy.SB1", 0)
    for entry in (running, done):
        assert start(entry)["state"] == "started"
    request = {"directory": done["directory"], "offset": 0, "fingerprint": "f", "wait_s": 20}
    wait_for(lambda: poll(request)["state"] != "running")
    told = lambda: {job["task"]: job for job in jobs({"directory": str(observation), "tail": 100})["jobs"]}  # noqa: E731
    wait_for(lambda: "hello" in told()["copy.SB0"]["tail"])
    found = told()
    assert (found["copy.SB0"]["running"], found["copy.SB0"]["outcome"], found["copy.SB0"]["stage"]) == (
        True,
        "",
        "copy",
    )
    assert (found["copy.SB1"]["running"], found["copy.SB1"]["outcome"]) == (False, "done")

    lease = observation / "SB0" / ".jobs" / "copy.SB0" / "lease"
    before = lease.stat().st_mtime_ns
    said = read_log({"directory": running["directory"], "offset": 0})
    assert "hello" in said["log"]
    assert said["running"]
    told()
    assert lease.stat().st_mtime_ns == before, "looking renews no lease"

    assert end_jobs({"directory": str(observation)}) == {"ended": ["copy.SB0"], "left": []}
    assert not told()["copy.SB0"]["running"]
    assert told()["copy.SB0"]["outcome"] == "cancelled"
    assert not list(observation.rglob("*.part-*"))
    assert (observation / "SB0" / "copy.SB1").is_dir(), "what is made stays"
    assert end_jobs({"directory": str(observation)}) == {"ended": [], "left": []}


def test_no_observation(tmp_path):
    assert jobs({"directory": str(tmp_path / "none")}) == {"jobs": []}
    assert end_jobs({"directory": str(tmp_path / "none")}) == {"ended": [], "left": []}


@pytest.fixture
def product(observation):
    """A product of some bytes, with a link to raw data."""
    raw = observation.parent / "raw"
    part = observation / "SB0" / "copy.part-1"
    part.mkdir(parents=True)
    raw.mkdir()
    (raw / "table.dat").write_bytes(b"x" * 100_000)
    (part / "data").write_bytes(b"x" * 50_000)
    (part / "L1.MS").symlink_to(raw)
    path = observation / "SB0" / "copy"
    publish(Product("", str(path)), part, Manifest("k", "copy", 1, n_files=2, size_bytes=150_000))
    return path


def item(path, key="k"):
    return {"path": str(path), "kind": "directory", "key": key, "job": str(path.parent / ".jobs" / "copy")}


def test_products_are_weighed_and_removed(product):
    weighed = clear({"products": [item(product)]})["products"][str(product)]
    assert 50_000 <= weighed["bytes"] < 80_000, "a link weighs nothing"
    assert product.is_dir()
    gone = clear({"products": [item(product)], "remove": True})["products"][str(product)]
    assert gone == weighed
    assert not product.exists()
    assert (product.parents[2] / "raw" / "table.dat").is_file(), "raw data behind a link stay"
    assert not list(product.parent.glob("*.old-*"))
    assert clear({"products": [item(product)], "remove": True})["products"][str(product)]["left"]


def test_what_is_not_ours_stays(product):
    (product / "more").write_bytes(b"x")
    assert "no product with a manifest" in left(item(product))
    (product / "more").unlink()
    assert "it is another product: key k, expected other" in left(item(product, "other"))
    assert product.is_dir()


def left(entry):
    return clear({"products": [entry], "remove": True})["products"][entry["path"]]["left"]


def test_what_is_being_made_stays(observation, product):
    running = spec(observation, "copy", 60)
    assert start(running)["state"] == "started"
    assert left(item(product)) == "a job is making it"
    assert product.is_dir()
    assert json.loads((product / "sip-manifest.json").read_text())["key"] == "k"
