"""Observations sorted by whether a night can take them on."""

from __future__ import annotations

from typing import NamedTuple

from sip_luigi.execution.results import STANDING, read_quality
from sip_luigi.nightly.raw import RawObservation, why_not_yet
from sip_luigi.nightly.site import Site
from sip_luigi.nightly.state import State
from sip_luigi.settings import Settings
from sip_luigi.tasks.job_directories import job_layout


class Looked(NamedTuple):
    """What was found.

    Attributes
    ----------
    complete, incomplete, by_hand : list of RawObservation
        Those that look complete, those that do not, and those whose results somebody has made by hand.
    waiting : dict
        What those that are not complete wait for.
    """

    complete: list[RawObservation]
    incomplete: list[RawObservation]
    by_hand: list[RawObservation]
    waiting: dict[str, str]


def sort_out(site: Site, state: State) -> Looked:
    """Look at all storage nodes; nothing is changed."""
    looked = Looked([], [], [], {})
    chosen = site.settings.nightly
    for obs_id, observation in sorted(site.observations().items()):
        expected = site.expected.get(obs_id, chosen.expected_subbands)
        if obs_id not in state.observations and was_done_by_hand(site.settings, observation):
            looked.by_hand.append(observation)
        elif reason := why_not_yet(observation, expected, chosen.settle_s, state.seen.get(obs_id)):
            looked.incomplete.append(observation)
            looked.waiting[obs_id] = reason
        else:
            looked.complete.append(observation)
    return looked


def was_done_by_hand(settings: Settings, observation: RawObservation) -> bool:
    """Whether there are results of these very data, as far as times tell."""
    layout = job_layout(settings, observation.obs_id)
    if read_quality(layout).get("outcome") not in STANDING:
        return False
    newest_ns = max(newest for *_, newest in observation.subbands.values())
    return layout.quality.stat().st_mtime_ns > newest_ns


def is_new(observation: RawObservation, state: State) -> bool:
    """Whether no night has tried these raw data yet."""
    record = state.observations.get(observation.obs_id)
    return record is None or record.fingerprint != observation.fingerprint
