"""Models of the standard calibrators on the Scaife & Heald flux scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sip_luigi.domain.angles import separation
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.skymodel import SkyModel, Source

REFERENCE_FREQ_HZ = 150e6


@dataclass(frozen=True)
class Calibrator:
    """A standard calibrator.

    Attributes
    ----------
    name : str
        Its usual name.
    ra_deg, dec_deg : float
        Position (J2000).
    flux_jy : float
        A0, at 150 MHz.
    coefficients : tuple of float
        A1, A2, … of S(ν) = A0 · 10^(A1 x + A2 x² + …), x = log10(ν / 150 MHz).
    """

    name: str
    ra_deg: float
    dec_deg: float
    flux_jy: float
    coefficients: tuple[float, ...]


# Scaife & Heald 2012, MNRAS 423, L30, table 1.
CALIBRATORS = (
    Calibrator("3C48", 24.42208, 33.15976, 64.768, (-0.387, -0.420, 0.181)),
    Calibrator("3C147", 85.65057, 49.85201, 66.738, (-0.022, -1.012, 0.549)),
    Calibrator("3C196", 123.40023, 48.21738, 83.084, (-0.699, -0.110)),
    Calibrator("3C286", 202.78453, 30.50915, 27.477, (-0.158, 0.032, -0.180)),
    Calibrator("3C287", 202.65496, 25.15319, 16.367, (-0.364,)),
    Calibrator("3C295", 212.83500, 52.20264, 97.763, (-0.582, -0.298, 0.583, -0.363)),
    Calibrator("3C380", 277.38242, 48.74609, 77.352, (-0.767,)),
)


def calibrator_near(ra_rad: float, dec_rad: float, radius_deg: float) -> Calibrator | None:
    """The standard calibrator within a radius of a position, None when there is none."""
    for calibrator in CALIBRATORS:
        there = math.radians(calibrator.ra_deg), math.radians(calibrator.dec_deg)
        if math.degrees(separation(ra_rad, dec_rad, *there)) <= radius_deg:
            return calibrator
    return None


def calibrator_named(name: str) -> Calibrator:
    """The standard calibrator of this name.

    Raises
    ------
    ConfigurationError
        There is none; names those that there are.
    """
    for calibrator in CALIBRATORS:
        if calibrator.name == name:
            return calibrator
    known = ", ".join(calibrator.name for calibrator in CALIBRATORS)
    raise ConfigurationError(f"standard calibrator: expected one of {known}, found {name!r}")


def calibrator_model(calibrator: Calibrator) -> SkyModel:
    """Point-source sky model of a calibrator."""
    source = Source(
        name=calibrator.name,
        ra_rad=math.radians(calibrator.ra_deg),
        dec_rad=math.radians(calibrator.dec_deg),
        flux_jy=calibrator.flux_jy,
        reference_freq_hz=REFERENCE_FREQ_HZ,
        spectral_index=calibrator.coefficients,
    )
    return SkyModel(sources=(source,))
