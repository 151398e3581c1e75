"""What all light curves together say of their sources: position, flux, spectrum, shape, variability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sip_luigi.domain.catalogue import Floats
from sip_luigi.domain.healpix import pixels
from sip_luigi.domain.light_curve import Curves, total, variability, weighted_mean
from sip_luigi.domain.sky import SOURCE, TERMS, Kind, Rows, empty
from sip_luigi.domain.sky_spectra import fit, flux_ratio


@dataclass(frozen=True)
class Judgement:
    """When a source counts as variable.

    Attributes
    ----------
    max_probability : float
        Of an η as large, were the flux constant.
    """

    max_probability: float


def one_per_image(points: Rows) -> tuple[Rows, Curves]:
    """Join the detections of one source in one image, and add the systematic errors.

    Parameters
    ----------
    points : Rows
        Of type :data:`sip_luigi.domain.sky.POINT`, limits among them are left out.

    Returns
    -------
    points : Rows
        One for each source and image, in order of source and time: fluxes summed, positions weighted with flux.
    curve : ndarray of int
        0 for the points of the first source, and so on.
    """
    seen = points[points["kind"] != Kind.UNDETECTED]
    seen = seen[np.lexsort((seen["image_id"], seen["mjd"], seen["source_id"]))]
    first = np.ones(len(seen), dtype=bool)
    first[1:] = (np.diff(seen["source_id"]) != 0) | (np.diff(seen["image_id"]) != 0)
    group, joined = np.cumsum(first) - 1, seen[first].copy()
    n = len(joined)
    flux = seen["flux_jy"] * seen["share"]
    joined["flux_jy"] = total(flux, group, n)
    error = total((seen["flux_error_jy"] * seen["share"]) ** 2, group, n)
    joined["flux_error_jy"] = np.sqrt(error + (joined["flux_scale_error"] * joined["flux_jy"]) ** 2)
    weight = np.maximum(flux, 1e-300)
    weight /= total(weight, group, n)[group]
    d_ra = _wrapped(seen["ra_rad"] - joined["ra_rad"][group])
    joined["ra_rad"] = (joined["ra_rad"] + total(weight * d_ra, group, n)) % (2 * np.pi)
    joined["dec_rad"] = total(weight * seen["dec_rad"], group, n)
    for name in ("ra_error_rad", "dec_error_rad"):
        noise = total((weight * seen[name]) ** 2, group, n)
        joined[name] = np.sqrt(noise + joined["astrometric_error_rad"] ** 2)
    source = np.ones(n, dtype=bool)
    source[1:] = np.diff(joined["source_id"]) != 0
    return joined, np.cumsum(source) - 1


def summarise(points: Rows, before: Rows, judgement: Judgement) -> Rows:
    """Bring sources up to their light curves.

    Position and flux are means weighted with the errors, the spectral index is fitted where the fluxes reach far
    enough in frequency. Where a source varies, its flux is the last one that was measured.

    Parameters
    ----------
    points : Rows
        All points of these sources, of type :data:`sip_luigi.domain.sky.POINT`.
    before : Rows
        The sources as they are, or as they begin; of type :data:`sip_luigi.domain.sky.SOURCE`, in order of
        ``source_id``. One without a detection stays as it is, but for ``n_points``.
    judgement : Judgement
        When a source varies.
    """
    after = before.copy()
    joined, _ = one_per_image(points)
    curve = np.searchsorted(before["source_id"], joined["source_id"])
    n = len(before)
    after["n_points"] = np.bincount(curve, minlength=n)
    _place(after, joined, curve)
    _shape(after, joined, curve)
    found = fit(joined["freq_hz"], joined["flux_jy"], joined["flux_error_jy"], curve, before)
    have = found.flux > 0
    values = (found.flux, found.flux_error, found.freq_hz, found.alpha)
    for name, value in zip(("flux_jy", "flux_error_jy", "reference_freq_hz", TERMS[0]), values, strict=True):
        after[name] = np.where(have, value, before[name])
    after["spectral_index_error"] = np.where(found.fitted, found.alpha_error, before["spectral_index_error"])
    for name in TERMS[1:]:
        after[name] = np.where(found.fitted, 0.0, before[name])
    _keep_curvature(after, before, have & ~found.fitted)
    _vary(after, joined, curve, judgement)
    after["healpix"] = pixels(after["ra_rad"], after["dec_rad"])
    return after


def _place(after: Rows, joined: Rows, curve: Curves) -> None:
    """Mean positions; an image that mixes several sources says nothing of where one is, unless it is the only one."""
    n = len(after)
    alone = joined["kind"] != Kind.MANY_TO_ONE
    use = alone | (np.bincount(curve[alone], minlength=n) == 0)[curve]
    points, which = joined[use], curve[use]
    start = after["ra_rad"].copy(), after["dec_rad"].copy()
    d_ra = _wrapped(points["ra_rad"] - start[0][which])
    scale = np.maximum(np.cos(start[1]), 1e-9)
    east, east_error = weighted_mean(d_ra * scale[which], points["ra_error_rad"], which, n)
    north, north_error = weighted_mean(points["dec_rad"] - start[1][which], points["dec_error_rad"], which, n)
    have = np.bincount(which, minlength=n) > 0
    after["ra_rad"] = np.where(have, (start[0] + east / scale) % (2 * np.pi), start[0])
    after["dec_rad"] = np.where(have, start[1] + north, start[1])
    after["ra_error_rad"] = np.where(have, east_error, after["ra_error_rad"])
    after["dec_error_rad"] = np.where(have, north_error, after["dec_error_rad"])


def _shape(after: Rows, joined: Rows, curve: Curves) -> None:
    """Size and position angle as the sharpest image shows them, the latest of several."""
    order = np.lexsort((joined["mjd"], -joined["beam_arcsec"], curve))
    last = np.ones(len(order), dtype=bool)
    last[:-1] = np.diff(curve[order]) != 0
    chosen = order[last]
    for name in ("major_arcsec", "minor_arcsec", "orientation_deg", "beam_arcsec"):
        after[name][curve[chosen]] = joined[name][chosen]


def _keep_curvature(
    after: Rows, before: Rows, which: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> None:
    """A curved spectrum keeps its own reference frequency: its coefficients mean nothing at another."""
    curved = which & np.any([before[name] != 0 for name in TERMS[1:]], axis=0)
    rows = before[curved]
    ratio = flux_ratio(rows, after["reference_freq_hz"][curved], rows["reference_freq_hz"])
    for name in ("flux_jy", "flux_error_jy"):
        after[name][curved] *= ratio
    after["reference_freq_hz"][curved] = rows["reference_freq_hz"]


def _vary(after: Rows, joined: Rows, curve: Curves, judgement: Judgement) -> None:
    """Variability at the reference frequency, and the last flux of what varies."""
    seen = joined["monitors"] & (joined["kind"] != Kind.MANY_TO_ONE)
    points, which = joined[seen], curve[seen]
    scale = flux_ratio(after[which], points["freq_hz"], after["reference_freq_hz"][which])
    flux, error = points["flux_jy"] * scale, points["flux_error_jy"] * scale
    found = variability(flux, error, which, len(after))
    after["variability_v"], after["variability_eta"] = found.v, found.eta
    after["variable"] = found.probability < judgement.max_probability
    order = np.lexsort((points["mjd"], which))
    last = np.ones(len(order), dtype=bool)
    last[:-1] = np.diff(which[order]) != 0
    chosen = order[last]
    chosen = chosen[after["variable"][which[chosen]] & (flux[chosen] > 0)]
    after["flux_jy"][which[chosen]], after["flux_error_jy"][which[chosen]] = flux[chosen], error[chosen]


def _wrapped(angle_rad: Floats) -> Floats:
    return np.asarray((angle_rad + np.pi) % (2 * np.pi) - np.pi)


def begin(found: Rows, first_id: int, freq_hz: float, beam_arcsec: float, spectral_index: float) -> Rows:
    """Sources that begin with a detection each, before :func:`summarise` has seen their light curves."""
    new = empty(SOURCE, len(found))
    for name in found.dtype.names or ():
        if name in (SOURCE.names or ()):
            new[name] = found[name]
    new["source_id"] = first_id + np.arange(len(found))
    new["reference_freq_hz"], new["spectral_index"], new["beam_arcsec"] = freq_hz, spectral_index, beam_arcsec
    new["healpix"] = pixels(new["ra_rad"], new["dec_rad"])
    return new
