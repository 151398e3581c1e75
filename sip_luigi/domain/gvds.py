"""The description of an observation out of those of its MeasurementSets."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from sip_luigi.domain.angles import format_dec, format_ra, separation
from sip_luigi.domain.errors import VdsError
from sip_luigi.domain.vds import Gvds, Vds

SAME_FIELD_RAD = math.radians(0.001 / 3600)
"""Directions nearer than 1 mas are the same: the text holds 15 µas."""


def combine(parts: Iterable[Vds], name: str, cluster_desc: str | None = None) -> Gvds:
    """Describe an observation by the descriptions of its MeasurementSets.

    Parameters
    ----------
    parts : iterable of Vds
        One for each subband.
    name : str
        Name of the observation's data set.
    cluster_desc : str, optional
        Path of the cluster description; by default that of the first part.

    Returns
    -------
    Gvds
        Parts in order of start frequency, then name; from the earliest start to the latest end; one entry in
        `n_chan` and one frequency range for each band of each part; field, step and correlations of part 0.

    Raises
    ------
    VdsError
        There is no part, one is there twice, or one differs in field, step or correlations.
    """
    ordered = sorted(parts, key=lambda part: (part.start_freqs_hz[0], part.name))
    if not ordered:
        raise VdsError(f"{name}: expected at least one part to combine, found none")
    [(twice, times)] = Counter((part.file_sys, part.name) for part in ordered).most_common(1)
    if times > 1:
        raise VdsError(f"{name}: expected every part once, found {twice[1]} {times} times")
    first = ordered[0]
    for part in ordered:
        if difference := _difference(first, part):
            raise VdsError(difference)
    bands = [band for part in ordered for band in _bands(part)]
    return Gvds(
        name=name,
        cluster_desc=first.cluster_desc if cluster_desc is None else cluster_desc,
        start_time_s=min(part.start_time_s for part in ordered),
        end_time_s=max(part.end_time_s for part in ordered),
        step_time_s=first.step_time_s,
        n_chan=tuple(band.n_chan for band in bands),
        start_freqs_hz=tuple(band.start_hz for band in bands),
        end_freqs_hz=tuple(band.end_hz for band in bands),
        corr_names=first.corr_names,
        field_ra_rad=first.field_ra_rad,
        field_dec_rad=first.field_dec_rad,
        field_type=first.field_type,
        parts=tuple(replace(part, file_name=part.file_name or part.name) for part in ordered),
    )


def odd_ones(parts: Sequence[Vds]) -> dict[str, str]:
    """Find the parts that cannot be combined with most of the others.

    Parameters
    ----------
    parts : sequence of Vds
        One for each subband.

    Returns
    -------
    dict
        Reason by the name of the part; of equally large groups that of the earliest part is taken for the
        observation.
    """
    groups: list[list[Vds]] = []
    for part in parts:
        home = next((group for group in groups if not _difference(group[0], part)), None)
        if home is None:
            groups.append([part])
        else:
            home.append(part)
    most = max(groups, key=len, default=[])
    return {
        part.name: f"{_difference(most[0], part)}, as {len(most)} of {len(parts)} subbands have it"
        for group in groups
        if group is not most
        for part in group
    }


class _Band(NamedTuple):
    n_chan: int
    start_hz: float
    end_hz: float


def _bands(part: Vds) -> Iterable[_Band]:
    first = 0
    for n_chan in part.n_chan:
        # Edges are given for every channel, or one pair for each band.
        last = first + (n_chan if len(part.start_freqs_hz) != len(part.n_chan) else 1) - 1
        yield _Band(n_chan, part.start_freqs_hz[first], part.end_freqs_hz[last])
        first = last + 1


def _difference(first: Vds, part: Vds) -> str:
    """Why two parts do not belong to one observation; empty when they do."""
    directions = zip(
        first.field_ra_rad, first.field_dec_rad, part.field_ra_rad, part.field_dec_rad, strict=False
    )
    same_field = len(first.field_ra_rad) == len(part.field_ra_rad) and first.field_type == part.field_type
    same_field = same_field and all(separation(*pair) <= SAME_FIELD_RAD for pair in directions)
    same_step = math.isclose(first.step_time_s, part.step_time_s, rel_tol=1e-6)
    differences = {
        "FieldDirection": (same_field, _field_text(first), _field_text(part)),
        "StepTime": (same_step, first.step_time_s, part.step_time_s),
        "CorrNames": (first.corr_names == part.corr_names, first.corr_names, part.corr_names),
    }
    for key, (same, expected, found) in differences.items():
        if not same:
            return f"{part.name}: its {key} is {found}, that of {first.name} is {expected}"
    return ""


def _field_text(vds: Vds) -> str:
    ras, decs = map(format_ra, vds.field_ra_rad), map(format_dec, vds.field_dec_rad)
    return " ".join(map(str, (list(ras), list(decs), vds.field_type)))
