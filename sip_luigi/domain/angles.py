"""Angles as LOFAR sky models write them, and the distance between positions."""

from __future__ import annotations

import math
import re

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_COLONS = re.compile(r"([+-]?)(\d{1,3}):(\d{1,2})(?::(\d{1,2}(?:\.\d*)?))?", re.ASCII)
_DOTS = re.compile(r"([+-]?)(\d{1,3})\.(\d{1,2})\.(\d{1,2}(?:\.\d*)?)", re.ASCII)
_LETTERS = re.compile(r"([+-]?)(\d{1,3})([hd])(\d{1,2})m(?:(\d{1,2}(?:\.\d*)?)s?)?", re.ASCII)
_WITH_UNIT = re.compile(rf"({_NUMBER})\s*(deg|rad|arcmin|arcsec)", re.ASCII)
_DEGREE = math.pi / 180
_UNITS = {"deg": _DEGREE, "rad": 1.0, "arcmin": _DEGREE / 60, "arcsec": _DEGREE / 3600}


def parse_angle(text: str) -> float:
    """Read an angle as casacore does.

    ``14:11:20.49`` and ``14h11m20.49`` are in hours, ``+52.12.10.70`` and ``52d12m10.7`` in degrees;
    ``212.8deg``, ``3.7rad``, ``5arcmin``, ``5arcsec`` have their unit.

    Returns
    -------
    float
        rad.

    Raises
    ------
    ValueError
        The text is none of these; a bare number has no unit.
    """
    if match := _DOTS.fullmatch(text) or _COLONS.fullmatch(text):
        sign, whole, minutes, seconds = match.groups()
        scale = 15.0 if match.re is _COLONS else 1.0
    elif match := _LETTERS.fullmatch(text):
        sign, whole, unit, minutes, seconds = match.groups()
        scale = 15.0 if unit == "h" else 1.0
    elif match := _WITH_UNIT.fullmatch(text):
        return float(match[1]) * _UNITS[match[2]]
    else:
        raise ValueError(
            f"expected an angle such as 14:11:20.49, +52.12.10.70 or 212.8deg, found {text[:80]!r}"
        )
    # Programs that round their output write 60 seconds.
    if int(minutes) > 59 or float(seconds or 0) > 60:
        raise ValueError(f"minutes or seconds out of range in the angle {text!r}")
    degrees = scale * (int(whole) + int(minutes) / 60 + float(seconds or 0) / 3600)
    return math.radians(-degrees if sign == "-" else degrees)


def format_ra(ra_rad: float, decimals: int = 6) -> str:
    """Write a right ascension (rad) as hours, ``16:38:28.205274``."""
    unit = 10**decimals
    ticks = round((ra_rad % math.tau) * 43200 / math.pi * unit) % (86400 * unit)
    minutes, ticks = divmod(ticks, 60 * unit)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{ticks // unit:02d}.{ticks % unit:0{decimals}d}"


def format_dec(dec_rad: float, decimals: int = 6, width: int = 3) -> str:
    """Write a declination (rad) as degrees with `width` digits, ``+062.34.44.313607``."""
    unit = 10**decimals
    minutes, ticks = divmod(round(abs(dec_rad) / _DEGREE * 3600 * unit), 60 * unit)
    sign = "-" if math.copysign(1, dec_rad) < 0 else "+"
    return (
        f"{sign}{minutes // 60:0{width}d}.{minutes % 60:02d}.{ticks // unit:02d}.{ticks % unit:0{decimals}d}"
    )


def separation(ra1_rad: float, dec1_rad: float, ra2_rad: float, dec2_rad: float) -> float:
    """Angle between two positions, all in rad (haversine formula, exact for small angles)."""
    across = math.cos(dec1_rad) * math.cos(dec2_rad) * math.sin((ra2_rad - ra1_rad) / 2) ** 2
    return 2 * math.asin(min(1.0, math.sqrt(math.sin((dec2_rad - dec1_rad) / 2) ** 2 + across)))
