"""Units, cron entry and log rotation: read by the programs that they are for."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
SIP = str(Path(sys.executable).with_name("sip"))


def needs(program):
    return pytest.mark.skipif(
        not shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin"), reason=f"{program} is not installed"
    )


@needs("systemd-analyze")
def test_units(tmp_path):
    for path in (DEPLOY / "systemd").iterdir():
        # It wants the program to be there.
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/sip/bin/sip", SIP))
    units = sorted(map(str, tmp_path.iterdir()))
    assert len(units) == 3
    done = subprocess.run(("systemd-analyze", "verify", *units), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@needs("logrotate")
def test_log_rotation(tmp_path):
    text = (DEPLOY / "logrotate.d" / "sip").read_text()
    logs = [tmp_path / name for name in ("scheduler/scheduler.log", "jobs/L1/logs/pipeline.log")]
    for path in logs:
        path.parent.mkdir(parents=True)
        path.write_text("x" * 100)
    config = tmp_path / "logrotate.conf"
    config.write_text(
        text.replace("/data/sip", str(tmp_path)).replace("    su sip sip\n", "").replace("20M", "10")
    )
    config.chmod(0o644)
    argv = ("/usr/sbin/logrotate", "--force", "--state", str(tmp_path / "state"), str(config))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.stat().st_size for path in logs] == [0, 0]
    assert all(path.with_name(f"{path.name}.1.gz").is_file() for path in logs)


def test_commands_that_cron_and_systemd_start():
    texts = [path.read_text() for path in (*(DEPLOY / "systemd").iterdir(), DEPLOY / "cron.d" / "sip")]
    commands = {
        found
        for text in texts
        for found in re.findall(r"/opt/sip/bin/sip ([a-z ]+?)(?: --\w+)?(?:$| [>&])", text, re.M)
    }
    assert commands == {"scheduler run", "scheduler start", "nightly"}
    for command in commands:
        done = subprocess.run((SIP, *command.split(), "--help"), capture_output=True, check=False)
        assert done.returncode == 0, command
    assert "sip nightly --quiet" in (DEPLOY / "cron.d" / "sip").read_text()


@pytest.mark.parametrize("name", ["install-on-node", "node-status", "install-system-packages"])
def test_shell(name):
    done = subprocess.run(("sh", "-n", str(DEPLOY / name)), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
