"""How long the report of a large observation takes, and how large it is: ``bench/report``."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from astropy.io import fits
from astropy.table import Table

import sip_luigi.pipeline  # noqa: F401 - Luigi then knows all stages
from bench.figures import Aim, show
from bench.places import directory_option, make_raw_data, scratch
from sip_luigi.domain.product import Manifest
from sip_luigi.domain.summaries import UvSummary, flag_summary
from sip_luigi.node.gains import write_gains
from sip_luigi.node.h5parm import SolutionTable
from sip_luigi.node.publish import publish
from sip_luigi.report.index import SUMMARY, Entry, render_index
from sip_luigi.settings import Settings, load_settings
from sip_luigi.tasks.base import Stage
from sip_luigi.tasks.calibrate import GAINS, VISIBILITIES
from sip_luigi.tasks.context import open_context
from sip_luigi.tasks.find_sources import CATALOGUE, RMS_MAP
from sip_luigi.tasks.graph import walk
from sip_luigi.tasks.head_stage import manifest_of
from sip_luigi.tasks.imaging import BEAM, IMAGE, RESIDUAL, STOKES_V
from sip_luigi.tasks.preprocess import FLAGS
from sip_luigi.tasks.quality_report import SHOWN_UV, QualityReport
from sip_luigi.tasks.report_parts import spread

OBS_ID, SEED = "L900488", 20260101
TIMES, CHANNELS, SOURCES = 2880, 4, 1500
START_MJD_S, START_HZ, WIDTH_HZ = 5.27e9, 115e6, 195312.5
NOISE_JY = 1e-4
AIMS = {"report_s": Aim(high=30.0), "report_mb": Aim(high=20.0)}


@click.command()
@directory_option
@click.option("--subbands", default=488, show_default=True, help="Subbands of the observation.")
@click.option("--stations", default=62, show_default=True, help="Stations of the observation.")
@click.option("--pixels", default=4000, show_default=True, help="Pixels along a side of the image.")
@click.option("--cycles", default=3, show_default=True, help="Cycles of self-calibration.")
@click.option("--observations", default=500, show_default=True, help="Observations in the index.")
def main(directory: Path, subbands: int, stations: int, pixels: int, cycles: int, observations: int) -> None:
    """Lay out the products of a finished observation, and have the stage make its report; then make an index.

    Nothing is observed: the products hold noise and a few numbers, but all that a report reads of them is there, in
    its full size and where the stages leave it.
    """
    with scratch(directory) as folder:
        report = finished_observation(folder, subbands, cycles, Products(stations, pixels))
        n_tasks = len(walk(report)) - 1
        started = time.monotonic()
        report.run()
        report_s = time.monotonic() - started
        size = {path.name: path.stat().st_size for path in Path(report.product().path).iterdir()}
        entry = json.loads((Path(report.product().path) / SUMMARY).read_text(encoding="utf-8"))
        index_s, index_bytes = index_of(entry, observations)
    figures = {
        "subbands": subbands,
        "tasks": n_tasks,
        "report_s": report_s,
        "report_mb": size["report.html"] / 1e6,
        "observations": observations,
        "index_s": index_s,
        "index_mb": index_bytes / 1e6,
    }
    show("Report", figures, AIMS)


def index_of(entry: Mapping[str, Any], number: int) -> tuple[float, int]:
    """Seconds that the index of so many observations takes, and its bytes."""
    entries = {
        f"jobs/L{n}/results/": Entry.from_json(
            {**entry, "obs_id": f"L{n}", "rms_jy_beam": 1e-4 * (1 + n % 7)}
        )
        for n in range(number)
    }
    started = time.monotonic()
    page = render_index(entries)
    return time.monotonic() - started, len(page.encode())


def finished_observation(folder: Path, subbands: int, cycles: int, products: Products) -> QualityReport:
    """An observation of which everything is there but the report."""
    make_raw_data([folder / "raw"], OBS_ID, subbands)
    model = folder / "model.skymodel"
    model.write_text("FORMAT = Name, Type, Ra, Dec, I\nx, POINT, 12:00:00, 50.00.00, 1\n", encoding="utf-8")
    report = QualityReport(obs_id=OBS_ID, context=open_context(OBS_ID, settings_in(folder, model, cycles)))
    manifests: dict[str, Manifest] = {}

    def make(task: Stage) -> None:
        for needed in task.dependencies.values():
            if needed.task_id not in manifests:
                make(needed)
        inputs = {role: manifests[needed.task_id] for role, needed in task.dependencies.items()}
        manifests[task.task_id] = put(task, inputs, products)

    for task in report.dependencies.values():
        if task.task_id not in manifests:
            make(task)
    report.ctx.forget()
    return report


def settings_in(folder: Path, model: Path, cycles: int) -> Settings:
    """Everything on this machine, in one folder."""
    description = folder / "bench.clusterdesc"
    lines = (
        "ClusterName = bench",
        *(f"{role}.Nodes = [ localhost ]" for role in ("Head", "Storage", "Compute")),
    )
    disks = (f"Storage.LocalDisks = [ {folder}/raw ]", f"Compute.LocalDisks = [ {folder}/scratch ]")
    description.write_text("\n".join((*lines, *disks)) + "\n", encoding="utf-8")
    (folder / "scratch").mkdir()
    loaded = load_settings()
    return replace(
        loaded,
        runtime_directory=folder / "runtime",
        cluster=replace(loaded.cluster, clusterdesc=str(description)),
        pipeline=replace(loaded.pipeline, cycles=cycles),
        calibration=replace(loaded.calibration, skymodel=str(model)),
        # The programs are not run.
        dppp=replace(loaded.dppp, executable="true"),
        imaging=replace(loaded.imaging, executable="true"),
    )


def put(task: Stage, inputs: Mapping[str, Manifest], products: Products) -> Manifest:
    """Publish a product as its stage would have."""
    product = task.product()
    part = Path(f"{product.path}.part-bench")
    part.parent.mkdir(parents=True, exist_ok=True)
    if product.kind == "directory":
        part.mkdir()
    measures = products.write(task, part)
    manifest = replace(manifest_of(task, task.made_of(inputs), part, measures), elapsed_s=10.0)
    publish(product, part, manifest)
    return manifest


class Products:
    """What the stages leave, as far as a report reads it; of a size that large observations have.

    Parameters
    ----------
    stations : int
        Stations of the observation.
    pixels : int
        Pixels along a side of the image.
    """

    def __init__(self, stations: int, pixels: int) -> None:
        self.rng = np.random.default_rng(SEED)
        self.names = [f"CS{number:03d}HBA0" for number in range(stations)]
        self.pixels, self.cell_deg = pixels, 6.0 / pixels

    def write(self, task: Stage, part: Path) -> dict[str, Any]:
        """Write the files of a product, and tell its measures."""
        writers = {
            "gvds": self.described,
            "preprocess": self.preprocessed,
            "calibrate": self.calibrated,
            "gather": self.gathered,
            "image_band": self.imaged,
            "find_sources": self.found,
            "update_sky_model": self.updated,
            "judge_cycle": self.judged,
        }
        if task.stage in {"calibrate", "image_band", "find_sources"} and not self.is_read(task):
            return {}
        return writers.get(task.stage, self.nothing)(task, part)

    def is_read(self, task: Stage) -> bool:
        """Whether the report reads files of it: the results come from the first cycle, plots from some subbands."""
        names = [subband.name for subband in task.ctx.subbands]
        subband = task.param_kwargs.get("subband")
        return task.param_kwargs["cycle"] == 0 and (subband is None or subband in spread(names, SHOWN_UV))

    def nothing(self, task: Stage, part: Path) -> dict[str, Any]:
        """Of the others the report shows the manifest alone."""
        if task.product().kind == "file":
            source = Path(task.ctx.settings.calibration.skymodel)
            part.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
        return {}

    def described(self, task: Stage, part: Path) -> dict[str, Any]:
        """DescribeObservation."""
        self.nothing(task, part)
        return {
            "pointing_rad": [math.pi, math.radians(50.0)],
            "elevation_rad": 1.3,
            "start_time_mjd_s": START_MJD_S,
            "duration_s": 8 * 3600.0,
            "n_stations": len(self.names),
            "antenna_set": "HBA_DUAL",
        }

    def preprocessed(self, task: Stage, part: Path) -> dict[str, Any]:
        """Preprocess."""
        n = len(self.names)
        first, second = np.triu_indices(n, 1)
        flagged = {
            "station_names": self.names,
            "by_station": self.rng.random(n).tolist(),
            "by_baseline": {
                "first": first.tolist(),
                "second": second.tolist(),
                "fraction": self.rng.random(len(first)).tolist(),
            },
            "by_channel": {
                "frequency_hz": self.frequencies(task),
                "fraction": self.rng.random(CHANNELS).tolist(),
            },
            "by_time": {
                "start_mjd_s": START_MJD_S,
                "offset_s": (10.0 * np.arange(TIMES)).tolist(),
                "fraction": self.rng.random(TIMES).tolist(),
            },
        }
        (part / FLAGS).write_text(json.dumps(flag_summary(flagged)), encoding="utf-8")
        return {}

    def frequencies(self, task: Stage) -> list[float]:
        """Of the channels of a subband."""
        start_hz = START_HZ + WIDTH_HZ * task.ctx.subband(str(task.param_kwargs["subband"])).number
        return [start_hz + WIDTH_HZ * (channel + 0.5) / CHANNELS for channel in range(CHANNELS)]

    def calibrated(self, task: Stage, part: Path) -> dict[str, Any]:
        """Calibrate."""
        n, times_s = len(self.names), START_MJD_S + 60.0 * np.arange(480)
        shape = (len(times_s), 1, n, 2)
        tables = [
            SolutionTable(kind, values, np.ones(shape), tuple(self.names), times_s.astype(float), np.zeros(1))
            for kind, values in (
                ("amplitude", self.rng.normal(1.0, 0.1, shape)),
                ("phase", self.rng.normal(0.0, 0.6, shape).cumsum(axis=0)),
            )
        ]
        write_gains(str(part / GAINS), {"solutions.gain": tables})
        summary = UvSummary(80e3, np.array(self.frequencies(task)))
        uv_m = self.rng.normal(0.0, 20e3, (20_000, 2))
        amplitude = self.rng.rayleigh(2.0, (len(uv_m), CHANNELS))
        summary.add(uv_m / 299792458.0, amplitude, np.ones(amplitude.shape, dtype=bool))
        summary.cover(uv_m)
        (part / VISIBILITIES).write_text(json.dumps(summary.as_dict()), encoding="utf-8")
        return {}

    def gathered(self, task: Stage, part: Path) -> dict[str, Any]:
        """GatherSubband."""
        by_station = dict(zip(self.names, self.rng.random(len(self.names)).tolist(), strict=True))
        return {
            "verify_measurementset": {
                "flagged_fraction": 0.1,
                "n_channels": CHANNELS,
                "channel_width_hz": WIDTH_HZ / CHANNELS,
                "flagged_by_station": by_station,
            },
            "inspect_solutions": {
                "amplitude": by_station,
                "phase_scatter_rad": by_station,
                "bad_fraction": 0.01,
            },
            "beam": True,
            "flagged_stations": {},
            "ateam": {"text": "nothing to do"},
            "averaging": {"reason": "as it is", "warning": ""},
            "statistics": {"causes": {"aoflagger": 0.1}},
        }

    def imaged(self, task: Stage, part: Path) -> dict[str, Any]:
        """ImageBand."""
        for name in (IMAGE, RESIDUAL, STOKES_V):
            self.write_image(part / name, self.rng.normal(0.0, NOISE_JY, (self.pixels, self.pixels)))
        self.write_image(part / BEAM, np.ones((self.pixels, self.pixels)))
        beam = {"beam_major_arcsec": 15.0, "beam_minor_arcsec": 12.0, "beam_pa_deg": 30.0}
        shape = {"peak_jy_beam": 1.0, "frequency_hz": 150e6, "pixel_arcsec": self.cell_deg * 3600.0}
        return {
            "image": {**beam, **shape},
            "residual": {"rms_jy_beam": NOISE_JY},
            "stokes_v": {"rms_jy_beam": NOISE_JY},
            "bright_source": {"dynamic_range": 1e4, "artefact_ratio": 1.0, "stokes_v_fraction": None},
            "primary_beam": {},
        }

    def write_image(self, path: Path, data: Any) -> None:
        """Write one image."""
        header = fits.Header(
            {
                **{
                    "CTYPE1": "RA---SIN",
                    "CRVAL1": 180.0,
                    "CDELT1": -self.cell_deg,
                    "CRPIX1": self.pixels / 2,
                },
                **{"CTYPE2": "DEC--SIN", "CRVAL2": 50.0, "CDELT2": self.cell_deg, "CRPIX2": self.pixels / 2},
                **{"CUNIT1": "deg", "CUNIT2": "deg", "RADESYS": "FK5", "EQUINOX": 2000.0, "CTYPE3": "FREQ"},
                **{"CRVAL3": 150e6, "CDELT3": 95e6, "CRPIX3": 1.0, "CUNIT3": "Hz"},
                **{"BMAJ": 15.0 / 3600, "BMIN": 12.0 / 3600, "BPA": 30.0},
            }
        )
        fits.writeto(path, data.astype(np.float32)[None], header)

    def found(self, task: Stage, part: Path) -> dict[str, Any]:
        """FindSources."""
        flux = np.sort(self.rng.pareto(1.2, SOURCES) * 1e-3)
        columns = {
            "NAME": [f"J{number:06d}" for number in range(SOURCES)],
            "RA": 180.0 + self.rng.uniform(-3.5, 3.5, SOURCES),
            "DEC": 50.0 + self.rng.uniform(-2.5, 2.5, SOURCES),
            "TOTAL_FLUX": flux,
            "SNR": flux / NOISE_JY,
        }
        rest = ("E_TOTAL_FLUX", "DC_MAJ", "DC_MIN", "DC_PA", "SPECTRAL_INDEX")
        Table({**columns, **{name: np.zeros(SOURCES) for name in rest}}).write(part / CATALOGUE)
        self.write_image(
            part / RMS_MAP, np.abs(self.rng.normal(NOISE_JY, NOISE_JY / 10, (self.pixels, self.pixels)))
        )
        return {"find_sources": {"n_sources": SOURCES}}

    def updated(self, task: Stage, part: Path) -> dict[str, Any]:
        """UpdateSkyModel."""
        self.nothing(task, part)
        return {"n_sources": SOURCES, "n_matched": 1, "n_added": SOURCES - 1, "n_undetected": 0}

    def judged(self, task: Stage, part: Path) -> dict[str, Any]:
        """JudgeCycle."""
        self.nothing(task, part)
        cycle = {"state": "accepted", "reason": "as good", "rms_jy_beam": NOISE_JY, "dynamic_range": 1e4}
        numbers = range(task.param_kwargs["cycle"] + 1)
        return {
            "judgement": {"best": 0},
            "cycles": [{"cycle": n, **cycle, "n_sources": SOURCES, "solutions": {}} for n in numbers],
        }


if __name__ == "__main__":
    main()
