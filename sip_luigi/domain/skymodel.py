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

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from sip_luigi.domain.angles import format_dec, format_ra, separation
from sip_luigi.domain.errors import SkyModelError

_PLAIN_NAME = re.compile(r"[\w.+:@/*-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")


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
