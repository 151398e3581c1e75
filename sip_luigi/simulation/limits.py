"""What each option of the simulator may be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sip_luigi.domain.calibrators import calibrator_named
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.simulation.utc import mjd_seconds

ANTENNA_SETS = ("HBA_DUAL_INNER", "HBA_DUAL")
"""The antenna sets that can be simulated: remote stations with 24 or with all of their 48 tiles."""

RANGES: Mapping[str, tuple[float, float]] = {
    "seed": (0, 2**63 - 1),
    "subbands": (1, 488),
    "first_subband": (0, 999),
    "channels": (1, 4096),
    "frequency_hz": (110e6, 190e6),
    "subband_width_hz": (1e3, 1e6),
    "subband_spacing_hz": (1e3, 80e6),
    "duration_s": (0.1, 86400),
    "interval_s": (0.1, 3600),
    "ra_deg": (0, 360),
    "dec_deg": (-90, 90),
    "pointing": (0, 1000),
    "sources": (0, 100_000),
    "flux_min_jy": (1e-9, 1e6),
    "flux_max_jy": (1e-9, 1e6),
    "flux_slope": (0, 10),
    "field_radius_deg": (0, 20),
    "min_separation_arcsec": (0, 36000),
    "spectral_index_mean": (-10, 10),
    "spectral_index_scatter": (0, 10),
    "spectral_curvature_scatter": (0, 10),
    "extended_fraction": (0, 1),
    "extended_arcsec": (0.001, 3600),
    "gain_amplitude_scatter": (0, 2),
    "gain_phase_scatter_rad": (0, 100),
    "gain_drift_fraction": (0, 1),
    "gain_drift_time_s": (1, math.inf),
    "bandpass_depth": (0, 10),
    "bandpass_ripple": (0, 0.5),
    "clock_offset_ns": (0, 10_000),
    "leakage": (0, 0.5),
    "tec_rms_tecu": (0, 100),
    "ionosphere_height_km": (0, 2000),
    "noise_jy": (0, 1e9),
    "rfi_narrow": (0, 10_000),
    "rfi_narrow_jy": (0, 1e12),
    "rfi_broad": (0, 10_000),
    "rfi_broad_jy": (0, 1e12),
    "dead_stations": (0, 98),
    "noisy_stations": (0, 98),
    "noisy_sefd_factor": (1, 1e6),
    "intermittent_stations": (0, 98),
    "disks": (1, 1000),
}
"""Smallest and largest value of each number."""

WHOLE = frozenset(
    {"seed", "subbands", "first_subband", "channels", "sources", "rfi_narrow", "rfi_broad"}
    | {"dead_stations", "noisy_stations", "intermittent_stations", "disks", "pointing"}
)
"""Of these, the ones that count something."""

_YES_OR_NO = frozenset({"beam", "beam_tables", "ateam", "ateam_smearing"})


def check_value(name: str, value: Any) -> None:
    """Refuse a value that an option cannot have.

    Raises
    ------
    ConfigurationError
        Says which option, what was expected and what was found.
    """
    if name == "start_utc" or (name == "instrument_epoch_utc" and value != ""):
        _check_time(name, value)
    elif name == "standard_source" and value != "":
        calibrator_named(value)
    elif name == "stations":
        _check_stations(name, value)
    elif name == "antenna_set" and value not in ANTENNA_SETS:
        raise _refused(name, value, "one of " + ", ".join(ANTENNA_SETS))
    elif name in _YES_OR_NO and not isinstance(value, bool):
        raise _refused(name, value, "True or False")
    elif name in RANGES and not (name == "ra_deg" and value is None):
        _check_number(name, value)


def require(holds: bool, name: str, expected: str) -> None:
    """Refuse an option that does not go together with the others; the message says what was expected."""
    if not holds:
        raise ConfigurationError(f"simulation option {name}: expected {expected}")


def _check_number(name: str, value: Any) -> None:
    low, high = RANGES[name]
    kind = int if name in WHOLE else (int, float)
    if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
        what = "a whole number" if name in WHOLE else "a number"
        raise _refused(name, value, f"{what} from {low:g} to {high:g}")


def _check_stations(name: str, value: Any) -> None:
    count = isinstance(value, int) and not isinstance(value, bool)
    if not count and not (isinstance(value, tuple) and all(isinstance(item, str) for item in value)):
        raise _refused(name, value, "a number of stations, or a tuple of their names")


def _check_time(name: str, value: Any) -> None:
    try:
        mjd_seconds(value)
    except (ValueError, TypeError, OverflowError):
        raise _refused(name, value, "an ISO 8601 time such as 2024-03-20T20:00:00") from None


def _refused(name: str, value: Any, expected: str) -> ConfigurationError:
    return ConfigurationError(f"simulation option {name}: expected {expected}, found {value!r}")
