"""Reading LOFAR text sky models, whose form :mod:`sip_luigi.domain.skymodel` tells."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from sip_luigi.domain.angles import parse_angle
from sip_luigi.domain.errors import SkyModelError
from sip_luigi.domain.skymodel import Patch, SkyModel, Source

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
