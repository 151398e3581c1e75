"""The brightest sources of the northern sky, which calibration feels from far outside the field."""

from __future__ import annotations

import math

from sip_luigi.domain.skymodel import Source, separation

REFERENCE_FREQ_HZ = 1e9

# Positions: NED. Fluxes: Perley & Butler 2017, ApJS 230, 7, table 6, log S = a0 + a1 x + a2 x² + …, x = log(ν / 1 GHz).
# Sizes: rough Gaussians of what is minutes large; far from the phase centre long baselines do not see more of it.
_ATEAM = (
    ("CasA", 350.85000, 58.81500, (3.3584, -0.7518, -0.0347, -0.0705), (180.0, 180.0, 0.0)),
    ("CygA", 299.86815, 40.73392, (3.3498, -1.0022, -0.2246, 0.0227, 0.0425), (90.0, 20.0, 110.0)),
    ("TauA", 83.63308, 22.01446, (2.9516, -0.2173, -0.0473, -0.0674), (240.0, 160.0, 130.0)),
    ("VirA", 187.70593, 12.39112, (2.4466, -0.8116, -0.0483), (60.0, 30.0, 90.0)),
)

ATEAM = tuple(
    Source(
        name=name,
        ra_rad=math.radians(ra_deg),
        dec_rad=math.radians(dec_deg),
        flux_jy=10.0 ** terms[0],
        reference_freq_hz=REFERENCE_FREQ_HZ,
        spectral_index=terms[1:],
        major_arcsec=major,
        minor_arcsec=minor,
        orientation_deg=angle,
    )
    for name, ra_deg, dec_deg, terms, (major, minor, angle) in _ATEAM
)
"""As one Gaussian each."""


def ateam_near(ra_rad: float, dec_rad: float, radius_rad: float) -> list[Source]:
    """Those within a radius of a position."""
    return [s for s in ATEAM if separation(ra_rad, dec_rad, s.ra_rad, s.dec_rad) <= radius_rad]
