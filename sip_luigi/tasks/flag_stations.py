"""FlagStations: which stations are bad over the observation, from the statistics of all its subbands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import BadData
from sip_luigi.domain.keys import digest
from sip_luigi.domain.stations import StationStatistics, find_bad_stations
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.head_stage import HeadStage
from sip_luigi.tasks.preprocess import STATISTICS


class FlagStations(HeadStage):
    """Judge the stations by all subbands that are not lost.

    Calibration waits for it, and depends on its verdict alone: a subband that is repaired later and changes nothing
    of it leaves the others calibrated as they are.
    """

    stage = "flag_stations"

    def science(self) -> dict[str, Any]:
        """Settings of ``[stations]``."""
        return self.ctx.settings.stations.science()

    def path(self) -> Path:
        """``stations/<obs_id>.stations.json``."""
        return self.ctx.layout.stations

    def refuse_lost(self, inputs: Inputs) -> None:
        """What is lost has no say; the quorum is a matter of imaging."""

    def foretell(self, inputs: Inputs) -> dict[str, Any]:
        """That all stations are good."""
        return {"stations": {}}

    def write(self, inputs: Inputs, part: Path) -> dict[str, Any]:
        """Judge, and say why each station goes."""
        statistics = {
            name: self._read(name, manifest.measures["averaging"])
            for name, manifest in inputs.items()
            if not manifest.loss
        }
        bad = find_bad_stations(statistics, self.ctx.settings.stations.limits)
        n_stations = len({name for entry in statistics.values() for name in entry.names})
        refused = self._refusal(len(bad), n_stations)
        stations = {} if refused else {name: entry.as_dict() for name, entry in bad.items()}
        for text in [refused] if refused else [f"{n} is flagged: {e['reason']}" for n, e in stations.items()]:
            self.warn(text)
        verdict = {
            "stations": stations,
            "n_stations": n_stations,
            "n_subbands": len(statistics),
            "refused": refused,
        }
        part.write_text(json.dumps(verdict, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return verdict

    def _refusal(self, n_bad: int, n_stations: int) -> str:
        """Why nothing is flagged, if so."""
        limit = self.ctx.settings.stations.max_bad_station_fraction
        if n_bad <= limit * n_stations:
            return ""
        return (
            f"{n_bad} of {n_stations} stations look bad, more than max_bad_station_fraction = {limit:g}: none is "
            "flagged; look at the statistics of the subbands"
        )

    def content(self, measures: Mapping[str, Any]) -> str:
        """What is flagged and when; the figures behind it are not asked for by anybody."""
        flagged = {name: entry["spans_mjd_s"] for name, entry in measures["stations"].items()}
        return digest(flagged)

    def _read(self, subband: str, averaging: Mapping[str, Any]) -> StationStatistics:
        product = self.dependencies[subband].product()
        raw_width_hz = averaging["channel_width_hz"] / averaging["freq_step"]
        with self.fetched(subband, STATISTICS) as local:
            try:
                value = json.loads(local.read_text(encoding="utf-8"))
                return StationStatistics.from_json(value, raw_width_hz)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise BadData(
                    f"{product.name}/{STATISTICS}: not the statistics of a subband ({error!r}); remove "
                    f"{product.path}, it is then made again"
                ) from error
