"""What the receivers make of the visibilities: noise, autocorrelations and gains."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]
Complex64 = npt.NDArray[np.complex64]
Complex = npt.NDArray[np.complex128]


def system_flux_jy(noise_jy: float, channel_width_hz: float, interval_s: float) -> float:
    """Give the system equivalent flux density that belongs to a noise.

    The radiometer equation σ = SEFD/√(2 Δν Δt) for the real part of one correlation of two stations (Taylor,
    Carilli & Perley 1999, eq. 9-14), solved for the SEFD.
    """
    return noise_jy * float(np.sqrt(2.0 * channel_width_hz * interval_s))


class Noise(NamedTuple):
    """How strong the noise is.

    Attributes
    ----------
    sigma_jy : float
        Standard deviation of real and imaginary part of a correlation of two stations.
    sefd_jy : float
        Mean of the autocorrelations.
    """

    sigma_jy: float
    sefd_jy: float


def draw_noise(
    rng: np.random.Generator,
    sefd_factors: Floats,
    first: Integers,
    second: Integers,
    strength: Noise,
) -> Complex64:
    """Draw the noise of all correlations of one channel.

    An autocorrelation has the system noise itself: its XX and YY are real, SEFD ± SEFD/√(Δν Δt), and its YX
    is the conjugate of its XY.

    Parameters
    ----------
    rng : Generator
        Where it is drawn from.
    sefd_factors : ndarray
        By how much the system noise of each station exceeds the usual, shape (n_times, n_stations).
    first, second : ndarray
        Stations of each baseline, shape (n_baselines,).
    strength : Noise
        The usual noise.

    Returns
    -------
    ndarray
        Jy, shape (n_times, n_baselines, 4).
    """
    parts = rng.standard_normal((len(sefd_factors), len(first), 8), dtype=np.float32)
    drawn = np.multiply(parts, np.float32(strength.sigma_jy)).view(np.complex64)
    auto = np.flatnonzero(first == second)
    for correlation in (0, 3):
        spread = np.sqrt(np.float32(2.0)) * drawn[:, auto, correlation].real
        drawn[:, auto, correlation] = strength.sefd_jy + spread
    drawn[:, auto, 2] = drawn[:, auto, 1].conj()
    if np.any(sefd_factors != 1.0):
        voltages = np.sqrt(sefd_factors).astype(np.float32)
        drawn *= (voltages[:, first] * voltages[:, second])[:, :, None]
    return drawn


def apply_gains(visibilities: Complex64, gains: Complex, first: Integers, second: Integers) -> Complex64:
    """Multiply by the gains of both stations.

    Parameters
    ----------
    visibilities : ndarray
        Jy, shape (n_times, n_baselines, 4).
    gains : ndarray
        Diagonals (X, Y) of the gain matrices, shape (n_times, n_stations, 2).
    first, second : ndarray
        Stations of each baseline, shape (n_baselines,).

    Returns
    -------
    ndarray
        G_p V G_qᴴ, shape (n_times, n_baselines, 4).
    """
    single = gains.astype(np.complex64)
    left, right = single[:, first, :, None], single.conj()[:, second, None, :]
    shape = (*visibilities.shape[:2], 2, 2)
    changed = visibilities.reshape(shape) * left * right
    return changed.reshape(visibilities.shape)


def apply_leakage(visibilities: Complex64, terms: Complex, first: Integers, second: Integers) -> Complex64:
    """Multiply by the leakage of both stations.

    Parameters
    ----------
    visibilities : ndarray
        Jy, shape (n_times, n_baselines, 4).
    terms : ndarray
        What X takes from Y and Y from X, shape (n_stations, 2).
    first, second : ndarray
        Stations of each baseline, shape (n_baselines,).

    Returns
    -------
    ndarray
        (1 + D_p) V (1 + D_q)ᴴ with D zero on its diagonal, shape (n_times, n_baselines, 4).
    """
    single = terms.astype(np.complex64)
    matrices = visibilities.reshape(*visibilities.shape[:2], 2, 2)
    matrices = matrices + single[first, :, None] * matrices[:, :, ::-1, :]
    matrices = matrices + single.conj()[second, None, :] * matrices[:, :, :, ::-1]
    return matrices.reshape(visibilities.shape)


def make_autocorrelations_real(visibilities: Complex64, first: Integers, second: Integers) -> None:
    """Remove, in place, what rounding leaves in the imaginary parts of XX and YY of a station with itself."""
    auto = np.flatnonzero(first == second)
    for correlation in (0, 3):
        visibilities[:, auto, correlation] = visibilities[:, auto, correlation].real
