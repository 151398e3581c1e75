"""Where stations and sources are, seen from the sky and from the Earth, by the measures of casacore."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from casacore.measures import measures
from casacore.quanta import quantity

Floats = npt.NDArray[np.float64]

_LONG_M = 1e6


def station_uvw(
    positions_m: Floats, times_mjd_s: Floats, centre_ra_rad: float, centre_dec_rad: float
) -> Floats:
    """Give u, v and w of each station.

    The baseline of ANTENNA1 and ANTENNA2 has the UVW of the second less that of the first, as LOFAR's
    correlator has it. The conversion is linear in the position, so three unit vectors tell all of it.

    Parameters
    ----------
    positions_m : ndarray
        Geocentric positions, shape (n_stations, 3); the first is the reference.
    times_mjd_s : ndarray
        Middles of the time slots, UTC, shape (n_times,).
    centre_ra_rad, centre_dec_rad : float
        Phase centre, J2000.

    Returns
    -------
    ndarray
        Metres, relative to the first station, shape (n_times, n_stations, 3).
    """
    frame = _frame(positions_m[0])
    frame.do_frame(_direction(frame, "J2000", centre_ra_rad, centre_dec_rad))
    offsets = positions_m - positions_m[0]
    return np.stack([offsets @ _rotation(frame, time_s) for time_s in times_mjd_s])


def itrf_directions(position_m: Floats, times_mjd_s: Floats, ra_rad: Floats, dec_rad: Floats) -> Floats:
    """Give J2000 directions as unit vectors that turn with the Earth.

    Returns
    -------
    ndarray
        ITRF, shape (n_times, n_directions, 3).
    """
    frame = _frame(position_m)
    j2000 = [_direction(frame, "J2000", *place) for place in zip(ra_rad, dec_rad, strict=True)]
    vectors = np.empty((len(times_mjd_s), len(j2000), 3))
    for i, time_s in enumerate(times_mjd_s):
        _set_time(frame, time_s)
        for j, direction in enumerate(j2000):
            vectors[i, j] = _unit_vector(frame.measure(direction, "ITRF"))
    return vectors


def _rotation(frame: measures, time_s: float) -> Floats:
    """Give the matrix whose rows are the UVW of the three geocentric unit vectors."""
    _set_time(frame, time_s)
    rows = []
    for vector in _LONG_M * np.eye(3):
        baseline = frame.baseline("ITRF", *(quantity(float(x), "m") for x in vector))
        uvw = frame.to_uvw(frame.measure(baseline, "J2000"))
        rows.append(uvw["xyz"].get_value("m"))
    return np.array(rows) / _LONG_M


def _frame(position_m: Floats) -> measures:
    frame = measures()
    frame.do_frame(frame.position("ITRF", *(quantity(float(x), "m") for x in position_m)))
    return frame


def _set_time(frame: measures, time_s: float) -> None:
    frame.do_frame(frame.epoch("UTC", quantity(float(time_s), "s")))


def _direction(frame: measures, reference: str, longitude: float, latitude: float) -> object:
    return frame.direction(reference, quantity(float(longitude), "rad"), quantity(float(latitude), "rad"))


def _unit_vector(direction: dict[str, dict[str, float]]) -> Floats:
    longitude, latitude = direction["m0"]["value"], direction["m1"]["value"]
    cos = np.cos(latitude)
    return np.array([cos * np.cos(longitude), cos * np.sin(longitude), np.sin(latitude)])
