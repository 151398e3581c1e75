"""LOFAR's stations and receivers in numbers (van Haarlem et al. 2013, A&A 556, A2)."""

from __future__ import annotations

SPEED_OF_LIGHT_M_S = 299_792_458.0
BEAM_WIDTH_FACTOR = 1.02
"""FWHM of a station beam in λ/D (appendix B)."""
HBA_CORE_DIAMETER_M = 30.75
"""Diameter of one HBA field of a core station, the smallest there are (table B.1)."""
LBA_DIAMETERS_M = {"LBA_INNER": 32.25, "LBA_OUTER": 81.34}
"""Diameters of the LBA fields (table B.2)."""
LBA_LOWEST_HZ, HBA_LOWEST_HZ = 30e6, 110e6
"""Where the usual observing bands of the two begin (table 4)."""
FM_HZ = 100e6
"""The FM band lies between the two."""


def is_lba(antenna_set: str) -> bool:
    """Whether a set of antennas, as a MeasurementSet names it, is of the low band."""
    return antenna_set.startswith("LBA")


def lowest_freq_hz(freq_hz: float) -> float:
    """Lowest frequency that an observation with this frequency in its band usually has."""
    return min(freq_hz, HBA_LOWEST_HZ if freq_hz > FM_HZ else LBA_LOWEST_HZ)


def station_beam_rad(freq_hz: float, *, lba: bool = False) -> float:
    """FWHM of the beam of the smallest stations, 1.02 λ/D."""
    diameter_m = min(LBA_DIAMETERS_M.values()) if lba else HBA_CORE_DIAMETER_M
    return BEAM_WIDTH_FACTOR * SPEED_OF_LIGHT_M_S / freq_hz / diameter_m
