"""Judge products by what they contain; no exit status is believed."""

from __future__ import annotations

from typing import Any

import numpy as np

from sip_luigi.domain.errors import BadData
from sip_luigi.domain.quality import robust_sigma
from sip_luigi.node.guard import guarded
from sip_luigi.node.inspect import Reader, spectral_window
from sip_luigi.node.plane import read_plane
from sip_luigi.node.scan import Scan, refuse_unusable, scan
from sip_luigi.node.uvcoverage import uv_extent
from sip_luigi.node.visibilities import Visibilities

DEAD_BELOW = 0.3
"""A station with less of the median amplitude is dead. Good ones of L102085 have 0.62 to 1.21 of it."""
NOISY_ABOVE = 3.0
"""A station with more of the median amplitude is noisy."""
CROSS_NOISY_ABOVE = 2.0
"""The same for the amplitude of XY and YX; good stations of L102085 have 0.81 to 1.28 of the median."""


def verify_measurementset(request: dict[str, Any]) -> dict[str, Any]:
    """Measure a processed MeasurementSet, or refuse it.

    Parameters
    ----------
    request : dict
        ``path``; optional ``column`` (DATA), ``max_flagged_fraction`` (1.0), ``reference`` (the expected
        ``n_times`` and ``n_channels``), ``dead_below``, ``noisy_above``, ``visibilities`` (a JSON file that is
        written for the report, see :class:`~sip_luigi.domain.summaries.UvSummary`).

    Returns
    -------
    dict
        ``n_rows, n_times, n_channels, step_s, channel_width_hz``; ``flagged_fraction`` and
        ``nonfinite_fraction`` of the cross-correlations; ``flagged_by_station``; ``station_amplitude`` (median
        over baselines of the rms amplitude) and ``station_noise`` (the same of XY and YX, which hold little of
        the sky) by station, without those that have no usable data; ``bad_stations``, a list of ``{station,
        reason}``; ``flagged_stations``, those without usable data; ``longest_uv_m, shortest_uv_m`` of
        :func:`sip_luigi.node.uvcoverage.uv_extent`.

    Raises
    ------
    BadData
        Not a MeasurementSet, damaged, of another shape, too much flagged, or no usable visibility.
    """
    return guarded(_verify, request)


def _verify(request: dict[str, Any]) -> dict[str, Any]:
    reader = Reader(request["path"], request.get("column", "DATA"))
    names = [str(name) for name in reader.subtable("ANTENNA")["NAME"]]
    window, _ = spectral_window(reader)
    shape = {"n_times": len(reader.unique("TIME")), "n_channels": int(np.size(window["CHAN_FREQ"]))}
    resolution = {
        "step_s": float(reader.rows("INTERVAL", 0, 1)[0]),
        "channel_width_hz": float(np.abs(np.ravel(window["CHAN_WIDTH"]))[0]),
    }
    _require_shape(reader, shape, request.get("reference") or {})
    seen = Visibilities(reader) if request.get("visibilities") else None
    found = scan(reader, len(names), see=seen.see if seen else None)
    refuse_unusable(reader, found)
    total = found.cross(found.visibilities)
    unusable = found.cross(found.flagged) + found.cross(found.nonfinite)
    limit = request.get("max_flagged_fraction", 1.0)
    if unusable / total > limit:
        reader.refuse(
            f"{unusable / total:.1%} of the visibilities are flagged or not finite, more than {limit:.1%}",
            "leave this subband out, or raise max_flagged_fraction",
        )
    if seen:
        seen.write(request["visibilities"])
    return {
        "n_rows": reader.n_rows,
        **shape,
        **resolution,
        "flagged_fraction": found.cross(found.flagged) / total,
        "nonfinite_fraction": found.cross(found.nonfinite) / total,
        **uv_extent(reader, found),
        **_station_figures(found, names, request),
    }


def _require_shape(reader: Reader, shape: dict[str, int], expected: dict[str, int]) -> None:
    for name, number in expected.items():
        if number and shape[name] != number:
            reader.refuse(f"expected {name} = {number}, found {shape[name]}", "make it again")


def _station_figures(found: Scan, names: list[str], request: dict[str, Any]) -> dict[str, Any]:
    amplitude = found.station_rms(found.power, found.good)
    noise = found.station_rms(found.cross_power, found.cross_good)
    flagged = found.per_station(found.flagged)
    present = found.per_station(found.visibilities)
    by_station = dict(zip(names, (flagged / np.maximum(present, 1)).tolist(), strict=True))
    seen = [name for name, count in zip(names, present, strict=True) if count]
    silent = [
        n for n, value, count in zip(names, amplitude, present, strict=True) if count and np.isnan(value)
    ]
    return {
        "flagged_by_station": {name: by_station[name] for name in seen},
        "station_amplitude": _finite(names, amplitude),
        "station_noise": _finite(names, noise),
        "bad_stations": bad_stations(
            _finite(names, amplitude),
            _finite(names, noise),
            request.get("dead_below", DEAD_BELOW),
            request.get("noisy_above", NOISY_ABOVE),
        ),
        "flagged_stations": silent,
    }


def bad_stations(
    amplitude: dict[str, float], noise: dict[str, float], dead_below: float, noisy_above: float
) -> list[dict[str, str]]:
    """Stations far from the others, with the reason.

    The difference of neighbouring channels is no criterion: on the long baselines of a remote station the
    phases of the sky itself differ from channel to channel.

    Parameters
    ----------
    amplitude, noise : dict
        ``station_amplitude`` and ``station_noise`` of :func:`verify_measurementset`.
    dead_below, noisy_above : float
        Limits of the amplitude as fractions of the median over all stations.
    """
    if len(amplitude) < 3:
        return []
    typical, quiet = (float(np.median(list(values.values()))) for values in (amplitude, noise or {"": 0.0}))
    reasons = {}
    for station, value in amplitude.items():
        cross = noise.get(station, 0.0)
        if value < dead_below * typical:
            reasons[station] = f"dead: amplitude {value / typical:.3g} of the median"
        elif value > noisy_above * typical:
            reasons[station] = f"noisy: amplitude {value / typical:.3g} times the median"
        elif cross > CROSS_NOISY_ABOVE * quiet:
            reasons[station] = f"noisy: amplitude of XY and YX {cross / quiet:.3g} times the median"
    return [{"station": station, "reason": reason} for station, reason in sorted(reasons.items())]


def _finite(names: list[str], values: Any) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True) if np.isfinite(value)}


def verify_image(request: dict[str, Any]) -> dict[str, Any]:
    """Measure a FITS image, or refuse it.

    Parameters
    ----------
    request : dict
        ``path``; optional ``min_finite_fraction`` (0.5) and ``needs_beam`` (true).

    Returns
    -------
    dict
        ``rms_jy_beam`` (1.4826 × median absolute deviation), ``peak_jy_beam``, ``min_jy_beam``,
        ``finite_fraction``, ``beam_major_arcsec, beam_minor_arcsec, beam_pa_deg``, ``frequency_hz``,
        ``bandwidth_hz``, ``size_pixels``, ``pixel_arcsec``.

    Raises
    ------
    BadData
        Not a FITS image, mostly NaN, blank, or without a restoring beam.
    """
    path = request["path"]
    data, header = read_plane(path)
    finite = np.isfinite(data)
    fraction = float(finite.mean())
    if fraction < request.get("min_finite_fraction", 0.5):
        raise BadData(
            f"{path}: {fraction:.0%} of the pixels are finite: were all data flagged? look at the log"
        )
    values = data[finite]
    rms = robust_sigma(values)
    if rms <= 0 or values.min() == values.max():
        raise BadData(f"{path}: the image is blank (noise 0); look at the log for what went into it")
    if request.get("needs_beam", True) and not header.get("BMAJ", 0) > 0:
        raise BadData(
            f"{path}: no restoring beam (BMAJ {header.get('BMAJ')}): were all data flagged? look at the log"
        )
    return {
        "rms_jy_beam": rms,
        "peak_jy_beam": float(values.max()),
        "min_jy_beam": float(values.min()),
        "finite_fraction": fraction,
        "beam_major_arcsec": float(header.get("BMAJ", 0)) * 3600.0,
        "beam_minor_arcsec": float(header.get("BMIN", 0)) * 3600.0,
        "beam_pa_deg": float(header.get("BPA", 0)),
        "frequency_hz": float(header.get("CRVAL3", 0)),
        "bandwidth_hz": float(header.get("CDELT3", 0)),
        "size_pixels": int(data.shape[-1]),
        "pixel_arcsec": abs(float(header.get("CDELT1", 0))) * 3600.0,
    }
