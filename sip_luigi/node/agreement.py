"""Compare a calibrated MeasurementSet with its sky model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sip_luigi.domain.agreement import (
    Agreement,
    Limits,
    Sums,
    agreement,
    common_shift,
    is_judged,
    problem,
)
from sip_luigi.domain.closure import closure_agreement
from sip_luigi.domain.errors import BadData
from sip_luigi.domain.instrument import SPEED_OF_LIGHT_M_S
from sip_luigi.node.files import remove
from sip_luigi.node.h5parm import read_h5parm
from sip_luigi.node.inspect import Reader, spectral_window

Floats = NDArray[np.float64]
PARALLEL, CROSS = (0, 3), (1, 2)


def model_agreement(request: dict[str, Any]) -> dict[str, Any]:
    """Compare the data of one channel with the model; the MeasurementSet of the model is removed afterwards.

    Parameters
    ----------
    request : dict
        ``path``, calibrated; ``model``, the same baselines for some of the time slots, and of the channels
        the one number ``channel``;
        ``uv_min_lambda``; ``interval_s`` of the solutions; ``phases``, h5parm of phase solutions or empty;
        ``limits``, the fields of :class:`~sip_luigi.domain.agreement.Limits`.

    Returns
    -------
    dict
        The fields of :class:`~sip_luigi.domain.agreement.Agreement`; ``solution_snr``; ``coherence_by_station``;
        ``shift_arcsec`` and ``shift_error_arcsec``, null where not known; ``judged``, whether the model is bright
        enough to tell. Empty where there is nothing to compare.

    Raises
    ------
    BadData
        Data and model do not agree.
    """
    data, model = Reader(request["path"]), Reader(request["model"])
    seen = _compared(data, model, request)
    sums = baseline_sums(seen)
    found, closure = agreement(sums), closure_agreement(*averaged(seen, sums))
    shift = _shift(data, request) if request.get("phases") else None
    remove(Path(request["model"]))
    if found is None:
        return {}
    names = [str(name) for name in data.subtable("ANTENNA")["NAME"]]
    stations = {name: _of_station(sums, index) for index, name in enumerate(names)}
    known = {name: entry for name, entry in stations.items() if entry}
    solution_snr = float(np.median([entry.model_snr for entry in known.values()]) / np.sqrt(seen.n_intervals))
    limits = Limits(**request["limits"])
    judged = is_judged(found, solution_snr, limits)
    if judged and (reason := problem(found, closure, shift, limits)):
        raise BadData(f"{request['path']}: {reason}; check the sky model and the log of the calibration")
    return {
        **asdict(found),
        "solution_snr": solution_snr,
        "judged": judged,
        "coherence_by_station": {name: round(entry.coherence, 4) for name, entry in known.items()},
        "closure": closure.found if closure else None,
        "closure_expected": closure.expected if closure else None,
        "shift_arcsec": shift[0] if shift else None,
        "shift_error_arcsec": shift[1] if shift else None,
    }


def _of_station(sums: Sums, index: int) -> Agreement | None:
    of = np.zeros(sums.count.shape, dtype=bool)
    of[index], of[:, index] = True, True
    return agreement(sums, of)


class Compared(NamedTuple):
    """Rows of data and model, in order of baseline and time.

    Attributes
    ----------
    first, second, interval : ndarray, shape (n,)
        Stations, and number of the solution.
    data, model, flags : ndarray, shape (n, 4)
        Visibilities, those of the model, and which are not to be used.
    n_stations, n_intervals : int
        Number of stations and of solutions.
    """

    first: NDArray[Any]
    second: NDArray[Any]
    interval: NDArray[Any]
    data: NDArray[Any]
    model: NDArray[Any]
    flags: NDArray[Any]
    n_stations: int
    n_intervals: int


def _compared(data: Reader, model: Reader, request: dict[str, Any]) -> Compared:
    times = model.rows("TIME")
    # The model has a part of the time slots: memory must not grow with the data.
    start, count = int(np.searchsorted(data.rows("TIME"), times[0] - 1e-3)), model.n_rows
    first, second = (data.rows(column, start, count) for column in ("ANTENNA1", "ANTENNA2"))
    if len(first) != count or (first != model.rows("ANTENNA1")).any():
        model.refuse("its rows are not those of the data", "make it again")
    channel = request["channel"]
    window, _ = spectral_window(data)
    wavelength_m = SPEED_OF_LIGHT_M_S / float(np.ravel(window["CHAN_FREQ"])[channel])
    uv_m = np.hypot(*data.rows("UVW", start, count)[:, :2].T)
    far = uv_m >= request["uv_min_lambda"] * wavelength_m
    order = np.lexsort((times, second, first))
    order = order[(far & (first != second))[order]]
    visibilities = _channel(data, data.column, channel, start, count)[order]
    flags = _channel(data, "FLAG", channel, start, count)[order] | ~np.isfinite(visibilities)
    flags = np.logical_or(flags, np.asarray(data.rows("FLAG_ROW", start, count))[order].reshape(-1, 1))
    interval = ((times - times.min()) / request["interval_s"]).astype(int)
    return Compared(
        first[order],
        second[order],
        interval[order],
        visibilities,
        _channel(model, model.column, 0, 0, count)[order],
        flags,
        len(data.subtable("ANTENNA")["NAME"]),
        int(interval.max()) + 1,
    )


def _channel(reader: Reader, column: str, channel: int, start: int, count: int) -> NDArray[Any]:
    with reader.refusing(f"read column {column}"):
        values = reader.main.getcolslice(column, [channel, 0], [channel, 3], [], start, count)
    return np.asarray(values)[:, 0, :]


def averaged(seen: Compared, sums: Sums) -> tuple[NDArray[Any], NDArray[Any], Floats]:
    """Stokes I of data and model averaged over solutions, and its noise, each (n_intervals, n_stations, n_stations)."""
    n, shape = seen.n_stations, (seen.n_intervals, seen.n_stations, seen.n_stations)
    cells = (seen.interval * n + seen.first.astype(np.int64)) * n + seen.second
    usable = ~seen.flags[:, PARALLEL].any(axis=1)

    def mean(values: NDArray[Any]) -> NDArray[Any]:
        each = np.where(usable, values[:, PARALLEL].mean(axis=1), 0.0)
        parts = (
            np.bincount(cells, weights=part, minlength=int(np.prod(shape))) for part in (each.real, each.imag)
        )
        real, imaginary = parts
        return ((real + 1j * imaginary) / np.maximum(count, 1)).reshape(shape)

    count = np.bincount(cells, weights=usable.astype(float), minlength=int(np.prod(shape)))
    variance = sums.noise / np.maximum(sums.count, 1)
    sigma = np.sqrt(0.5 * variance[None] / np.maximum(count.reshape(shape), 1))
    return mean(seen.data), mean(seen.model), np.asarray(sigma)


def baseline_sums(seen: Compared) -> Sums:
    """Sums by baseline."""
    n_stations, data, model, flags = seen.n_stations, seen.data, seen.model, seen.flags
    cells = seen.first.astype(np.int64) * n_stations + seen.second
    residual = np.where(flags, 0.0, data - model)

    def summed(values: Floats) -> Floats:
        flat = np.bincount(cells, weights=values.sum(axis=1), minlength=n_stations**2)
        return np.asarray(flat.reshape(n_stations, n_stations), dtype=float)

    def of(values: NDArray[Any], hands: tuple[int, ...]) -> Floats:
        return summed(np.where(flags, 0.0, values)[:, hands])

    power, counted = np.abs(data) ** 2, (~flags).astype(float)
    count, cross_count = summed(counted[:, PARALLEL]), summed(counted[:, CROSS])
    variance = np.fmin(
        _variance(residual, flags, cells, n_stations, PARALLEL),
        _variance(residual, flags, cells, n_stations, CROSS),
    )
    # Of a single time slot: XY and YX hold little of the sky.
    weak = summed(np.abs(residual[:, CROSS]) ** 2) / np.maximum(cross_count, 1)
    variance = np.where(np.isfinite(variance), variance, weak)
    return Sums(
        count=count,
        product=of((data * model.conj()).real, PARALLEL),
        data=of(power, PARALLEL),
        model=of(np.abs(model) ** 2, PARALLEL),
        residual=summed(np.abs(residual[:, PARALLEL]) ** 2),
        noise=count * variance,
        cross_count=cross_count,
        cross=of(power, CROSS),
        cross_noise=cross_count * variance,
    )


def _variance(
    residual: NDArray[Any], flags: NDArray[np.bool_], cells: NDArray[Any], n: int, hands: tuple[int, ...]
) -> Floats:
    """Variance of the noise by baseline, half that of the difference of neighbouring times; NaN where unknown."""
    same = np.asarray((cells[1:] == cells[:-1])[:, None] & ~flags[1:] & ~flags[:-1])
    step = np.where(same, np.abs(np.diff(residual, axis=0)) ** 2, 0.0)[:, hands].sum(axis=1)
    count = np.bincount(cells[1:], weights=same[:, hands].sum(axis=1), minlength=n * n)
    total = np.bincount(cells[1:], weights=step, minlength=n * n)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.asarray(total / count / 2.0, dtype=float)
    return np.asarray(variance.reshape(n, n))


def _shift(data: Reader, request: dict[str, Any]) -> tuple[float, float] | None:
    """Shift of the sky against the model, from the phases."""
    table = next(entry for entry in read_h5parm(request["phases"]) if entry.kind == "phase")
    if len(table.times_s) < 3:
        return None
    names = [str(name) for name in data.subtable("ANTENNA")["NAME"]]
    good = np.asarray(np.all(table.good, axis=(1, 3)))
    best = int(good.sum(axis=0).argmax())
    phase = np.angle(np.exp(1j * table.values[:, 0]).mean(axis=2))
    phase = np.angle(np.exp(1j * (phase - phase[:, best : best + 1])))
    good = np.logical_and(good, good[:, best : best + 1])
    uv_m = _baselines_from(data, names.index(table.stations[best]), table.times_s, len(names))
    uv_m = uv_m[:, [names.index(name) for name in table.stations]]
    known = good & np.isfinite(uv_m).all(axis=2)
    window, _ = spectral_window(data)
    return common_shift(phase, known, np.nan_to_num(uv_m), float(np.mean(window["CHAN_FREQ"])))


def _baselines_from(data: Reader, reference: int, times_s: Floats, n_stations: int) -> Floats:
    """(u, v) in m of all stations from one, at the times nearest to those asked for."""
    first, second, times = (data.rows(column) for column in ("ANTENNA1", "ANTENNA2", "TIME"))
    slots = np.unique(times)
    wanted = np.abs(slots[None, :] - times_s[:, None]).argmin(axis=1)
    uv_m = np.full((len(slots), n_stations, 2), np.nan)
    for mine, other, sign in ((first, second, 1.0), (second, first, -1.0)):
        rows = np.flatnonzero(mine == reference)
        uv_m[np.searchsorted(slots, times[rows]), other[rows]] = sign * data.rows("UVW")[rows, :2]
    return np.asarray(uv_m[wanted], dtype=float)
