"""Read catalogues and sky models of any survey into rows that the database takes in."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy import units
from astropy.table import Table
from numpy.typing import NDArray

from sip_luigi.domain.catalogue import Floats
from sip_luigi.domain.errors import BadData, ConfigurationError, SkyModelError
from sip_luigi.domain.sky import DETECTION, N_TERMS, Rows, empty
from sip_luigi.domain.skymodel import Source
from sip_luigi.domain.skymodel_text import parse_skymodel
from sip_luigi.surveys.mappings import SURVEYS, Columns, Survey

FORMATS = {
    **dict.fromkeys((".fits", ".fit", ".fits.gz", ".fit.gz"), "fits"),
    **dict.fromkeys((".vot", ".xml", ".votable", ".vot.gz"), "votable"),
    **dict.fromkeys((".csv", ".csv.gz"), "ascii.csv"),
    **dict.fromkeys((".tsv", ".tab"), "ascii.tab"),
}
MODEL_ENDINGS = (".skymodel", ".model")
RESOLVED = 1.1
"""A fitted size below so many beams is that of a point."""
DEGREES_OF_HOURS = 15.0
_ODD = re.compile(r"[^\w.+:@/*-]+", re.ASCII)
_PER_BEAM = re.compile(r"\s*(/\s*beam|beam\s*(-1|\^-1|\*\*-1)|beam-1)", re.IGNORECASE)
_PREFERRED = ("ra", "dec")


class Catalogue(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    rows : Rows
        Of type :data:`sip_luigi.domain.sky.DETECTION`.
    spectra : ndarray or None
        Coefficients, shape (n, 4), for a sky model.
    n_left_out : int
        Rows without position or without a positive flux.
    freq_hz : float
        Frequency of the fluxes.
    """

    rows: Rows
    spectra: NDArray[np.float64] | None
    n_left_out: int
    freq_hz: float


def survey_of(name: str, changes: Mapping[str, Any], columns: Mapping[str, str]) -> Survey:
    """A survey that is built in, with changes.

    Parameters
    ----------
    name : str
        One of :data:`sip_luigi.surveys.mappings.SURVEYS`, in any case of letters.
    changes : mapping
        Other values of its attributes; None leaves them.
    columns : mapping
        Other names of columns, by field of :class:`Columns`.

    Raises
    ------
    ConfigurationError
        There is no such survey or field, or frequency or beam are not known.
    """
    known = {key.lower(): value for key, value in SURVEYS.items()}
    if name.lower() not in known:
        raise ConfigurationError(f"no survey {name!r}; known are {', '.join(SURVEYS)}")
    survey = replace(known[name.lower()], **{key: v for key, v in changes.items() if v is not None})
    odd = set(columns) - set(Columns.__dataclass_fields__)
    if odd:
        fields = ", ".join(Columns.__dataclass_fields__)
        raise ConfigurationError(f"no column {', '.join(sorted(odd))} to be named; there are {fields}")
    survey = replace(survey, columns=replace(survey.columns, **{key: (v,) for key, v in columns.items()}))
    if survey.freq_hz <= 0 or survey.beam_arcsec <= 0:
        raise ConfigurationError(f"{survey.name}: frequency and beam are not known; give both")
    return survey


def read_catalogue(path: Path, survey: Survey) -> Catalogue:
    """Read a catalogue: FITS, VOTable, CSV or tab-separated, by the ending of its name.

    Raises
    ------
    ConfigurationError
        The ending is not known, or a column is missing.
    BadData
        The file cannot be read, or has no usable row.
    """
    table = _table(path)
    found = {name: _column_name(table, names) for name, names in asdict(survey.columns).items()}
    missing = [name for name in ("ra", "dec", "flux") if not found[name]]
    if missing:
        wanted = "; ".join(f"{name}: one of {', '.join(getattr(survey.columns, name))}" for name in missing)
        raise ConfigurationError(
            f"{path}: not the columns of {survey.name} ({survey.reference}); missing {wanted}; the file has "
            f"{', '.join(table.colnames)}; name one, as in --column {missing[0]}=NAME"
        )
    rows = empty(DETECTION, len(table))
    rows["ra_rad"], rows["dec_rad"] = _positions(table, found, path)
    values = {name: _values(table, column, name, survey) for name, column in found.items() if column}
    floor = math.radians(survey.position_error_arcsec / 3600.0)
    for axis in ("ra", "dec"):
        error = values.get(f"{axis}_error", np.zeros(len(rows)))
        if axis == "ra" and survey.units.get("ra_error") == "s":
            error = error * np.cos(rows["dec_rad"])
        rows[f"{axis}_error_rad"] = np.where(np.isfinite(error) & (error > 0), error, floor)
    rows["flux_jy"] = values["flux"]
    rows["flux_error_jy"] = _known(values.get("flux_error"), survey.flux_scale_error * rows["flux_jy"])
    _sizes(rows, values, survey)
    if "snr_peak" in values and "snr_noise" in values:
        with np.errstate(divide="ignore", invalid="ignore"):
            rows["snr"] = _known(values["snr_peak"] / values["snr_noise"], 0.0)
    rows["name"] = _names(table, found["name"], len(rows))
    return _usable(rows, path, survey.freq_hz)


def read_model(path: Path, position_error_arcsec: float, flux_error: float) -> Catalogue:
    """Read a LOFAR text model; of spectra that are not logarithmic, the slope at the reference frequency is kept.

    Raises
    ------
    SkyModelError
        It cannot be read, has no sources, or spectra of more coefficients than are kept.
    """
    try:
        model = parse_skymodel(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise SkyModelError(f"{path}: not a text sky model ({error})") from error
    sources = [source for source in model.sources if source.flux_jy > 0]
    if not sources:
        raise SkyModelError(f"{path}: the sky model has no sources with a positive flux; name one that has")
    reference = Counter(source.reference_freq_hz for source in sources if source.reference_freq_hz)
    freq_hz = reference.most_common(1)[0][0] if reference else 0.0
    rows = empty(DETECTION, len(sources))
    for name in ("ra_rad", "dec_rad", "major_arcsec", "minor_arcsec", "orientation_deg"):
        rows[name] = [getattr(source, name) for source in sources]
    rows["name"] = [source.name for source in sources]
    rows["ra_error_rad"] = rows["dec_error_rad"] = math.radians(position_error_arcsec / 3600.0)
    rows["flux_jy"] = [source.flux_at(freq_hz) if freq_hz else source.flux_jy for source in sources]
    rows["flux_error_jy"] = flux_error * rows["flux_jy"]
    spectra = np.array([_terms(source, freq_hz, path) for source in sources])
    return Catalogue(rows, spectra, len(model.sources) - len(sources), freq_hz)


def _terms(source: Source, freq_hz: float, path: Path) -> list[float]:
    """Coefficients at a common reference frequency."""
    if not source.spectral_index:
        return [0.0] * N_TERMS
    if len(source.spectral_index) > N_TERMS:
        raise SkyModelError(
            f"{path}: source {source.name} has {len(source.spectral_index)} spectral coefficients, at most {N_TERMS} "
            "are kept; shorten them"
        )
    if not source.logarithmic_si:
        step = 1.001
        ratio = source.flux_at(freq_hz * step) / source.flux_at(freq_hz)
        return [math.log(ratio) / math.log(step), *[0.0] * (N_TERMS - 1)]
    # The polynomial in x = log ν / ν₀, written in x′ = x − shift.
    shift = math.log10(freq_hz / source.reference_freq_hz)
    polynomial = np.polynomial.Polynomial([0.0, *source.spectral_index])
    shifted = polynomial(np.polynomial.Polynomial([shift, 1.0])).coef[1:]
    return [*map(float, shifted), *[0.0] * (N_TERMS - len(shifted))]


def _table(path: Path) -> Table:
    name = path.name.lower()
    kind = next((kind for ending, kind in FORMATS.items() if name.endswith(ending)), "")
    if not kind:
        raise ConfigurationError(
            f"{path}: expected a name that ends in {', '.join([*FORMATS, *MODEL_ENDINGS])}"
        )
    try:
        if kind != "fits":
            return Table.read(path, format=kind)
        # Given the name, astropy leaves a file open that it cannot read.
        with path.open("rb") as stream:
            return Table.read(stream, format=kind)
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path}: no such file") from error
    # Its readers raise whatever a broken file makes of them.
    except Exception as error:
        raise BadData(
            f"{path}: not a {kind} table ({type(error).__name__}: {error}); get it again"
        ) from error


def _column_name(table: Table, names: tuple[str, ...]) -> str:
    return next((name for name in names if name in table.colnames), "")


def _positions(table: Table, found: Mapping[str, str], path: Path) -> tuple[Floats, Floats]:
    """Right ascension and declination in rad, from degrees or from hours and degrees as text."""
    from astropy.coordinates import Angle  # noqa: PLC0415 - it takes a while

    angles = []
    for name, unit in zip(_PREFERRED, (units.hourangle, units.deg), strict=True):
        column = table[found[name]]
        if column.dtype.kind in "US":
            try:
                angles.append(np.asarray(Angle(np.asarray(column, dtype=str), unit=unit).rad))
            except ValueError as error:
                raise BadData(f"{path}: column {found[name]}: not angles ({error})") from error
        else:
            given = units.Unit(column.unit) if column.unit else units.deg
            angles.append(_filled(column) * given.to(units.rad))
    return np.asarray(angles[0] % (2 * math.pi)), angles[1]


def _values(table: Table, column: str, name: str, survey: Survey) -> Floats:
    """A column in rad, Jy, arcsec or degrees."""
    if name in ("name", *_PREFERRED):
        return np.empty(0)
    wanted = {"major": "arcsec", "minor": "arcsec", "orientation": "deg"}.get(name, "Jy")
    if name.endswith("_error") and name != "flux_error":
        wanted = "rad"
    given = _unit(table[column].unit, survey.units.get(name, wanted))
    values = _filled(table[column])
    if given == units.s:
        # Seconds of time, of a right ascension.
        return np.asarray(values * (DEGREES_OF_HOURS * units.arcsec).to(units.rad).value)
    try:
        return np.asarray(values * given.to(units.Unit(wanted)))
    except units.UnitConversionError as error:
        raise BadData(
            f"column {column} of {survey.name}: expected something in {wanted}, found {given}; name another column"
        ) from error


def _unit(unit: Any, usual: str) -> Any:
    """The unit of a column; a brightness counts as the flux of a point."""
    try:
        return units.Unit(_PER_BEAM.sub("", str(unit or usual)).strip())
    except ValueError:
        return units.Unit(usual)


def _filled(column: Any) -> Floats:
    return np.asarray(np.ma.filled(np.ma.asarray(column, dtype=float), np.nan))


def _known(values: Floats | None, otherwise: Any) -> Floats:
    if values is None:
        return np.asarray(otherwise)
    return np.where(np.isfinite(values) & (values > 0), values, otherwise)


def _sizes(rows: Rows, values: Mapping[str, Floats], survey: Survey) -> None:
    for name in ("major", "minor"):
        size = np.nan_to_num(values.get(name, np.zeros(len(rows))), nan=0.0, posinf=0.0, neginf=0.0)
        if not survey.sizes_are_deconvolved:
            beam = survey.beam_arcsec
            size = np.where(size > RESOLVED * beam, np.sqrt(np.maximum(size**2 - beam**2, 0.0)), 0.0)
        rows[f"{name}_arcsec"] = np.maximum(size, 0.0)
    angle = np.nan_to_num(values.get("orientation", np.zeros(len(rows))), nan=0.0, posinf=0.0, neginf=0.0)
    rows["orientation_deg"] = np.where(rows["major_arcsec"] > 0, angle, 0.0)


def _names(table: Table, column: str, n: int) -> list[str]:
    """Names without what a text model, a terminal or a page would take for something else."""
    width = DETECTION["name"].itemsize // 4
    if not column:
        return [f"S{number}" for number in range(1, n + 1)]
    given = np.asarray(table[column], dtype=str)
    return [_ODD.sub("_", name.strip())[:width] or f"S{number}" for number, name in enumerate(given, start=1)]


def _usable(rows: Rows, path: Path, freq_hz: float) -> Catalogue:
    good = np.isfinite(rows["ra_rad"]) & (np.abs(rows["dec_rad"]) <= math.pi / 2) & (rows["flux_jy"] > 0)
    good &= np.isfinite(rows["flux_jy"])
    if not good.any():
        raise BadData(
            f"{path}: none of {len(rows)} rows has a position and a positive flux; look at its columns"
        )
    return Catalogue(rows[good], None, int((~good).sum()), freq_hz)
