"""Simulate, run the pipeline as a user would, compare."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from sip_luigi.domain.errors import ProgramError
from sip_luigi.domain.skymodel_text import parse_skymodel
from sip_luigi.fits import read_detections, read_image, read_table
from sip_luigi.selftest.comparison import Field, Truth, catalogue_figures, failures
from sip_luigi.selftest.sites import Sections, Site
from sip_luigi.simulation.calibrator import calibrator_observation
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.residual import rfi_left
from sip_luigi.simulation.simulate import Progress, simulate

CATALOGUE_FRACTION = 3
"""The calibration model holds the brightest one in so many of the true sources."""
WRONG_SCALE = 0.75
"""Fluxes of that model over the true ones, where there is a calibrator to take the flux scale from."""
MIN_BEAM_POWER = 0.3
CALIBRATOR = "3C196"
"""Standard calibrator, high in the sky before the observation of the self-test."""


def observation(seed: int) -> SimulationOptions:
    """The observation of the self-test.

    Everything that a LOFAR observation has to deal with, as mildly as on a quiet night: a screen at 300 km whose
    electron content differs over the field by 0.0017 TECU rms (0.003 TECU, or 0.17 rad, at the remote stations)
    from what calibration towards the centre takes away, the A-team in the side lobes, leakage of 1 %, a bandpass
    with a ripple of 1 %, clocks that are off by 10 ns, interference, a dead station and a noisy one. No source is
    brighter than 1 Jy: what the ionosphere scatters grows with their fluxes.

    Noise of 2.5 Jy is that of a core station (SEFD 3 kJy at 140 MHz, van Haarlem et al. 2013, A&A 556, A2) in
    a channel of 24 kHz and 30 s. The sources lie inside the image that the default settings make; the faintest
    are at 7 σ where the primary beam is about 0.6, so that finding them is a test.
    """
    return SimulationOptions(
        obs_id=f"L{900_000 + seed % 100_000}",
        seed=seed,
        stations=36,
        noise_jy=2.5,
        field_radius_deg=2.1,
        sources=150,
        flux_min_jy=0.02,
        flux_max_jy=1.0,
        spectral_curvature_scatter=0.2,
        extended_fraction=0.1,
        ateam=True,
        bandpass_depth=0.3,
        bandpass_ripple=0.01,
        clock_offset_ns=10.0,
        leakage=0.01,
        tec_rms_tecu=0.015,
        ionosphere_height_km=300.0,
        noisy_stations=1,
    )


DEMONSTRATION: Sections = {"imaging": {"field_of_view_fwhm": 1.15}}
"""The demonstration images less of the beam than the pipeline does by default: the rest costs a minute more."""


def demonstration(seed: int) -> SimulationOptions:
    """The observation of the demonstration: that of the self-test, of a smaller field."""
    return replace(observation(seed), field_radius_deg=2.0, sources=130)


def calibrator_of(target: SimulationOptions) -> SimulationOptions:
    """The observation of a calibrator beside that of the self-test."""
    return calibrator_observation(target, CALIBRATOR, f"L{800_000 + target.seed % 100_000}")


LUIGI: Sections = {
    "core": {"log_level": "WARNING", "no_lock": "true", "autoload_range": "false"},
    "scheduler": {"stable_done_cooldown_secs": "0"},
}


@dataclass(frozen=True)
class SelfTest:
    """A simulated observation and the place where it is processed.

    Attributes
    ----------
    site : Site
        Where it runs.
    options : SimulationOptions
        What is simulated.
    workers : int
        Luigi workers.
    calibrator : SimulationOptions or None
        A calibrator's observation, from which the flux scale has to come: all fluxes of the model of the target
        that the pipeline is given are wrong.
    settings : mapping
        Sections of the configuration that are not as they are by default.
    """

    site: Site
    options: SimulationOptions
    workers: int = 2
    calibrator: SimulationOptions | None = None
    settings: Sections = field(default_factory=dict)

    @property
    def job(self) -> Path:
        """Where the pipeline keeps what belongs to the observation."""
        return self.site.head / "runtime" / "jobs" / self.options.obs_id

    @property
    def results(self) -> Path:
        """Where the pipeline leaves its results."""
        return self.job / "results"

    def truth(self, suffix: str) -> Path:
        """A file of the truth."""
        return self.site.simulated / f"{self.options.obs_id}.truth.{suffix}"

    def prepare(self, progress: Progress) -> None:
        """Simulate the observation and write the configuration; what is there already stays."""
        site = self.site
        site.simulated.mkdir(parents=True, exist_ok=True)
        raw: list[Path] = []
        for options in filter(None, (self.options, self.calibrator)):
            made = simulate(options, site.simulated, progress=progress, jobs=self.workers)
            raw += made.measurement_sets
        sections = site.prepare(raw)
        reference = site.head / "truth.fits"
        shutil.copyfile(self.truth("fits"), reference)
        settings = {
            "DEFAULT": {"runtime_directory": site.seen(site.head / "runtime")},
            **sections,
            "calibration": self.calibration(),
            "quality": {"reference_catalogue": site.seen(reference)},
            **LUIGI,
            **self.settings,
        }
        (site.head / "luigi.cfg").write_text(config_text(settings), encoding="utf-8")

    def calibration(self) -> dict[str, object]:
        """Settings of the calibration: a model of the brightest sources of the field, and the calibrator."""
        model = parse_skymodel(self.truth("skymodel").read_text(encoding="utf-8"), self.truth("skymodel"))
        known = model.brightest(max(1, len(model.sources) // CATALOGUE_FRACTION))
        path = self.site.head / "known.skymodel"
        if self.calibrator is None:
            path.write_text(known.text(), encoding="utf-8")
            return {"skymodel": self.site.seen(path)}
        faint = [replace(source, flux_jy=WRONG_SCALE * source.flux_jy) for source in known.sources]
        path.write_text(replace(known, sources=tuple(faint)).text(), encoding="utf-8")
        return {"skymodel": self.site.seen(path), "calibrator_obs_id": self.calibrator.obs_id}

    def run(self, on_start: Callable[[str], None], *arguments: str) -> float:
        """Run the main command under a luigid of its own and return the seconds that it took.

        Parameters
        ----------
        on_start : callable
            Is given the URL of luigid.
        *arguments : str
            What else is typed behind the main command, such as settings of this run alone.

        Raises
        ------
        ProgramError
            It did not end with 0.
        """
        with self.site.scheduler() as url:
            on_start(url)
            argv = (
                str(Path(sys.executable).with_name("luigi")),
                *("--module", "sip_luigi", "ImagingPipeline", "--obs-id", self.options.obs_id),
                *("--workers", str(self.workers), "--scheduler-url", url),
                *arguments,
            )
            started = time.monotonic()
            status = self.site.run(argv)
        if status:
            raise ProgramError(f"{' '.join(argv)} ended with exit status {status}; see {self.job / 'logs'}")
        return time.monotonic() - started

    def figures(self) -> dict[str, Any]:
        """Hold the results against the truth."""
        quality = json.loads((self.results / "quality.json").read_text(encoding="utf-8"))
        detections = read_detections(self.results / f"{self.options.obs_id}.catalogue.fits")
        figures = catalogue_figures(self.read_truth(quality["frequency_hz"]), detections, self.field(quality))
        truth = json.loads(self.truth("json").read_text(encoding="utf-8"))
        return {
            "obs_id": self.options.obs_id,
            "seed": self.options.seed,
            **figures,
            "rms_jy_beam": quality["rms_jy_beam"],
            "stokes_v_rms_jy_beam": quality["stokes_v_rms_jy_beam"],
            "noise_over_stokes_v": quality["rms_jy_beam"] / quality["stokes_v_rms_jy_beam"],
            "dead_station_flagged_fraction": flagged_fraction(truth["dead_stations"], quality),
            "noisy_station_flagged_fraction": flagged_fraction(truth["noisy_stations"], quality),
            "rfi_left_fraction": rfi_left(self.preprocessed(), truth),
            "verdict": quality["verdict"],
            "outcome": quality["outcome"],
        }

    def judge(self) -> dict[str, Any]:
        """The figures, with the limits that they miss."""
        figures = self.figures()
        return {**figures, "failures": failures(figures)}

    def preprocessed(self) -> list[Path]:
        """The flagged and averaged MeasurementSets."""
        return self.site.products(f"sip/{self.options.obs_id}/*/preprocess/*.MS")

    def read_truth(self, freq_hz: float) -> Truth:
        """The true sources at the frequency of the image."""
        table = read_table(self.truth("fits"))
        column = {name: np.asarray(table[name], dtype=float) for name in table.colnames if name != "NAME"}
        terms = column["SPECTRAL_TERMS"]
        x = np.log10(freq_hz / self.options.band_centre_hz)
        scale = 10.0 ** (terms @ x ** np.arange(1, terms.shape[1] + 1))
        return Truth(
            ra_rad=np.deg2rad(column["RA"]),
            dec_rad=np.deg2rad(column["DEC"]),
            flux_jy=column["FLUX"] * scale,
            beam_power=column["APPARENT_FLUX"] / column["FLUX"],
        )

    def field(self, quality: dict[str, Any]) -> Field:
        """The field that the image covers."""
        image = read_image(self.results / f"{self.options.obs_id}.image.fits")
        size_deg = abs(image.header["CDELT2"]) * image.data.shape[0]
        ra_deg, dec_deg = self.options.phase_centre_deg
        return Field(
            centre_rad=(np.deg2rad(ra_deg), np.deg2rad(dec_deg)),
            radius_rad=np.deg2rad(size_deg / 2.0),
            min_beam_power=MIN_BEAM_POWER,
            rms_jy=quality["rms_jy_beam"],
            beam_rad=np.deg2rad(quality["beam_major_arcsec"] / 3600.0),
        )


def flagged_fraction(stations: Sequence[str], quality: Mapping[str, Any]) -> float:
    """Part of the bad stations, subband by subband, that were found; 1 when there are none."""
    flagged, n_subbands = quality["bad_stations"], quality["subbands_used"]
    found = sum(len(flagged.get(station, ())) for station in stations)
    return found / (len(stations) * n_subbands) if stations else 1.0


def config_text(sections: Sections) -> str:
    """A ``luigi.cfg``; in its values ``%`` begins a variable, unless it is doubled."""
    lines = []
    for name, values in sections.items():
        lines += [
            f"[{name}]",
            *(f"{key} = {str(value).replace('%', '%%')}" for key, value in values.items()),
            "",
        ]
    return "\n".join(lines)
