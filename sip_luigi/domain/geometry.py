"""Where the telescope points."""

from __future__ import annotations

import math

CORE_LONGITUDE_RAD = math.radians(6.86979)
CORE_LATITUDE_RAD = math.radians(52.91512)
"""Phase centre of CS002LBA (lofarantpos)."""

MJD_OF_J2000 = 51544.5


def sidereal_time_rad(mjd_s: float, longitude_rad: float = CORE_LONGITUDE_RAD) -> float:
    """Local mean sidereal time (Meeus, Astronomical Algorithms, eq. 12.4; UT1 taken as UTC), rad."""
    days = mjd_s / 86400.0 - MJD_OF_J2000
    return (math.radians(280.46061837 + 360.98564736629 * days) + longitude_rad) % (2 * math.pi)


def elevation_rad(ra_rad: float, dec_rad: float, mjd_s: float) -> float:
    """Elevation of a direction above the core at a time (MJD seconds, UTC), right to half a degree."""
    hour_angle = sidereal_time_rad(mjd_s) - ra_rad
    sine = math.sin(CORE_LATITUDE_RAD) * math.sin(dec_rad)
    sine += math.cos(CORE_LATITUDE_RAD) * math.cos(dec_rad) * math.cos(hour_angle)
    return math.asin(max(-1.0, min(1.0, sine)))
