"""Visibilities of sources: one voltage per station and source, one product for all baselines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sip_luigi.domain.instrument import SPEED_OF_LIGHT_M_S
from sip_luigi.simulation.ionosphere import tec_phase

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]
Complex64 = npt.NDArray[np.complex64]


def baselines(n_stations: int) -> tuple[Integers, Integers]:
    """Give first and second station of all baselines in the order of LOFAR's correlator.

    Autocorrelations are among them: 0-0, 0-1, 1-1, 0-2, 1-2, 2-2, …

    Returns
    -------
    tuple of ndarray
        ``antenna1`` and ``antenna2`` with antenna1 ≤ antenna2, shapes (n_baselines,).
    """
    second, first = np.tril_indices(n_stations)
    return first, second


def fringes(uvw_m: Floats, lmn: Floats, freq_hz: float, tec_tecu: Floats | None = None) -> Complex64:
    """Give the phase factor of each station towards each source.

    exp(-2πi ν/c (u l + v m + w (n-1))), with which V_pq = E_p E_qᴴ has the sign that DP3 and LOFAR's
    correlator use with UVW = UVW(second) - UVW(first).

    Parameters
    ----------
    uvw_m : ndarray
        Station coordinates, shape (n_times, n_stations, 3).
    lmn : ndarray
        (l, m, n-1) of the sources, shape (n_sources, 3).
    freq_hz : float
        Frequency of the channel; the channel's width is not averaged over.
    tec_tecu : ndarray, optional
        Electron content between stations and sources, shape (n_times, n_stations, n_sources).

    Returns
    -------
    ndarray
        Shape (n_times, n_stations, n_sources).
    """
    cycles = (uvw_m * (-freq_hz / SPEED_OF_LIGHT_M_S)) @ lmn.T
    if tec_tecu is not None:
        cycles += tec_phase(tec_tecu, freq_hz) / (2.0 * np.pi)
    # Only what is left over whole cycles fits into single precision.
    angle = (2.0 * np.pi * (cycles - np.rint(cycles))).astype(np.float32)
    factor = np.empty(angle.shape, dtype=np.complex64)
    np.cos(angle, out=factor.real)
    np.sin(angle, out=factor.imag)
    return factor


def source_voltages(fringe: Complex64, flux_jy: Floats, jones: Complex64 | None) -> Complex64:
    """Give the voltages of unpolarised sources at the receptors.

    The brightness matrix of a source of Stokes I is I times the unit matrix (LOFAR's convention, I = (XX +
    YY)/2), so two independent signals of √I each carry it.

    Parameters
    ----------
    fringe : ndarray
        From `fringes`, shape (n_times, n_stations, n_sources).
    flux_jy : ndarray
        Shape (n_sources,).
    jones : ndarray or None
        Beams, shape (n_times, n_stations, 2, n_sources, 2), or no beam.

    Returns
    -------
    ndarray
        Square roots of Jy: shape (n_times, 2·n_stations, 2·n_sources) with beams, receptors X, Y, X, …;
        (n_times, n_stations, n_sources) without.
    """
    signal = fringe * np.sqrt(flux_jy).astype(np.float32)
    if jones is None:
        return signal
    n_times, n_stations, n_sources = signal.shape
    voltages = jones * signal[:, :, None, :, None]
    return voltages.reshape(n_times, 2 * n_stations, 2 * n_sources)


def correlate_receptors(voltages: Complex64, first: Integers, second: Integers) -> Complex64:
    """Correlate receptors that differ.

    Parameters
    ----------
    voltages : ndarray
        Shape (n_times, 2·n_stations, n_signals), receptors in the order X, Y of each station.
    first, second : ndarray
        Stations of each baseline, shape (n_baselines,).

    Returns
    -------
    ndarray
        XX, XY, YX, YY in Jy, shape (n_times, n_baselines, 4).
    """
    products = voltages @ voltages.conj().swapaxes(1, 2)
    n_times, n_receptors, _ = products.shape
    row = 2 * first[:, None] + np.array([0, 0, 1, 1])
    column = 2 * second[:, None] + np.array([0, 1, 0, 1])
    visibilities: Complex64 = np.take(products.reshape(n_times, -1), row * n_receptors + column, axis=1)
    return visibilities


def correlate_stations(voltages: Complex64, first: Integers, second: Integers) -> Complex64:
    """Correlate stations whose X and Y have the same, yet independent, signals.

    As `correlate_receptors`, for voltages of shape (n_times, n_stations, n_sources).
    """
    products = voltages @ voltages.conj().swapaxes(1, 2)
    n_times, n_stations, _ = products.shape
    visibilities = np.zeros((n_times, len(first), 4), dtype=np.complex64)
    visibilities[:, :, 0] = np.take(products.reshape(n_times, -1), first * n_stations + second, axis=1)
    visibilities[:, :, 3] = visibilities[:, :, 0]
    return visibilities
