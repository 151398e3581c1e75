"""What tests share: real data where they are, a small simulated observation, and a place to run the pipeline."""

import asyncio
import gc
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
OBS_ID = "L900777"
# Small enough for seconds: four subbands, one time slot a minute, a handful of bright sources.
SMALL = {
    **{"obs_id": OBS_ID, "seed": 20260101, "subbands": 4, "channels": 4, "stations": 30},
    **{"duration_s": 3600.0, "interval_s": 60.0, "sources": 12, "flux_min_jy": 1.0, "field_radius_deg": 1.2},
    **{"noise_jy": 2.0, "rfi_narrow": 1, "rfi_broad": 0, "min_separation_arcsec": 600},
}
SMALL_IMAGE = {"size_pixels": 576, "max_uv_lambda": 3000.0, "pixel_arcsec": 16.0, "channels_out": 2}

CLUSTERDESC = """\
ClusterName = test
Head.Nodes = [ localhost ]
Storage.Nodes = [ localhost ]
Storage.LocalDisks = [ {0}/storage ]
Compute.Nodes = [ localhost ]
Compute.LocalDisks = [ {0}/scratch ]
"""


@pytest.fixture(autouse=True, scope="module")
def nothing_left_open():
    """What a module leaves unclosed is told of at its own end and not in the middle of another one."""
    yield
    asyncio.set_event_loop(None)
    gc.collect()


@dataclass
class Observatory:
    """One machine with a storage disk, a scratch disk and a configuration; runs the main command."""

    directory: Path
    obs_id: str
    settings: dict

    @property
    def storage(self):
        return self.directory / "storage"

    @property
    def scratch(self):
        return self.directory / "scratch" / "sip" / self.obs_id

    @property
    def job(self):
        return self.directory / "runtime" / "jobs" / self.obs_id

    @property
    def results(self):
        return self.job / "results"

    @property
    def quality(self):
        return json.loads((self.results / "quality.json").read_text())

    def environment(self):
        self.write_config()
        return {**os.environ, "LUIGI_CONFIG_PATH": str(self.directory / "luigi.cfg")}

    def write_config(self):
        (self.directory / "test.clusterdesc").write_text(CLUSTERDESC.format(self.directory))
        sections = {"DEFAULT": {"runtime_directory": self.directory / "runtime"}, **self.settings}
        sections.setdefault("cluster", {}).setdefault("clusterdesc", self.directory / "test.clusterdesc")
        sections["cluster"].setdefault("retry_delay_s", 0.1)
        lines = []
        for section, values in sections.items():
            lines += [f"[{section}]", *(f"{key} = {value}" for key, value in values.items()), ""]
        (self.directory / "luigi.cfg").write_text("\n".join(lines))

    def argv(self, *arguments, obs_id=None, scheduler=("--local-scheduler",), task="ImagingPipeline"):
        command = (str(BIN / "luigi"), "--module", "sip_luigi", task, "--obs-id", obs_id or self.obs_id)
        return (*command, "--workers", "2", *scheduler, *arguments)

    def start(self, *arguments, **keywords):
        """Start the main command and return the process."""
        with (self.directory / "stderr.log").open("ab") as log:
            return subprocess.Popen(
                self.argv(*arguments, **keywords),
                cwd=self.directory,
                env=self.environment(),
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    def run(self, *arguments, **keywords):
        """Run the main command; its standard error is its output."""
        return subprocess.run(
            self.argv(*arguments, **keywords),
            cwd=self.directory,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def succeed(self, *arguments, **keywords):
        done = self.run(*arguments, **keywords)
        assert done.returncode == 0, done.stderr[-4000:]
        return done

    def made(self):
        """How often each product was published, from the node's own record."""
        counts = Counter()
        for record in self.scratch.rglob("made.jsonl"):
            for line in record.read_text().splitlines():
                counts[Path(json.loads(line)["path"]).relative_to(self.scratch).as_posix()] += 1
        return counts

    def made_stages(self):
        """The same by stage."""
        counts = Counter()
        for path, number in self.made().items():
            counts[Path(path).name.partition(".")[0]] += number
        return counts

    def leftovers(self):
        """Half products and what else should not be there."""
        return [path for pattern in ("*.part-*", "*.old-*") for path in self.directory.rglob(pattern)]


@pytest.fixture(scope="session")
def real_data():
    """Directory with the real data; the test is skipped, with the reason, where there are none."""
    folder = Path(os.environ.get("SIP_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "L102085_SAP000_SB080_uv.MS.tgz").is_file():
        pytest.skip(f"no real data: L102085_SAP000_SB080_uv.MS.tgz is not in {folder} (set SIP_REAL_DATA)")
    return folder


@pytest.fixture
def observatory(tmp_path):
    """Make an observatory; what is given as keyword is a section of its configuration."""

    def make(obs_id=OBS_ID, **settings):
        (tmp_path / "storage").mkdir(exist_ok=True)
        return Observatory(tmp_path, obs_id, settings)

    return make


@pytest.fixture
def real_observatory(observatory, real_data):
    """The real observation on a storage disk, with its calibrator model."""
    made = observatory("L102085", calibration={"skymodel": real_data / "3C295.skymodel"})
    with tarfile.open(real_data / "L102085_SAP000_SB080_uv.MS.tgz") as archive:
        archive.extractall(made.storage, filter="data")
    return made


@pytest.fixture(scope="session")
def small_simulation(tmp_path_factory):
    """A small simulated observation, made once by `sip simulate` for all tests."""
    return simulate(tmp_path_factory.mktemp("simulation"))


def simulate(folder, **options):
    """Simulate the small observation, or one that differs from it, and return its folder."""
    given = [f"--{name.replace('_', '-')}={value}" for name, value in {**SMALL, **options}.items()]
    subprocess.run((str(BIN / "sip"), "simulate", str(folder), "--jobs=2", *given), check=True)
    return folder


@pytest.fixture
def small_observatory(observatory, small_simulation):
    """The small observation on a storage disk of its own, calibrated with its own sky model."""
    skymodel = small_simulation / f"{OBS_ID}.truth.skymodel"
    made = observatory(calibration={"skymodel": skymodel}, imaging=dict(SMALL_IMAGE))
    for path in small_simulation.glob(f"{OBS_ID}_*.MS"):
        shutil.copytree(path, made.storage / path.name)
    return made


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, small_simulation):
    """The small observation after an undisturbed run."""
    folder = tmp_path_factory.mktemp("undisturbed")
    skymodel = small_simulation / f"{OBS_ID}.truth.skymodel"
    made = Observatory(folder, OBS_ID, {"calibration": {"skymodel": skymodel}, "imaging": dict(SMALL_IMAGE)})
    shutil.copytree(small_simulation, made.storage)
    made.succeed()
    return made
