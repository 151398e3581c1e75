"""The job protocol, with real processes."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from sip_luigi.domain.errors import BadData, BadProduct, DiskFull, ProgramError
from sip_luigi.domain.keys import fingerprint
from sip_luigi.domain.product import Manifest, Product
from sip_luigi.execution.jobs import JobSpec, run_job
from sip_luigi.execution.local import LocalConnection
from sip_luigi.node import job
from sip_luigi.node.look import look_at_product

NODE = LocalConnection("here")


def shell(text):
    return {"argv": ["/bin/sh", "-c", text]}


@pytest.fixture
def spec(tmp_path):
    def make(*steps, name="product", key="k" * 32, **more):
        product = Product("here", str(tmp_path / name))
        return JobSpec(
            product=product,
            directory=str(tmp_path / ".jobs" / name),
            key=key,
            stage="stage",
            version=1,
            inputs={"data": "f"},
            steps=steps,
            record=str(tmp_path / "made.jsonl"),
            **more,
        )

    return make


def made(tmp_path):
    path = tmp_path / "made.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def run(spec, output=None):
    return run_job(NODE, spec, (output if output is not None else []).append, poll_s=0.05)


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def is_running(spec):
    return job.poll({"directory": spec.directory, "offset": 0})["state"] == "running"


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_job_publishes_with_its_manifest(spec, tmp_path):
    output = []
    assert run(spec(shell("echo hello; echo data > file")), output)["made"]
    manifest = Manifest.from_text((tmp_path / "product" / "sip-manifest.json").read_text())
    assert (manifest.key, manifest.n_files, manifest.size_bytes) == ("k" * 32, 1, 5)
    assert manifest.fingerprint == fingerprint("k" * 32, {"data": "f"})
    assert "hello" in "".join(output)
    assert not list(tmp_path.glob("product.*"))
    assert len(made(tmp_path)) == 1


def test_what_is_there_is_not_made_again(spec, tmp_path):
    run(spec(shell("echo 1 > file")))
    assert run(spec(shell("echo 2 > file"))) | {"elapsed_s": 0} == {
        "outcome": "done",
        "made": False,
        "elapsed_s": 0,
    }
    assert (tmp_path / "product" / "file").read_text() == "1\n"


def test_another_key_replaces_it(spec, tmp_path):
    run(spec(shell("echo 1 > file; echo 1 > gone")))
    run(spec(shell("echo 2 > file"), key="l" * 32))
    assert (tmp_path / "product" / "file").read_text() == "2\n"
    assert not (tmp_path / "product" / "gone").exists()
    assert not list(tmp_path.glob("product.*"))


def test_a_truncated_product_does_not_count(spec, tmp_path):
    run(spec(shell("echo 123 > file")))
    os.truncate(tmp_path / "product" / "file", 2)
    assert look_at_product({"path": str(tmp_path / "product")}) is None
    run(spec(shell("echo 456 > file")))
    assert (tmp_path / "product" / "file").read_text() == "456\n"


def test_a_failed_program_says_all(spec, tmp_path):
    with pytest.raises(ProgramError, match=r"exit status 3(.|\n)*the reason") as caught:
        run(spec(shell("echo half > file; echo the reason >&2; exit 3")))
    assert "/bin/sh -c" in str(caught.value)
    assert not list(tmp_path.glob("product*"))


def test_a_missing_program_is_named(spec):
    with pytest.raises(ProgramError, match="program not found: no-such-program"):
        run(spec({"argv": ["no-such-program"]}))


def test_another_command_where_something_is_there(spec, tmp_path):
    other = {"path": str(tmp_path / "begun"), "argv": ["/bin/sh", "-c", "echo again > file"]}
    for expected in ("first", "again"):
        run(spec({**shell("echo first > file"), "if_there": other}, key=expected * 8))
        assert (tmp_path / "product" / "file").read_text() == f"{expected}\n"
        manifest = Manifest.from_text((tmp_path / "product" / "sip-manifest.json").read_text())
        assert manifest.commands == (("/bin/sh", "-c", f"echo {expected} > file"),)
        (tmp_path / "begun").touch()


def test_bad_data_are_told_from_a_failure(spec, tmp_path):
    request = {"source": str(tmp_path / "absent"), "destination": "x", "origin": "lse001:/x"}
    with pytest.raises(BadData, match="MeasurementSet is gone"):
        run(spec({"call": "copy", "request": request}))


def test_a_bad_product_is_told_from_bad_data(spec, tmp_path):
    verify = {"call": "verify_image", "request": {"path": str(tmp_path / "product" / "none.fits")}}
    with pytest.raises(BadProduct, match="no such image"):
        run(spec(shell("true"), verify))
    with pytest.raises(BadData, match="no such image"):
        run(spec(verify))


def test_no_room(spec):
    with pytest.raises(DiskFull, match="are needed"):
        run(spec(shell("true"), min_free_bytes=10**18))


def test_no_room_while_writing(spec):
    with pytest.raises(DiskFull, match="No space left on device"):
        run(spec(shell("cat /etc/hostname > /dev/full")))


def test_a_second_start_adopts(spec, tmp_path):
    slow = spec(shell("sleep 1; echo data > file"))
    assert NODE.call("start", slow.to_json())["state"] == "started"
    assert NODE.call("start", slow.to_json())["state"] == "adopted"
    run(slow)
    assert len(made(tmp_path)) == 1


def test_another_version_ends_the_running_one(spec, tmp_path):
    slow = spec(shell("echo $$ > ../pid; sleep 60"))
    NODE.call("start", slow.to_json())
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    run(spec(shell("echo new > file"), key="l" * 32))
    assert not alive(int((tmp_path / "pid").read_text()))
    assert (tmp_path / "product" / "file").read_text() == "new\n"


def test_cancel_ends_the_whole_group(spec, tmp_path):
    slow = spec(shell("sleep 60 & echo $! > ../child; wait"))
    NODE.call("start", slow.to_json())
    wait_until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text().strip())
    assert job.cancel({"directory": slow.directory})["state"] == "cancelled"
    wait_until(lambda: not alive(int((tmp_path / "child").read_text())))
    assert not list(tmp_path.glob("product*"))


def test_nobody_watches(spec, tmp_path):
    slow = spec(shell("echo $$ > ../pid; sleep 60"), lease_s=2.0)
    NODE.call("start", slow.to_json())
    status = Path(slow.directory) / "status.json"
    wait_until(status.exists, 15)
    assert json.loads(status.read_text())["outcome"] == "expired"
    assert not alive(int((tmp_path / "pid").read_text()))


def test_time_limit(spec):
    with pytest.raises(ProgramError, match=r"time limit of 0\.5 s"):
        run(spec(shell("sleep 60"), timeout_s=0.5))


def test_supervisor_killed_while_its_program_goes_on(spec, tmp_path):
    slow = spec(shell("echo $$ > ../pid; sleep 60"))
    NODE.call("start", slow.to_json())
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    supervisor = json.loads((Path(slow.directory) / "pid.json").read_text())["pid"]
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not alive(supervisor))
    assert job.poll({"directory": slow.directory})["state"] == "gone", "nobody could publish what it makes"
    assert not alive(int((tmp_path / "pid").read_text()))
    run(spec(shell("echo data > file")))
    assert len(made(tmp_path)) == 1


def test_supervisor_killed_and_nobody_looked(spec, tmp_path):
    slow = spec(shell("echo $$ > ../pid; sleep 60"))
    NODE.call("start", slow.to_json())
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    supervisor = json.loads((Path(slow.directory) / "pid.json").read_text())["pid"]
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not alive(supervisor))
    run(spec(shell("echo data > file")))
    assert not alive(int((tmp_path / "pid").read_text()))
    assert len(made(tmp_path)) == 1


def test_another_run_with_other_settings_takes_over(spec):
    first, second = spec(shell("sleep 60")), spec(shell("sleep 1"), key="l" * 32)
    NODE.call("start", first.to_json())
    waiting = {"directory": first.directory, "fingerprint": first.to_json()["fingerprint"]}
    assert job.poll(waiting)["state"] == "running"
    NODE.call("start", second.to_json())
    assert job.poll(waiting)["state"] == "replaced"
    run(second)


def test_killed_without_a_trace(spec, tmp_path):
    slow = spec(shell("sleep 60"))
    NODE.call("start", slow.to_json())
    wait_until(lambda: (Path(slow.directory) / "pid.json").exists() and list(tmp_path.glob("product.part-*")))
    group = json.loads((Path(slow.directory) / "pid.json").read_text())["group"]
    os.killpg(group, signal.SIGKILL)
    wait_until(lambda: not is_running(slow))
    with pytest.raises(ProgramError, match="ended without a word"):
        from sip_luigi.execution.jobs import judge

        judge(slow, job.poll({"directory": slow.directory, "offset": 0})["status"], "")
    run(spec(shell("echo data > file")))
    assert [path.name for path in tmp_path.glob("product*")] == ["product"]


def test_long_output_arrives_whole(spec):
    output = []
    run(spec(shell(f"{sys.executable} -c \"print('x' * 1000000)\"")), output)
    assert "".join(output).count("x") >= 1000000


def test_a_call_keeps_its_answer(spec, tmp_path):
    source = tmp_path / "raw"
    source.mkdir()
    (source / "f").write_text("abc")
    request = {
        **{"source": str(source), "destination": str(tmp_path / f"product.part-{'k' * 8}" / "copy")},
        **{"origin": "lse001:/x", "n_files": 1, "size_bytes": 3},
    }
    run(spec({"call": "copy", "request": request}, {"note": [1], "name": "seen"}))
    manifest = Manifest.from_text((tmp_path / "product" / "sip-manifest.json").read_text())
    used = manifest.measures.pop("resources")
    assert used["cpu_s"] > 0
    assert used["max_rss_bytes"] > 1e6
    assert manifest.measures == {"copy": {"mode": "link", "n_files": 1, "size_bytes": 3}, "seen": [1]}
