"""``sip nightly`` as cron sees it."""

import json
import shutil
import subprocess

from conftest import BIN


def nightly(observatory, *arguments):
    argv = (str(BIN / "sip"), "nightly", *arguments)
    environment = observatory.environment()
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)


def test_silence_and_noise(observatory):
    observatory = observatory(nightly={"full_fraction": 1})
    done = nightly(observatory)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    shutil.rmtree(observatory.storage)
    done = nightly(observatory)
    assert done.returncode == 30
    assert "THE NIGHT COULD NOT RUN\n  localhost: storage disk" in done.stdout, "nobody else is told of it"
    assert done.stderr == ""


def test_what_a_night_would_do(sip, here):
    assert sip("nightly", "--dry-run").output == "nothing to do\n"
    folder = here.storage / "L1_SAP000_SB000_uv.MS"
    folder.mkdir()
    (folder / "table.dat").write_text("data")
    assert sip("nightly", "--dry-run").output.startswith("L1: waits: changed ")
    here.settings["nightly"] = {"settle_s": 0}
    assert sip("nightly", "--dry-run").output == "L1: would be processed\n"
    assert json.loads(sip("nightly", "--dry-run", "--json").stdout) == {"next": ["L1"], "waiting": {}}
    assert not list(here.directory.rglob("state.json"))
