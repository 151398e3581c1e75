"""Primary beam of an image, and the image corrected for it.

EveryBeam and python-casacore each carry a casacore library, and one process must not load both: what has to
be read from MeasurementSets is read in a child.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from sip_luigi.domain.errors import BadData
from sip_luigi.node.guard import guarded
from sip_luigi.node.plane import read_plane, write_plane

Floats = NDArray[np.float64]
Jones = NDArray[np.complex128]

N_GRID = 33
"""Points a side at which it is computed: 17 are wrong by 2 % where the beam is 0.36."""
MAX_SUBBANDS = 8
"""Subbands at which the beam is computed, evenly over the band; between them it changes linearly enough."""
MAX_TIMES = 7
"""Times at which it is computed, evenly over the observation."""


class Pointing(NamedTuple):
    """What the beam of one subband depends on.

    Attributes
    ----------
    path : str
        The MeasurementSet.
    times_mjd_s : ndarray, shape (n_times,)
        Sampled times.
    freq_hz : float
        Centre of the subband.
    weights : ndarray, shape (n_stations, n_stations)
        Unflagged visibilities of each baseline.
    """

    path: str
    times_mjd_s: Floats
    freq_hz: float
    weights: Floats


def primary_beam(request: dict[str, Any]) -> dict[str, Any]:
    """Write the primary beam of an image and the corrected image.

    Parameters
    ----------
    request : dict
        ``image``: FITS image; ``measurementsets``: those it was made from; ``output_pbcor``, ``output_beam``:
        FITS images to write; optional ``n_grid`` (33): points a side at which the beam is computed;
        ``at_centre`` (true): the data were corrected for the beam at the phase centre; ``cutoff`` (0.1): the
        corrected image is blank where the beam is lower.

    Returns
    -------
    dict
        ``beam_min``, ``beam_max``, ``n_subbands`` (sampled), ``n_times`` (sampled), ``blanked_fraction``.

    Raises
    ------
    BadData
        The image or a MeasurementSet cannot be read, or has no LOFAR beam tables.
    """
    data, header = read_plane(request["image"])
    _require_sin(request["image"], data, header)
    pointings = sampled_pointings(request["measurementsets"])
    n_grid, at_centre = int(request.get("n_grid", N_GRID)), bool(request.get("at_centre", True))
    beam = beam_image(header, data.shape[-1], pointings, n_grid=n_grid, at_centre=at_centre)
    cutoff = float(request.get("cutoff", 0.1))
    n_samples = sum(len(p.times_mjd_s) for p in pointings)
    history = [
        f"primary beam: mean of {n_samples} (time, subband) samples, EveryBeam",
        f"beam grid {n_grid}x{n_grid}, cubic interpolation; corrected at the phase centre: {at_centre}",
    ]
    write_plane(request["output_beam"], beam, header, {"BUNIT": ""}, history)
    corrected = divided(data, beam, cutoff)
    history = [*history, f"divided by the primary beam, blank where that is below {cutoff:g}"]
    write_plane(request["output_pbcor"], corrected, header, {"PBCOR": True, "PBCUT": cutoff}, history)
    return {
        "beam_min": float(beam.min()),
        "beam_max": float(beam.max()),
        "n_subbands": len(pointings),
        "n_times": max(len(p.times_mjd_s) for p in pointings),
        "blanked_fraction": float(np.mean(~np.isfinite(corrected) & np.isfinite(data))),
    }


def sampled_pointings(measurementsets: list[str]) -> list[Pointing]:
    """What the beam of an image depends on, of subbands spread evenly over its band."""
    return [_pointing(path) for path in _evenly(measurementsets, MAX_SUBBANDS)]


def beam_image(
    header: fits.Header,
    n_pixels: int,
    pointings: list[Pointing],
    *,
    freq_hz: float = 0.0,
    n_grid: int = N_GRID,
    at_centre: bool = True,
) -> NDArray[np.float32]:
    """Primary beam of an image, mean over times and subbands.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Of the image, square and in SIN projection.
    n_pixels : int
        Its width.
    pointings : list of Pointing
        See :func:`sampled_pointings`.
    freq_hz : float, optional
        Frequency; 0: that of each subband.
    n_grid : int, optional
        Points a side at which the beam is computed.
    at_centre : bool, optional
        Whether the data were corrected for the beam at the phase centre.

    Returns
    -------
    ndarray, shape (n_pixels, n_pixels)
    """
    grid = _Grid(header, n_pixels, n_grid)
    beams = [
        beam_power(*grid.jones(p.path, time, freq_hz or p.freq_hz), p.weights, at_centre=at_centre)
        for p in pointings
        for time in p.times_mjd_s
    ]
    return grid.spread(np.mean(beams, axis=0))


def divided(data: NDArray[np.float32], beam: NDArray[np.float32], cutoff: float) -> NDArray[np.float32]:
    """An image corrected for its primary beam, blank where that is lower than a cutoff."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(beam >= cutoff, data / beam, np.float32(np.nan))


def beam_power(jones: Jones, centre: Jones, weights: Floats, *, at_centre: bool = True) -> Floats:
    """Response of a Stokes-I image to an unpolarised source.

    The mean over baselines of tr(M_p M_qᴴ)/2 (Hamaker, Bregman & Sault 1996, A&AS 117, 137, for the coherency
    matrix I·1/2), where M = J(centre)⁻¹ J(source) when the data were corrected at the phase centre, else J.

    Parameters
    ----------
    jones : ndarray, shape (n_stations, n_y, n_x, 2, 2)
        Response of the stations over the field.
    centre : ndarray, shape (n_stations, 2, 2)
        Response towards the phase centre.
    weights : ndarray, shape (n_stations, n_stations)
        Weight of each baseline; p < q and p > q are added, the diagonal does not count.

    Returns
    -------
    ndarray, shape (n_y, n_x)
    """
    weights = weights + weights.T
    np.fill_diagonal(weights, 0.0)
    used = weights.sum(axis=1) > 0
    matrices = jones[used]
    if at_centre:
        matrices = np.linalg.inv(centre[used])[:, None, None] @ matrices
    flat = matrices.reshape(len(matrices), *matrices.shape[1:3], 4)
    pairs = weights[np.ix_(used, used)]
    weighted = np.tensordot(pairs, flat.conj(), axes=(1, 0))
    power: Floats = np.einsum("pyxi,pyxi->yx", flat, weighted).real
    return np.asarray(power / (2.0 * pairs.sum()))


class _Grid:
    """Coarse grid over an image, in the SIN projection of the image itself."""

    def __init__(self, header: fits.Header, n_pixels: int, size: int) -> None:
        self.size, self.n_pixels = size, n_pixels
        self.nodes = np.linspace(0.0, n_pixels - 1.0, size)
        self.header = header
        self.step_rad = abs(np.deg2rad(header["CDELT1"])) * (n_pixels - 1.0) / (size - 1.0)

    def jones(self, path: str, time_mjd_s: float, freq_hz: float) -> tuple[Jones, Jones]:
        """Responses over the grid (n_stations, y, x, 2, 2) and at the phase centre (n_stations, 2, 2)."""
        import everybeam  # noqa: PLC0415

        try:
            telescope = everybeam.load_telescope(path)
        except RuntimeError as error:
            raise BadData(
                f"{path}: EveryBeam cannot use it: {error}; it needs the LOFAR beam tables"
            ) from error
        over_field = telescope.gridded_response(self._settings(everybeam, self.size), time_mjd_s, freq_hz)
        centre = telescope.gridded_response(self._settings(everybeam, 1), time_mjd_s, freq_hz)
        return np.asarray(over_field, dtype=complex), np.asarray(centre[:, 0, 0], dtype=complex)

    def _settings(self, everybeam: Any, size: int) -> Any:
        settings = everybeam.GridSettings()
        settings.width = settings.height = size
        settings.ra, settings.dec = np.deg2rad(self.header["CRVAL1"]), np.deg2rad(self.header["CRVAL2"])
        settings.dl = settings.dm = self.step_rad
        # EveryBeam puts the phase centre on pixel size/2; the reference pixel of the image counts from 1.
        middle = size / 2.0 * self.step_rad
        pixel = abs(np.deg2rad(self.header["CDELT1"]))
        first = 0.0 if size == 1 else 1.0
        settings.l_shift = first * (pixel * (self.header["CRPIX1"] - 1.0) - middle)
        settings.m_shift = first * (middle - pixel * (self.header["CRPIX2"] - 1.0))
        return settings

    def spread(self, values: Floats) -> NDArray[np.float32]:
        """Interpolate from the grid to all pixels, bicubic; shape (n_pixels, n_pixels)."""
        spline = RectBivariateSpline(self.nodes, self.nodes, values, kx=3, ky=3)
        pixels = np.arange(self.n_pixels, dtype=float)
        return np.asarray(spline(pixels, pixels), dtype=np.float32)


def _pointing(path: str) -> Pointing:
    found = guarded(_read_pointing, {"path": path})
    return Pointing(path, np.array(found["times"]), found["freq_hz"], found["weights"])


def _read_pointing(request: dict[str, Any]) -> dict[str, Any]:
    # Imported in the child alone.
    from sip_luigi.node.inspect import Reader, has_beam_tables, spectral_window  # noqa: PLC0415

    reader = Reader(request["path"])
    if not has_beam_tables(reader):
        reader.refuse("it has no LOFAR beam tables", "image it without the station beam")
    window, _ = spectral_window(reader)
    n_stations = len(reader.subtable("ANTENNA")["NAME"])
    weights = np.zeros(n_stations**2)
    for start, count in reader.chunks(200_000):
        unflagged = ~(
            reader.rows("FLAG", start, count) | reader.rows("FLAG_ROW", start, count)[:, None, None]
        )
        pairs = reader.rows("ANTENNA1", start, count).astype(np.int64) * n_stations
        pairs += reader.rows("ANTENNA2", start, count)
        weights += np.bincount(pairs, weights=unflagged.sum(axis=(1, 2)), minlength=n_stations**2)
    return {
        "times": _evenly(reader.unique("TIME").tolist(), MAX_TIMES),
        "freq_hz": float(np.mean(window["CHAN_FREQ"])),
        "weights": weights.reshape(n_stations, n_stations),
    }


def _evenly(values: list[Any], most: int) -> list[Any]:
    """At most so many of the values: the middles of as many equal parts."""
    if len(values) <= most:
        return list(values)
    return [values[int((i + 0.5) * len(values) / most)] for i in range(most)]


def _require_sin(path: str, data: NDArray[np.float32], header: fits.Header) -> None:
    found = str(header.get("CTYPE1", ""))
    if data.shape[0] != data.shape[1] or not found.endswith("-SIN"):
        raise BadData(f"{path}: expected a square image in SIN projection, found {found} {data.shape}")
