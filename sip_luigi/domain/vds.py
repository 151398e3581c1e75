"""Descriptions of visibility data: VDS of one MeasurementSet, GVDS of an observation.

Both are LOFAR parsets, as ``makevds`` and ``combinevds`` of the observatory write them. Times are MJD seconds
and angles rad here; in the text they are ``2000/08/03/13:22:30.000`` (rounded to 1 ms),
``[16:38:28.205274]`` and ``[+062.34.44.313607]``.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sip_luigi.domain.angles import format_dec, format_ra, parse_angle
from sip_luigi.domain.errors import ParsetError, VdsError
from sip_luigi.domain.parset import Parset, Value

MAX_PARTS = 100_000
"""A GVDS that announces more parts is refused."""

_MJD_EPOCH = datetime(1858, 11, 17)
_TIME = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})[/ ](\d{1,2}):(\d{2}):(\d{2})(\.\d{1,9})?", re.ASCII)
_PART = re.compile(r"Part(0|[1-9]\d{0,5})\.", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Vds:
    """One MeasurementSet.

    Attributes
    ----------
    name, file_name : str
        Path of the MeasurementSet.
    file_sys : str
        File system that holds it, ``lse007:/data1``; empty when not known.
    cluster_desc : str
        Path of the cluster description.
    start_time_s, end_time_s : float
        First and last row's TIME ∓ EXPOSURE/2, MJD seconds.
    step_time_s : float
        Exposure of one timeslot.
    start_times_diff_s, end_times_diff_s : tuple of float
        For each timeslot, how far it begins and ends from where regular steps would put it; or empty.
    n_chan : tuple of int
        Channels of each band.
    start_freqs_hz, end_freqs_hz : tuple of float
        Edges of each channel, or of each band.
    corr_names : tuple of str
        ``XX`` and so on.
    field_ra_rad, field_dec_rad : tuple of float
        Direction of each field.
    field_type : tuple of str
        Its frame, ``J2000``.
    station_names : tuple of str
        Every antenna.
    data_file_name : str
        The file inside the MeasurementSet that holds the DATA column.
    data_file_is_regular : bool or None
        Whether it is one hypercube; None when not known.
    data_tile_shape, data_cube_shape : tuple of int
        Shapes of that hypercube.
    extra : mapping
        Further ``Extra.*`` keys, without that prefix.
    """

    name: str
    file_name: str = ""
    file_sys: str = ""
    cluster_desc: str = ""
    start_time_s: float
    end_time_s: float
    step_time_s: float
    start_times_diff_s: tuple[float, ...] = ()
    end_times_diff_s: tuple[float, ...] = ()
    n_chan: tuple[int, ...]
    start_freqs_hz: tuple[float, ...]
    end_freqs_hz: tuple[float, ...]
    corr_names: tuple[str, ...] = ()
    field_ra_rad: tuple[float, ...] = ()
    field_dec_rad: tuple[float, ...] = ()
    field_type: tuple[str, ...] = ()
    station_names: tuple[str, ...] = ()
    data_file_name: str = ""
    data_file_is_regular: bool | None = None
    data_tile_shape: tuple[int, ...] = ()
    data_cube_shape: tuple[int, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for holds, expected in self._expectations():
            if not holds:
                raise VdsError(f"{self.name or 'VDS without Name'}: expected {expected}")

    def text(self) -> str:
        """Write the description; VdsError when a value holds what a parset cannot."""
        try:
            return Parset.from_mapping(self._values()).text()
        except ParsetError as error:
            raise VdsError(f"{self.name}: {error}") from error

    def _values(self) -> dict[str, Value]:
        values = {
            k.key: k.write(getattr(self, k.attribute))
            for k in _KEYS
            if getattr(self, k.attribute) not in _UNSET
        }
        return values | {f"Extra.{key}": value for key, value in self.extra.items()}

    def _expectations(self) -> Iterable[tuple[bool, str]]:
        """Say what must hold, each with the words for it."""
        times = (self.start_time_s, self.end_time_s, self.step_time_s)
        edges = (len(self.start_freqs_hz), len(self.end_freqs_hz))
        yield bool(self.name), "a Name"
        yield all(map(math.isfinite, times)) and self.step_time_s > 0, "finite times and a StepTime above 0"
        yield self.start_time_s <= self.end_time_s, "a StartTime that is not after EndTime"
        yield (
            len(self.start_times_diff_s) == len(self.end_times_diff_s),
            "StartTimesDiff and EndTimesDiff of one length",
        )
        yield bool(self.n_chan) and min(self.n_chan) > 0, "NChan above 0"
        counts = (len(self.n_chan), sum(self.n_chan))
        holds = edges in {(n, n) for n in counts}
        yield holds, f"StartFreqs and EndFreqs of {counts[1]} channels or {counts[0]} bands, found {edges}"
        yield all(map(math.isfinite, self.start_freqs_hz + self.end_freqs_hz)), "finite frequencies"
        yield (
            len(self.field_ra_rad) == len(self.field_dec_rad),
            "as many FieldDirectionDec as FieldDirectionRa",
        )
        yield all(map(math.isfinite, self.field_ra_rad)), "finite right ascensions"
        yield all(abs(dec) <= math.pi / 2 for dec in self.field_dec_rad), "declinations up to 90 degrees"
        taken = {k.key for k in _KEYS} & {f"Extra.{key}" for key in self.extra}
        yield (
            not taken,
            f"extra without keys that have a place of their own, found {', '.join(sorted(taken))}",
        )


@dataclass(frozen=True, kw_only=True)
class Gvds(Vds):
    """An observation: the head describes all of it, `parts` each MeasurementSet; `sip_luigi.domain.gvds` makes it."""

    parts: tuple[Vds, ...] = ()

    def _values(self) -> dict[str, Value]:
        values = super()._values()
        values["NParts"] = len(self.parts)
        for number, part in enumerate(self.parts):
            values |= {f"Part{number}.{key}": value for key, value in part._values().items()}
        return values


def parse_vds(text: str, path: Path | str | None = None) -> Vds:
    """Read a VDS.

    Raises
    ------
    VdsError
        The text is no parset, a key is missing, unknown or malformed, or keys contradict each other; says
        which line and key.
    """
    reader = _Reader(text, path)
    part = next((prefix for prefix in reader.names if prefix), None)
    if part or "NParts" in reader.parset:
        raise reader.fault("NParts", "this describes several parts: it is a GVDS, where a VDS was expected")
    return reader.vds("")


def parse_gvds(text: str, path: Path | str | None = None) -> Gvds:
    """Read a GVDS; raises as :func:`parse_vds`, also when there are not as many parts as announced."""
    reader = _Reader(text, path)
    n_parts = reader.value("", "NParts", _integer)
    if not 0 <= n_parts <= MAX_PARTS:
        raise reader.fault("NParts", f"expected a number of parts up to {MAX_PARTS}, found {n_parts}")
    parts = tuple(reader.vds(f"Part{number}.") for number in range(n_parts))
    head = reader.vds("", known=("NParts",))
    beyond = next((prefix for prefix in reader.names if prefix and int(prefix[4:-1]) >= n_parts), None)
    if beyond:
        raise reader.fault(beyond + reader.names[beyond][0], f"is beyond the {n_parts} parts of NParts")
    return Gvds(**{f.name: getattr(head, f.name) for f in fields(Vds)}, parts=parts)


def format_time(time_s: float) -> str:
    """Write MJD seconds as ``2000/08/03/13:22:30.000``; VdsError outside the years 1 to 9999."""
    try:
        time = _MJD_EPOCH + timedelta(milliseconds=round(time_s * 1000))
    except (OverflowError, ValueError) as error:
        raise VdsError(f"expected MJD seconds of a calendar date, found {time_s}") from error
    return f"{time.year:04d}/{time:%m/%d/%H:%M:%S}.{time.microsecond // 1000:03d}"


def parse_time(text: str) -> float:
    """Read ``2000/08/03/13:22:30.000`` as MJD seconds; ValueError when it is none."""
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError(f"expected a time such as 2000/08/03/13:22:30.000, found {text[:80]!r}")
    moment = datetime(*(int(number) for number in match.groups()[:6]))  # type: ignore[arg-type]
    return (moment - _MJD_EPOCH) / timedelta(seconds=1) + float(match[7] or 0)


class _Reader:
    """Reads descriptions out of one parset; `names` are its keys by the part they belong to."""

    def __init__(self, text: str, path: Path | str | None) -> None:
        try:
            self.parset = Parset.parse(text, path)
        except ParsetError as error:
            raise VdsError(str(error)) from error
        self.names: dict[str, list[str]] = {}
        for key in self.parset:
            match = _PART.match(key)
            prefix = match[0] if match else ""
            self.names.setdefault(prefix, []).append(key[len(prefix) :])

    def fault(self, key: str, message: str) -> VdsError:
        return VdsError(str(self.parset.error(message, key)))

    def value(self, prefix: str, key: str, read: Callable[[Parset, str], Any]) -> Any:
        try:
            return read(self.parset, prefix + key)
        except ParsetError as error:
            raise VdsError(str(error)) from error
        except (ValueError, OverflowError) as error:
            raise self.fault(prefix + key, str(error)) from error

    def vds(self, prefix: str, known: tuple[str, ...] = ()) -> Vds:
        """Read the description whose keys have a prefix."""
        names = [name for name in self.names.get(prefix, []) if name not in known]
        values: dict[str, Any] = {}
        for name in _MANDATORY + [name for name in names if name in _BY_KEY and name not in _MANDATORY]:
            values[_BY_KEY[name].attribute] = self.value(prefix, name, _BY_KEY[name].read)
        others = [name for name in names if name not in _BY_KEY]
        for name in others:
            if not name.startswith("Extra."):
                near = difflib.get_close_matches(name, _BY_KEY, 1)
                raise self.fault(prefix + name, "unknown key" + (f"; is {near[0]!r} meant?" if near else ""))
        extra = {name.removeprefix("Extra."): self.parset[prefix + name] for name in others}
        try:
            return Vds(**values, extra=extra)
        except VdsError as error:
            raise self.fault(f"{prefix}Name", str(error)) from error


def _text(parset: Parset, key: str) -> str:
    return parset[key]


def _texts(parset: Parset, key: str) -> tuple[str, ...]:
    return parset.vector(key)


def _time(parset: Parset, key: str) -> float:
    return parse_time(parset[key])


def _real(parset: Parset, key: str) -> float:
    return float(parset[key])


def _reals(parset: Parset, key: str) -> tuple[float, ...]:
    return tuple(map(float, parset.vector(key)))


def _integer(parset: Parset, key: str) -> int:
    return int(parset[key])


def _integers(parset: Parset, key: str) -> tuple[int, ...]:
    return tuple(map(int, parset.vector(key)))


def _boolean(parset: Parset, key: str) -> bool:
    word = parset[key].lower()
    if word not in ("0", "1", "true", "false"):
        raise ValueError(f"expected 0 or 1, found {word[:80]!r}")
    return word in ("1", "true")


def _angles(parset: Parset, key: str) -> tuple[float, ...]:
    return tuple(map(parse_angle, parset.vector(key)))


def _as_is(value: Any) -> Value:
    return value  # type: ignore[no-any-return]


def _write_ras(ras_rad: tuple[float, ...]) -> Value:
    return [format_ra(ra_rad) for ra_rad in ras_rad]


def _write_decs(decs_rad: tuple[float, ...]) -> Value:
    return [format_dec(dec_rad) for dec_rad in decs_rad]


class _Key(NamedTuple):
    key: str
    attribute: str
    read: Callable[[Parset, str], Any]
    write: Callable[[Any], Value] = _as_is


_UNSET: tuple[Any, ...] = ("", (), None)
_KEYS = (
    _Key("Name", "name", _text),
    _Key("FileName", "file_name", _text),
    _Key("FileSys", "file_sys", _text),
    _Key("ClusterDesc", "cluster_desc", _text),
    _Key("StartTime", "start_time_s", _time, format_time),
    _Key("EndTime", "end_time_s", _time, format_time),
    _Key("StepTime", "step_time_s", _real),
    _Key("StartTimesDiff", "start_times_diff_s", _reals),
    _Key("EndTimesDiff", "end_times_diff_s", _reals),
    _Key("NChan", "n_chan", _integers),
    _Key("StartFreqs", "start_freqs_hz", _reals),
    _Key("EndFreqs", "end_freqs_hz", _reals),
    _Key("Extra.CorrNames", "corr_names", _texts),
    _Key("Extra.FieldDirectionRa", "field_ra_rad", _angles, _write_ras),
    _Key("Extra.FieldDirectionDec", "field_dec_rad", _angles, _write_decs),
    _Key("Extra.FieldDirectionType", "field_type", _texts),
    _Key("Extra.StationNames", "station_names", _texts),
    _Key("Extra.DataFileName", "data_file_name", _text),
    _Key("Extra.DataFileIsRegular", "data_file_is_regular", _boolean, int),
    _Key("Extra.DataTileShape", "data_tile_shape", _integers),
    _Key("Extra.DataCubeShape", "data_cube_shape", _integers),
)
_BY_KEY = {key.key: key for key in _KEYS}
_MANDATORY = ["Name", "StartTime", "EndTime", "StepTime", "NChan", "StartFreqs", "EndFreqs"]
