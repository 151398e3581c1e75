"""Settings of calibration: of the target, and of a calibrator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.setting import Section, setting
from sip_luigi.domain.transfer import CalibratorOptions


@dataclass(frozen=True)
class Calibration(Section):
    """Solve for station gains against the sky model and apply them, DP3."""

    section: ClassVar[str] = "calibration"

    skymodel: str = setting("", "LOFAR text sky model; empty: the pipeline finds one", science=False)
    # Not science: what is taken from the calibrator has a key of its own.
    calibrator_obs_id: str = setting(
        "",
        "Observation of a standard calibrator whose amplitudes and clocks are transferred; empty: none",
        science=False,
    )
    parset: str = setting("", "File of DP3 keys that go over the generated ones; empty: none", science=False)
    beam: bool = setting(True, "Use the station beam where the MeasurementSet describes its stations")
    solve_phase: bool = setting(True, "Solve for phases on a short interval before the complex gains")
    phase_mode: str = setting(
        "phaseonly",
        "'phaseonly' solves X and Y apart, 'scalarphase' for one phase of both, with less noise: for after a "
        "calibrator transfer, where X and Y agree",
        choices=("phaseonly", "scalarphase"),
    )
    phase_interval_s: float = setting(30.0, "Solution interval of the phases", unit="s", low=0.001)
    solve_gain: bool = setting(True, "Solve for complex gains on a long interval, after the phases")
    keep_flux_scale: str = setting(
        "auto",
        "Divide the typical amplitude of a subband out of its complex gains: the flux scale stays what it was before, "
        "and the model tells only how stations differ and drift; 'auto': after a calibrator",
        choices=("auto", "true", "false"),
    )
    gain_interval_s: float = setting(600.0, "Solution interval of the complex gains", unit="s", low=0.001)
    uv_min_lambda: float = setting(300.0, "Shortest baseline that is solved for", unit="λ", low=0)
    max_iterations: int = setting(500, "Iterations of a solution; the default of DP3 stops early", low=10)
    tolerance: float = setting(1e-5, "Relative change at which a solution has converged", low=1e-12, high=0.1)
    min_converged_fraction: float = setting(
        0.1,
        "A subband of which fewer solutions of a solve converge is lost. Of faint fields half may still creep after "
        "500 iterations, which does no harm; of a solver that stalls none converge",
        low=0,
        high=1,
    )
    amplitude_outlier_factor: float = setting(
        3.0,
        "Data of a station are flagged while its gain is so many times more or less than its median; electronics "
        "drift by per cents, interference and jumps by factors",
        low=1.1,
    )
    max_phase_scatter_rad: float = setting(
        2.0,
        "Stations whose phase changes more from one solution to the next (robust scatter) are flagged: 2.33 rad is "
        "chance, so their data hold no signal of the model, or the interval is too long",
        unit="rad",
        low=0.1,
    )
    check_model: bool = setting(
        True,
        "Compare one channel of the calibrated data with the sky model, and lose a subband that disagrees",
    )
    min_solution_snr: float = setting(
        3.0,
        "Signal to noise of the model for one station, one channel and phase_interval_s below which nothing is "
        "judged unless the data are bright: solutions of noise agree with any model, a faint field must not be lost",
        low=0,
    )
    min_closure: float = setting(
        0.6,
        "Agreement of closure phases with the model, as part of what noise allows, below which a subband is lost; "
        "measured: 1 with the true model, 0.74 with half its sources, 0.55 and less with one a degree away",
        low=0,
        high=1,
    )
    min_coherence: float = setting(
        0.5,
        "Coherence of data and model below which a subband is lost: less than a quarter of the power is in the model",
        low=0,
        high=1,
    )
    min_flux_ratio: float = setting(
        0.5, "Flux density of the data over that of the model below which a subband is lost", low=0
    )
    max_flux_ratio: float = setting(2.0, "The same above which it is lost", low=0)
    max_cross_ratio: float = setting(
        0.5,
        "Power of XY and YX over that of XX and YY above which a subband is lost: the sky has per cents there, "
        "swapped hands about 1",
        low=0,
    )
    max_shift_arcsec: float = setting(
        120.0,
        "Shift of the sky against the model, from the turning of the phases, above which a subband is lost; a steady "
        "drift of the ionosphere looks like 30 arcsec",
        unit="arcsec",
        low=0,
    )
    flag_bad_stations: bool = setting(True, "Flag stations found dead or noisy before solving")
    flag_bad_solutions: bool = setting(True, "Flag what these two limits say")
    max_flagged_fraction: float = setting(0.9, "A subband of which more is flagged is lost", low=0, high=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.solve_gain or self.solve_phase):
            raise ConfigurationError(
                "[calibration] solve_gain = false: expected solve_phase = true with it, or nothing is solved for"
            )

    def limits(self) -> dict[str, float]:
        """What :class:`~sip_luigi.domain.agreement.Limits` holds."""
        names = (
            *("min_solution_snr", "min_closure", "min_coherence", "min_flux_ratio", "max_flux_ratio"),
            *("max_cross_ratio", "max_shift_arcsec"),
        )
        return {name: getattr(self, name) for name in names}

    def keeps_flux_scale(self, has_calibrator: bool) -> bool:
        """Whether the complex gains leave the flux scale alone."""
        wanted = has_calibrator if self.keep_flux_scale == "auto" else self.keep_flux_scale == "true"
        return self.solve_gain and wanted


@dataclass(frozen=True)
class Calibrator(Section):
    """Solve a standard calibrator, and take from it what holds for the target too."""

    section: ClassVar[str] = "calibrator"

    interval_s: float = setting(
        30.0,
        "Solution interval; short enough for the ionosphere, whose part is taken out",
        unit="s",
        low=0.001,
    )
    uv_min_lambda: float = setting(
        300.0, "Shortest baseline that is solved for: shorter ones see the Galaxy", unit="λ", low=0
    )
    max_iterations: int = setting(500, "Iterations of a solution", low=10)
    tolerance: float = setting(1e-5, "Relative change at which a solution has converged", low=1e-12, high=0.1)
    min_converged_fraction: float = setting(
        0.5, "A subband of which fewer solutions converge is lost", low=0, high=1
    )
    min_subband_fraction: float = setting(
        0.5, "Fraction of the subbands that must be solved; below it the target is given up", low=0, high=1
    )
    outlier_sigma: float = setting(
        5.0, "Amplitudes farther from the median are left out, as in LINC", unit="σ", low=2
    )
    smooth_hz: float = setting(
        500e3,
        "Full width of the smoothing of the bandpass; half the period of the ripple that 100 m of cable make",
        unit="Hz",
        low=1e4,
    )
    max_gap_hz: float = setting(
        1e6, "So far from the next solved frequency the bandpass is interpolated", unit="Hz", low=0
    )
    max_delay_ns: float = setting(
        400.0, "Largest clock offset of a station; LOFAR's are below 200 ns", unit="ns", low=1, high=1e4
    )
    max_clock_error_ns: float = setting(
        5.0,
        "A clock known less well stays with the phases that are solved on the target: a narrow band cannot tell "
        "clock from ionosphere",
        unit="ns",
        low=0,
    )

    def science(self) -> dict[str, Any]:
        """Nothing: each of the two stages names what it uses."""
        return {}

    def solving(self) -> dict[str, Any]:
        """What decides the solutions of a subband."""
        names = ("interval_s", "uv_min_lambda", "max_iterations", "tolerance", "min_converged_fraction")
        return {name: getattr(self, name) for name in names}

    def transfer(self) -> CalibratorOptions:
        """What decides how they are taken apart."""
        return CalibratorOptions(
            self.outlier_sigma,
            self.smooth_hz,
            self.max_gap_hz,
            self.max_delay_ns * 1e-9,
            self.max_clock_error_ns * 1e-9,
        )
