"""The documentation builds, and its commands do what the pages say."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import BIN, REPOSITORY
from documentation import DOCS, blocks

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("documentation")]

# In the order in which a new user reads them: each goes on where the one before it ended.
READ = ("quickstart", "building-a-pipeline", "constructing-a-stage", "database")


@pytest.mark.xdist_group("documentation build")
def test_it_builds_without_warnings(tmp_path):
    # A copy: the pages of the package are written beside the others.
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("api"))
    for name in ("sip_luigi", "CHANGELOG.md"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    command = ("-m", "sphinx", "--fail-on-warning", "--keep-going", "--nitpicky", "--quiet", "docs", "html")
    done = subprocess.run(
        (sys.executable, *command), cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-4000:]
    stages = (tmp_path / "html" / "stages.html").read_text(encoding="utf-8")
    assert "<object" in stages, "the graph is drawn"
    assert ".svg" in stages


@dataclass
class Reader:
    """Somebody who copies every command from the pages."""

    directory: Path
    output: str

    @property
    def scratch(self):
        return self.directory / "mine" / "scratch" / "sip" / "L900777"

    @property
    def job(self):
        return self.directory / "mine" / "runtime" / "jobs" / "L900777"

    def measures(self, product):
        return json.loads((self.scratch / product / "sip-manifest.json").read_text())["measures"]


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Run the commands of all pages in one shell, as a reader would."""
    directory = tmp_path_factory.mktemp("reader")
    (directory / "docs").symlink_to(DOCS)
    script = "set -eu\n"
    for page in READ:
        for block in blocks(DOCS / f"{page}.md"):
            if block.is_run:
                script += f'echo "== {block.name} at $SECONDS s"\n{expecting(block)}\n'
    environment = {name: value for name, value in os.environ.items() if name != "LUIGI_CONFIG_PATH"}
    environment |= {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(directory), "COLUMNS": "200"}
    done = subprocess.run(
        ("bash", "-c", script),
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return Reader(directory, done.stdout)


def expecting(block):
    """The commands of a block, which have to end with the status that the page names."""
    if not block.status:
        return block.text
    return f"status=0\n(\n{block.text}) || status=$?\ntest $status = {block.status}"


def test_the_quick_start_gives_an_image(reader):
    results = reader.job / "results"
    assert {path.name for path in results.iterdir()} >= {
        *("report.html", "quality.json"),
        *(f"L900777.{end}" for end in ("image.fits", "image.pbcor.fits", "catalogue.fits", "skymodel")),
    }
    quality = json.loads((results / "quality.json").read_text())
    assert quality["outcome"] == "full"
    assert quality["n_sources"] >= 5


def test_another_setting_makes_the_image_again_and_no_more(reader):
    made = [
        Path(json.loads(line)["path"]).name
        for record in reader.scratch.rglob("made.jsonl")
        for line in record.read_text().splitlines()
    ]
    # The first run, the weights, the stage of one's own, which begins with the weights of the settings.
    assert made.count("image_band.cycle0") == 3
    assert made.count("preprocess") == made.count("flag_short") == 2
    assert made.count("calibrate.cycle0") == 4


def test_the_example_of_an_own_stage_does_its_work(reader):
    before, after = (reader.measures(f"SAP000_SB000/{stage}") for stage in ("preprocess", "flag_short"))
    before, after = before["verify_measurementset"], after["verify_measurementset"]
    assert before["shortest_uv_m"] < after["shortest_uv_m"]
    assert before["flagged_fraction"] < after["flagged_fraction"] < before["flagged_fraction"] + 0.1
    calibrated = (reader.job / "parsets" / "calibrate.SAP000_SB000.cycle0.parset").read_text()
    assert "/flag_short/" in calibrated.splitlines()[0]
    assert "short.blmin" in reader.output


def test_a_value_out_of_range_is_refused_as_the_page_says(reader):
    assert "ConfigurationError" in reader.output
    assert "[imaging] robust" in reader.output
