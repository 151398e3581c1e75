"""Which stations calibration leaves out: those of the whole observation, and those of the subband alone."""

from __future__ import annotations

from sip_luigi.domain.product import Manifest
from sip_luigi.domain.stations import BadStation
from sip_luigi.programs.calibration import Calibration
from sip_luigi.tasks.base import Inputs


def bad_stations(inputs: Inputs) -> dict[str, BadStation]:
    """Stations that a subband is calibrated without, by name.

    Parameters
    ----------
    inputs : mapping
        ``data``, made by Preprocess, and ``stations``, made by FlagStations, unless that is switched off.
    """
    here = {
        entry["station"]: BadStation(f"{entry['reason']}, in this subband")
        for entry in inputs["data"].measures["verify_measurementset"]["bad_stations"]
    }
    everywhere = of_observation(inputs["stations"]) if "stations" in inputs else {}
    # What is bad in this subband altogether goes altogether, whatever is known of it elsewhere.
    return {**everywhere, **{n: e for n, e in here.items() if n not in everywhere or everywhere[n].spans}}


def of_observation(verdict: Manifest) -> dict[str, BadStation]:
    """What FlagStations found."""
    return {
        name: BadStation(entry["reason"], tuple((start, end) for start, end in entry["spans_mjd_s"]))
        for name, entry in verdict.measures["stations"].items()
    }


def flagged_stations(stations: dict[str, BadStation], options: Calibration) -> dict[str, str]:
    """Reasons by station, of those that are flagged."""
    return {name: entry.reason for name, entry in stations.items()} if options.flag_bad_stations else {}
