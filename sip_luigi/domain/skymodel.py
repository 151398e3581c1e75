"""LOFAR text sky models, as DP3, LSMTool and PyBDSF write and read them.

::

    FORMAT = Name, Type, Ra, Dec, I, ReferenceFrequency='150e6', SpectralIndex
    # made by: where the model comes from
    3c295A, POINT, 14:11:20.49, +52.12.10.70, 48.8815, , [-0.582, -0.298]

The older header ``# (Name, Type, ...) = format`` is read but not written: DP3 takes the first of both,
LSMTool the first line with "format" in it. So the ``FORMAT`` line is written first and comments follow it.
What would be read silently as something else is refused: columns that are not modelled, a flux that is
missing (DP3 takes 1 Jy), a bare number as position (DP3 takes radians, LSMTool degrees).
"""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from sip_luigi.domain.errors import SkyModelError

_COLUMNS = (
    *("Name", "Type", "Patch", "Ra", "Dec", "I", "Q", "U", "V", "ReferenceFrequency", "SpectralIndex"),
    *(
        "LogarithmicSI",
        "MajorAxis",
        "MinorAxis",
        "Orientation",
        "OrientationIsAbsolute",
        "RefType",
        "Category",
    ),
)
_NOT_MODELLED = (
    *("RotationMeasure", "PolarizedFraction", "PolarizationAngle", "ReferenceWavelength"),
    *("IShapelet", "QShapelet", "UShapelet", "VShapelet", "rah", "rad", "ram", "ras"),
    *("dech", "decd", "decm", "decs"),
)
_AXES = {"major_arcsec": "MajorAxis", "minor_arcsec": "MinorAxis", "orientation_deg": "Orientation"}
_BY_LOWER = {name.lower(): name for name in (*_COLUMNS, *_NOT_MODELLED)}
_BOOLEANS = dict.fromkeys(("true", "t", "yes", "y", "1"), True)
_BOOLEANS |= dict.fromkeys(("false", "f", "no", "n", "0"), False)
_FORMAT = re.compile(r"[ \t]*format[ \t]*=(.*)", re.IGNORECASE)
_OLD_FORMAT = re.compile(r"[ \t]*#[ \t]*\((.*)\)[ \t]*=[ \t]*format[ \t]*", re.IGNORECASE)
_COLUMN = re.compile(r"([\w:-]*)[ \t]*(?:=[ \t]*('[^']*'|\"[^\"]*\"))?", re.ASCII)
_FIELD = re.compile(r"(?:[^,'\"\[\]]++|'[^']*+'|\"[^\"]*+\"|\[[^\]]*+\])*+")
_PLAIN_NAME = re.compile(r"[\w.+:@/*-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_COLONS = re.compile(r"([+-]?)(\d{1,3}):(\d{1,2})(?::(\d{1,2}(?:\.\d*)?))?", re.ASCII)
_DOTS = re.compile(r"([+-]?)(\d{1,3})\.(\d{1,2})\.(\d{1,2}(?:\.\d*)?)", re.ASCII)
_LETTERS = re.compile(r"([+-]?)(\d{1,3})([hd])(\d{1,2})m(?:(\d{1,2}(?:\.\d*)?)s?)?", re.ASCII)
_WITH_UNIT = re.compile(rf"({_NUMBER})\s*(deg|rad|arcmin|arcsec)", re.ASCII)
_DEGREE = math.pi / 180
_UNITS = {"deg": _DEGREE, "rad": 1.0, "arcmin": _DEGREE / 60, "arcsec": _DEGREE / 3600}


@dataclass(frozen=True, slots=True)
class Source:
    """A component of a sky model, a Gaussian when its axes are not 0.

    Attributes
    ----------
    name : str
        Without quotes or line breaks.
    ra_rad, dec_rad : float
        J2000 position, rad.
    flux_jy : float
        Stokes I at the reference frequency, Jy.
    reference_freq_hz : float
        Hz; 0 when the model gives none.
    spectral_index : tuple of float
        Coefficients of the spectrum, see :meth:`flux_at`; empty for a flat one.
    logarithmic_si : bool
        Whether the spectrum is a polynomial in the logarithm of frequency, or a linear one.
    major_arcsec, minor_arcsec, orientation_deg : float
        FWHM of the axes, arcsec, and the position angle of the major axis from north through east, deg.
    patch : str
        Name of its patch; empty when it is a patch of its own.
    stokes_q_jy, stokes_u_jy, stokes_v_jy : float
        Jy.
    orientation_is_absolute : bool
        Whether the position angle is that at the source, and not at the phase centre.
    """

    name: str
    ra_rad: float
    dec_rad: float
    flux_jy: float
    reference_freq_hz: float = 0.0
    spectral_index: tuple[float, ...] = ()
    logarithmic_si: bool = True
    major_arcsec: float = 0.0
    minor_arcsec: float = 0.0
    orientation_deg: float = 0.0
    patch: str = ""
    stokes_q_jy: float = 0.0
    stokes_u_jy: float = 0.0
    stokes_v_jy: float = 0.0
    orientation_is_absolute: bool = False

    def __post_init__(self) -> None:
        _check_name(self.name)
        problem = _position_problem(self.ra_rad, self.dec_rad)
        stokes = self.flux_jy + self.stokes_q_jy + self.stokes_u_jy + self.stokes_v_jy
        shape = self.major_arcsec + self.minor_arcsec + self.orientation_deg
        if not math.isfinite(stokes + shape + self.reference_freq_hz + sum(self.spectral_index)):
            problem = "expected finite numbers"
        elif self.major_arcsec < 0 or self.minor_arcsec < 0 or self.reference_freq_hz < 0:
            problem = "expected axes and reference frequency that are not negative"
        elif self.spectral_index and not self.reference_freq_hz:
            problem = "expected a ReferenceFrequency to go with its SpectralIndex"
        if problem:
            raise SkyModelError(f"source {self.name}: {problem}")

    @property
    def type(self) -> str:
        """``POINT`` or ``GAUSSIAN``."""
        return "GAUSSIAN" if self.major_arcsec or self.minor_arcsec else "POINT"

    def flux_at(self, freq_hz: float) -> float:
        """Stokes I at a frequency.

        With coefficients c and x = freq / reference a logarithmic spectrum is S·∏ 10^(cᵢ·log₁₀(x)^(i+1)), a
        linear one S + Σ cᵢ·(x − 1)^(i+1), i from 0, as DP3's ``PointSource`` evaluates it.

        Parameters
        ----------
        freq_hz : float
            Hz, above 0.

        Returns
        -------
        float
            Jy.

        Raises
        ------
        SkyModelError
            The frequency is not above 0, or the spectrum has no finite value there.
        """
        if not self.spectral_index:
            return self.flux_jy
        try:
            ratio = freq_hz / self.reference_freq_hz
            x = math.log10(ratio) if self.logarithmic_si else ratio - 1.0
            total = math.fsum(c * x ** (i + 1) for i, c in enumerate(self.spectral_index))
            flux = self.flux_jy * 10.0**total if self.logarithmic_si else self.flux_jy + total
        except (ValueError, OverflowError):
            flux = math.nan
        if not math.isfinite(flux):
            raise SkyModelError(f"source {self.name}: its spectrum has no finite value at {freq_hz} Hz")
        return flux


@dataclass(frozen=True, slots=True)
class Patch:
    """A group of sources that share a direction of solving; position in rad."""

    name: str
    ra_rad: float = 0.0
    dec_rad: float = 0.0

    def __post_init__(self) -> None:
        _check_name(self.name)
        problem = _position_problem(self.ra_rad, self.dec_rad)
        if problem:
            raise SkyModelError(f"patch {self.name}: {problem}")


@dataclass(frozen=True)
class SkyModel:
    """Sources, their patches, and comment lines that say where they come from (without the ``#``)."""

    sources: tuple[Source, ...] = ()
    patches: tuple[Patch, ...] = ()
    header_comments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_unique("source", self.sources)
        _check_unique("patch", self.patches)
        names = {patch.name for patch in self.patches}
        lost = next((source for source in self.sources if source.patch and source.patch not in names), None)
        if lost:
            raise SkyModelError(f"source {lost.name}: its patch {lost.patch} is not defined")
        if any(_CONTROL.search(comment) for comment in self.header_comments):
            raise SkyModelError("expected header comments of one line each, found a line break")

    def __len__(self) -> int:
        return len(self.sources)

    def text(self) -> str:
        """Write the model so that DP3 reads it, from a file whose name ends in ``.skymodel``."""
        columns = self._columns()
        lines = [
            "FORMAT = " + ", ".join(columns),
            *(f"# {comment}".rstrip() for comment in self.header_comments),
        ]
        lines += [f", , {_written(p.name)}, {_ra(p.ra_rad)}, {_dec(p.dec_rad)}" for p in self.patches]
        lines += [", ".join(write(source) for write in columns.values()) for source in self.sources]
        return "\n".join(lines) + "\n"

    def flux_at(self, freq_hz: float) -> float:
        """Sum the Stokes I of all sources at a frequency in Hz, in Jy; raises as :meth:`Source.flux_at`."""
        return math.fsum(source.flux_at(freq_hz) for source in self.sources)

    def brightest(self, n: int) -> SkyModel:
        """Take the n sources of largest Stokes I, brightest first."""
        return self._of(sorted(self.sources, key=lambda source: -source.flux_jy)[: max(n, 0)])

    def within(self, ra_rad: float, dec_rad: float, radius_rad: float) -> SkyModel:
        """Take the sources not farther than a radius from a position; all in rad."""
        near = (s for s in self.sources if separation(ra_rad, dec_rad, s.ra_rad, s.dec_rad) <= radius_rad)
        return self._of(near)

    def of_patches(self, names: Iterable[str]) -> SkyModel:
        """Take the sources of some patches."""
        wanted = set(names)
        return self._of(source for source in self.sources if source.patch in wanted)

    def in_one_patch(self, name: str = "field") -> SkyModel:
        """Put all sources into one patch at their flux-weighted centre.

        DDECal solves each patch, and each source without one, as a direction of its own: solving that is
        not to depend on direction needs one patch.
        """
        sources = tuple(replace(source, patch=name) for source in self.sources)
        patches = (Patch(name, *_centre(sources)),) if sources else ()
        return replace(self, sources=sources, patches=patches)

    def _of(self, sources: Iterable[Source]) -> SkyModel:
        kept = tuple(sources)
        used = {source.patch for source in kept}
        return replace(self, sources=kept, patches=tuple(p for p in self.patches if p.name in used))

    def _columns(self) -> dict[str, _Write]:
        """Only the columns that these sources need, and how each is written."""
        columns: dict[str, _Write] = {"Name": lambda s: _written(s.name), "Type": lambda s: s.type}
        if self.patches:
            columns["Patch"] = lambda s: _written(s.patch) if s.patch else ""
        columns |= {
            "Ra": lambda s: _ra(s.ra_rad),
            "Dec": lambda s: _dec(s.dec_rad),
            "I": lambda s: _real(s.flux_jy),
        }
        if any(s.stokes_q_jy or s.stokes_u_jy or s.stokes_v_jy for s in self.sources):
            columns |= {"Q": lambda s: _real(s.stokes_q_jy), "U": lambda s: _real(s.stokes_u_jy)}
            columns["V"] = lambda s: _real(s.stokes_v_jy)
        columns |= self._spectral_columns()
        if any(s.type == "GAUSSIAN" for s in self.sources):
            columns |= {
                "MajorAxis": lambda s: _axis(s, s.major_arcsec),
                "MinorAxis": lambda s: _axis(s, s.minor_arcsec),
            }
            columns["Orientation"] = lambda s: _axis(s, s.orientation_deg)
        if any(s.orientation_is_absolute for s in self.sources):
            columns["OrientationIsAbsolute"] = lambda s: str(s.orientation_is_absolute).lower()
        return columns

    def _spectral_columns(self) -> dict[str, _Write]:
        columns: dict[str, _Write] = {}
        frequencies = Counter(s.reference_freq_hz for s in self.sources)
        if 0.0 in frequencies:
            columns["ReferenceFrequency"] = lambda s: (
                _real(s.reference_freq_hz) if s.reference_freq_hz else ""
            )
        elif frequencies:
            usual = frequencies.most_common(1)[0][0]
            columns[f"ReferenceFrequency='{_real(usual)}'"] = lambda s: (
                "" if s.reference_freq_hz == usual else _real(s.reference_freq_hz)
            )
        if any(s.spectral_index for s in self.sources):
            columns["SpectralIndex"] = lambda s: "[" + ", ".join(map(_real, s.spectral_index)) + "]"
        if not all(s.logarithmic_si for s in self.sources):
            columns["LogarithmicSI"] = lambda s: str(s.logarithmic_si).lower()
        return columns


_Write: TypeAlias = Callable[[Source], str]


def parse_skymodel(text: str, path: Path | str | None = None) -> SkyModel:
    """Read a sky model.

    Parameters
    ----------
    text : str
        What the file holds.
    path : Path or str, optional
        The file, for messages.

    Returns
    -------
    SkyModel
        Of comments, those before the first source or patch.

    Raises
    ------
    SkyModelError
        There is no ``FORMAT`` line, or a line is not what it announces; says which line and why.
    """
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            reader.line(line.strip(" \t\r"))
        except (ValueError, SkyModelError) as error:
            raise SkyModelError(f"{path or '<text>'}:{number}: {error}") from None
    try:
        if reader.columns is None:
            raise SkyModelError("expected a line 'FORMAT = Name, Type, Ra, Dec, I, ...', found none")
        return SkyModel(tuple(reader.sources), tuple(reader.patches), tuple(reader.comments))
    except SkyModelError as error:
        raise SkyModelError(f"{path or '<text>'}: {error}") from None


class _Reader:
    """Collects what the lines of a sky model say."""

    def __init__(self) -> None:
        self.columns: list[tuple[str, str]] | None = None
        self.format = ""
        self.sources: list[Source] = []
        self.patches: list[Patch] = []
        self.comments: list[str] = []

    def line(self, line: str) -> None:
        """Take in one line; ValueError or SkyModelError when it cannot be read."""
        header = _FORMAT.fullmatch(line) or (_OLD_FORMAT.fullmatch(line) if self.columns is None else None)
        if header:
            self._header(header[1].strip())
        elif line.startswith("#"):
            if not self.sources and not self.patches:
                self.comments.append(line[1:].removeprefix(" "))
        elif line:
            self._row(line)

    def _header(self, text: str) -> None:
        if self.columns is not None and text != self.format:
            raise ValueError("a second FORMAT line that differs from the first: split the file")
        self.columns, self.format = _read_format(text), text

    def _row(self, line: str) -> None:
        if self.columns is None:
            raise ValueError("expected a line 'FORMAT = Name, Type, Ra, Dec, I, ...' before the first source")
        row = dict(_row_values(line, self.columns))
        if row["Name"]:
            self.sources.append(_source(row))
        elif row.get("Patch"):
            self.patches.append(Patch(row["Patch"], _angle(row, "Ra"), _angle(row, "Dec")))
        else:
            raise ValueError("expected the name of a source or patch")


def _read_format(text: str) -> list[tuple[str, str]]:
    """Column names, empty for one to skip, and their defaults."""
    columns = []
    for item in _fields(text):
        match = _COLUMN.fullmatch(item)
        if not match:
            raise ValueError(
                f"expected a column such as I or ReferenceFrequency='150e6', found {item[:80]!r}"
            )
        word = match[1].lower()
        if word not in _BY_LOWER and word not in ("", "dummy"):
            near = difflib.get_close_matches(match[1], _COLUMNS, 1)
            raise ValueError(
                f"unknown column {match[1][:80]!r}" + (f"; is {near[0]!r} meant?" if near else "")
            )
        columns.append((_BY_LOWER.get(word, ""), _unquoted(match[2] or "")))
    names = [name for name, _ in columns if name]
    missing = [name for name in ("Name", "Ra", "Dec", "I") if name not in names]
    if missing or len(set(names)) < len(names):
        raise ValueError(
            f"expected every column once and Name, Ra, Dec, I among them, found {', '.join(names)}"
        )
    return columns


def _row_values(line: str, columns: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    values = _fields(line)
    if any(values[len(columns) :]):
        raise ValueError(f"expected {len(columns)} values as in the FORMAT line, found {len(values)}")
    values += [""] * (len(columns) - len(values))
    for (name, default), value in zip(columns, values, strict=False):
        found = _unquoted(value) or default
        if found and name in _NOT_MODELLED:
            raise ValueError(f"{name} is not supported: remove the column or its values")
        yield name, found


def _fields(line: str) -> list[str]:
    """Split at commas outside quotes and brackets."""
    if "'" not in line and '"' not in line and "[" not in line and "]" not in line:
        return [field.strip() for field in line.split(",")]
    fields, at = [], -1
    while at < len(line):
        # The pattern matches the empty text too, so it always matches.
        end = field.end() if (field := _FIELD.match(line, at + 1)) else at + 1
        if end < len(line) and line[end] != ",":
            raise ValueError(f"unbalanced {line[end]} in {line[:80]!r}")
        fields.append(line[at + 1 : end].strip())
        at = end
    return fields


def _unquoted(text: str) -> str:
    return text[1:-1].strip() if len(text) > 1 and text[0] in "'\"" and text[0] == text[-1] else text


def _source(row: Mapping[str, str]) -> Source:
    kind = row.get("Type", "").upper() or "POINT"
    if kind not in ("POINT", "GAUSSIAN"):
        raise ValueError(f"expected a source of type POINT or GAUSSIAN, found {kind[:80]}")
    if row.get("RefType", "").upper() not in ("", "J2000"):
        raise ValueError(f"expected a J2000 position, found {row['RefType'][:80]}")
    missing = [name for name in ("Ra", "Dec", "I") if not row[name]]
    axes = _AXES if kind == "GAUSSIAN" else {}
    missing += [name for name in axes.values() if not row.get(name)]
    if missing:
        raise ValueError(f"{row['Name']} has no {' and '.join(missing)}")
    shape = {field: _float(row, name) for field, name in axes.items()}
    return Source(
        name=row["Name"],
        ra_rad=_angle(row, "Ra"),
        dec_rad=_angle(row, "Dec"),
        flux_jy=_float(row, "I"),
        reference_freq_hz=_float(row, "ReferenceFrequency"),
        spectral_index=_spectral_index(row),
        logarithmic_si=_boolean(row, "LogarithmicSI", default=True),
        **shape,
        patch=row.get("Patch", ""),
        stokes_q_jy=_float(row, "Q"),
        stokes_u_jy=_float(row, "U"),
        stokes_v_jy=_float(row, "V"),
        orientation_is_absolute=_boolean(row, "OrientationIsAbsolute", default=False),
    )


def _float(row: Mapping[str, str], name: str) -> float:
    return _to_float(row.get(name) or "0", name)


def _to_float(text: str, name: str) -> float:
    # float() would take 1_000, which no LOFAR program does.
    if "_" in text:
        raise ValueError(f"expected a number as {name}, found {text[:80]!r}")
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"expected a number as {name}, found {text[:80]!r}") from None


def _spectral_index(row: Mapping[str, str]) -> tuple[float, ...]:
    text = row.get("SpectralIndex", "")
    inner = text[1:-1].strip() if text[:1] == "[" and text[-1:] == "]" else text
    return tuple(_to_float(item.strip(), "SpectralIndex") for item in inner.split(",")) if inner else ()


def _boolean(row: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = row.get(name, "").lower()
    if text and text not in _BOOLEANS:
        raise ValueError(f"expected true or false as {name}, found {text[:80]!r}")
    return _BOOLEANS.get(text, default)


def _angle(row: Mapping[str, str], name: str) -> float:
    text = row[name]
    if not text:
        return 0.0
    if name == "Dec" and ":" in text:
        raise ValueError(
            f"expected a declination such as +52.12.10.70, found {text[:80]!r}: colons mean hours"
        )
    angle_rad = parse_angle(text)
    return angle_rad % math.tau if name == "Ra" else angle_rad


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


def _centre(sources: tuple[Source, ...]) -> tuple[float, float]:
    """Flux-weighted direction; that of the first source when there is none, as for opposite ones."""
    weights = [max(source.flux_jy, 0.0) for source in sources]
    weights = weights if any(weights) else [1.0] * len(sources)
    pairs = list(zip(sources, weights, strict=True))
    x = math.fsum(w * math.cos(s.dec_rad) * math.cos(s.ra_rad) for s, w in pairs)
    y = math.fsum(w * math.cos(s.dec_rad) * math.sin(s.ra_rad) for s, w in pairs)
    z = math.fsum(w * math.sin(s.dec_rad) for s, w in pairs)
    if math.sqrt(x * x + y * y + z * z) < 1e-6 * math.fsum(weights):
        return sources[0].ra_rad, sources[0].dec_rad
    return math.atan2(y, x) % math.tau, math.atan2(z, math.hypot(x, y))


def _position_problem(ra_rad: float, dec_rad: float) -> str:
    # A declination read from -90.00.00 may lie a rounding error outside.
    if math.isfinite(ra_rad) and abs(dec_rad) <= math.pi / 2 + 1e-12:
        return ""
    return f"expected a declination within 90 degrees of the equator, found Ra {ra_rad}, Dec {dec_rad} rad"


def _check_name(name: str) -> None:
    if not name.strip() or name != name.strip() or _CONTROL.search(name) or "'" in name or '"' in name:
        raise SkyModelError(
            f"expected a name without quotes, line breaks or blanks around it, found {name[:80]!r}"
        )


def _check_unique(kind: str, items: tuple[Source, ...] | tuple[Patch, ...]) -> None:
    name, times = next(iter(Counter(item.name for item in items).most_common(1)), ("", 0))
    if times > 1:
        raise SkyModelError(f"expected every {kind} once, found {name} {times} times")


def _written(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else f"'{name}'"


def _real(value: float) -> str:
    return repr(float(value))


def _axis(source: Source, value: float) -> str:
    return _real(value) if source.type == "GAUSSIAN" else ""


def _ra(ra_rad: float) -> str:
    return _trimmed(format_ra(ra_rad, 8))


def _dec(dec_rad: float) -> str:
    return _trimmed(format_dec(dec_rad, 7, 2))


def _trimmed(angle: str) -> str:
    """Drop zeros at the end, but keep two decimals."""
    head, _, decimals = angle.rpartition(".")
    return f"{head}.{decimals[:2]}{decimals[2:].rstrip('0')}"
