"""A model of the A-team: the sources that are seen through the side lobes of every LOFAR station.

Total spectra are those of Perley & Butler 2017 (ApJS 230, 7), table 6. They hold from 50 MHz, for Cassiopeia A from
200 MHz, below which the polynomial gives too much (a quarter at 54 MHz). Shapes are a handful of Gaussians drawn after
published sizes, good enough for finding and subtracting what leaks in, not for calibrating on these sources.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sip_luigi.domain.angles import separation
from sip_luigi.domain.skymodel import Patch, SkyModel, Source

REFERENCE_FREQ_HZ = 1e9
CAS_A_EPOCH = 2016.0
CAS_A_DECLINE_PER_YEAR = 0.0067
"""Secular decrease of Cassiopeia A as a fraction of its flux of 2016 (Trotter et al. 2017, MNRAS 469, 1299)."""

_ARCSEC = math.radians(1.0 / 3600.0)


@dataclass(frozen=True)
class Component:
    """One Gaussian of a source.

    Attributes
    ----------
    east_arcsec, north_arcsec : float
        Offset from the position of the source.
    fraction : float
        Of the total flux.
    major_arcsec, minor_arcsec, orientation_deg : float
        FWHM and position angle from north through east.
    """

    east_arcsec: float
    north_arcsec: float
    fraction: float
    major_arcsec: float
    minor_arcsec: float
    orientation_deg: float = 0.0


@dataclass(frozen=True)
class AteamSource:
    """A source of the A-team.

    Attributes
    ----------
    name : str
        Name of its patch.
    ra_deg, dec_deg : float
        Position (J2000).
    coefficients : tuple of float
        a0, a1, … of log10(S / Jy) = a0 + a1 x + a2 x² + …, x = log10(ν / GHz).
    components : tuple of Component
        Their fractions add up to 1.
    decline_per_year : float
        Secular decrease of the flux since 2016.
    """

    name: str
    ra_deg: float
    dec_deg: float
    coefficients: tuple[float, ...]
    components: tuple[Component, ...]
    decline_per_year: float = 0.0


def _shell(radius_arcsec: float, width_arcsec: float, fraction: float, n: int = 6) -> tuple[Component, ...]:
    angles = [2 * math.pi * k / n for k in range(n)]
    return tuple(
        Component(
            radius_arcsec * math.sin(angle),
            radius_arcsec * math.cos(angle),
            fraction / n,
            width_arcsec,
            width_arcsec,
        )
        for angle in angles
    )


ATEAM: tuple[AteamSource, ...] = (
    # A shell of 5′ with its bright ring at 1.7′ (Green 2019, JApA 40, 36: G111.7-2.1).
    AteamSource(
        "CasA",
        350.8500,
        58.8150,
        (3.3584, -0.7518, -0.035, -0.071),
        (*_shell(100.0, 95.0, 0.72), Component(0, 0, 0.28, 230.0, 230.0)),
        CAS_A_DECLINE_PER_YEAR,
    ),
    # Two lobes 2′ apart from hot spot to hot spot in position angle 284° (Carilli & Barthel 1996, A&ARv 7, 1).
    AteamSource(
        "CygA",
        299.86815,
        40.73392,
        (3.3498, -1.0022, -0.225, 0.023, 0.043),
        (
            Component(-50.5, 12.6, 0.45, 32.0, 20.0, 104.0),
            Component(48.5, -12.1, 0.45, 32.0, 20.0, 104.0),
            Component(0, 0, 0.10, 70.0, 25.0, 104.0),
        ),
    ),
    # A filled nebula of 7′ × 5′ (Green 2019: G184.6-5.8).
    AteamSource(
        "TauA",
        83.63308,
        22.01450,
        (2.9516, -0.217, -0.047, -0.067),
        (Component(0, 0, 0.75, 260.0, 170.0, 127.0), Component(0, 0, 0.25, 120.0, 90.0, 127.0)),
    ),
    # Half in the inner cocoon along the jet, half in the halo of 14′ × 10′ (de Gasperin et al. 2012, A&A 547, A56).
    AteamSource(
        "VirA",
        187.70593,
        12.39112,
        (2.4466, -0.8116, -0.048),
        (Component(0, 0, 0.5, 60.0, 40.0, 110.0), Component(0, 0, 0.5, 400.0, 300.0, 10.0)),
    ),
)
NAMES = tuple(source.name for source in ATEAM)


def year_of(mjd_s: float) -> float:
    """Julian year of a time in MJD seconds."""
    return 2000.0 + (mjd_s / 86400.0 - 51544.5) / 365.25


def ateam_model(names: Iterable[str] = NAMES, year: float = CAS_A_EPOCH) -> SkyModel:
    """Sky model of some sources of the A-team, each of them a patch.

    Parameters
    ----------
    names : iterable of str
        Of :data:`NAMES`; in the order of the table, whatever the order given.
    year : float
        When they are observed: Cassiopeia A fades.
    """
    chosen = [source for source in ATEAM if source.name in set(names)]
    return SkyModel(
        sources=tuple(part for source in chosen for part in _parts(source, year)),
        patches=tuple(Patch(s.name, math.radians(s.ra_deg), math.radians(s.dec_deg)) for s in chosen),
        header_comments=("A-team, spectra of Perley & Butler 2017, shapes of a few Gaussians",),
    )


def ateam_near(ra_rad: float, dec_rad: float, radius_rad: float) -> list[Source]:
    """Components, without patches, of the sources within a radius of a position."""
    near = [
        source
        for source in ATEAM
        if separation(ra_rad, dec_rad, math.radians(source.ra_deg), math.radians(source.dec_deg))
        <= radius_rad
    ]
    return [replace(part, patch="") for source in near for part in _parts(source, CAS_A_EPOCH)]


def _parts(source: AteamSource, year: float) -> list[Source]:
    faded = max(0.1, 1.0 - source.decline_per_year * (year - CAS_A_EPOCH))
    total_jy = 10.0 ** source.coefficients[0] * faded
    ra_rad, dec_rad = math.radians(source.ra_deg), math.radians(source.dec_deg)
    return [
        Source(
            name=f"{source.name}_{number}",
            patch=source.name,
            ra_rad=ra_rad + part.east_arcsec * _ARCSEC / math.cos(dec_rad),
            dec_rad=dec_rad + part.north_arcsec * _ARCSEC,
            flux_jy=total_jy * part.fraction,
            reference_freq_hz=REFERENCE_FREQ_HZ,
            spectral_index=source.coefficients[1:],
            major_arcsec=part.major_arcsec,
            minor_arcsec=part.minor_arcsec,
            orientation_deg=part.orientation_deg,
            # Seen from a phase centre far away, north is elsewhere.
            orientation_is_absolute=True,
        )
        for number, part in enumerate(source.components)
    ]
