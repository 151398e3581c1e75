"""The order of the stages: what each one takes from which other.

This table is the graph. A stage of the pipeline is a file in this folder with its class, and a line here; for one of
your own, outside of the package, see :mod:`sip_luigi.tasks.own_stages`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Need:
    """One thing that a stage takes.

    Attributes
    ----------
    stage : str
        Class of the stage that makes it; it is asked for the same subband and cycle where it has them.
    every_subband : bool
        Take it of each subband, under the name of the subband as its role.
    cycle : {"same", "previous", "last", "every"}
        Of which cycle of self-calibration; of every one, the number of the cycle is put to the role.
    at_first : str
        Class of the stage that stands in where there is no previous cycle; empty: nothing is taken then.
    of_calibrator : bool
        Of the calibrator's observation instead of this one.
    by_content : bool
        What the product says counts alone, not what that follows from: as long as it says the same, nothing is redone.
    measures_only : bool
        What its manifest says is enough, the data need not be there any more.
    when : str
        Setting that has to be true, or not empty, ``section.key``; empty: always.
    """

    stage: str
    every_subband: bool = False
    cycle: Literal["same", "previous", "last", "every"] = "same"
    at_first: str = ""
    of_calibrator: bool = False
    by_content: bool = False
    measures_only: bool = False
    when: str = ""


Chain = Mapping[str, Mapping[str, Need]]
"""By stage, then by role: what it takes."""

SKYMODEL = Need("UpdateSkyModel", cycle="previous", at_first="InitialSkyModel")
STATIONS = Need("FlagStations", by_content=True, when="stations.enabled")
CALIBRATOR = Need("CombineCalibrator", of_calibrator=True, when="calibration.calibrator_obs_id")
JUDGED = Need("JudgeCycle", cycle="last")
RESULTS: Mapping[str, Need] = {
    "image": Need("ImageBand", cycle="every"),
    "sources": Need("FindSources", cycle="every"),
    "skymodel": Need("UpdateSkyModel", cycle="every"),
    "judgement": JUDGED,
}
"""What the results are taken from: the best cycle is known only when all of them have been judged."""

CHAIN: Chain = {
    "DescribeSubband": {},
    "DescribeObservation": {"subbands": Need("DescribeSubband", every_subband=True)},
    "CopySubband": {"vds": Need("DescribeSubband")},
    "Preprocess": {"data": Need("CopySubband"), "vds": Need("DescribeSubband")},
    "InitialSkyModel": {"gvds": Need("DescribeObservation")},
    "FlagStations": {"subbands": Need("Preprocess", every_subband=True)},
    "SolveCalibrator": {"data": Need("Preprocess"), "vds": Need("DescribeSubband"), "stations": STATIONS},
    "CombineCalibrator": {"subbands": Need("SolveCalibrator", every_subband=True)},
    "Calibrate": {
        "data": Need("Preprocess"),
        "vds": Need("DescribeSubband"),
        "stations": STATIONS,
        "calibrator": CALIBRATOR,
        "skymodel": SKYMODEL,
        "judgement": Need("JudgeCycle", cycle="previous", by_content=True),
    },
    "ImageSubband": {
        "data": Need("Calibrate", cycle="every"),
        "vds": Need("DescribeSubband"),
        "judgement": replace(JUDGED, by_content=True, when="pipeline.repeats"),
    },
    "GatherSubband": {"data": Need("Calibrate")},
    "ImageBand": {
        "gvds": Need("DescribeObservation"),
        "subbands": Need("GatherSubband", every_subband=True),
        "skymodel": SKYMODEL,
    },
    "FindSources": {"image": Need("ImageBand")},
    "UpdateSkyModel": {"sources": Need("FindSources"), "skymodel": SKYMODEL},
    "JudgeCycle": {
        "image": Need("ImageBand", measures_only=True),
        "sources": Need("FindSources", measures_only=True),
        "subbands": Need("GatherSubband", every_subband=True, measures_only=True),
        "before": Need("JudgeCycle", cycle="previous"),
    },
    "QualityReport": {
        **RESULTS,
        "gvds": Need("DescribeObservation"),
        "model": Need("InitialSkyModel"),
        "subbands": Need("GatherSubband", every_subband=True, cycle="every", measures_only=True),
    },
    # Not required by the pipeline but done after it: the results do not wait for the database.
    "UpdateDatabase": {
        "gvds": Need("DescribeObservation"),
        "initial": Need("InitialSkyModel"),
        **RESULTS,
        "report": Need("QualityReport"),
    },
    "ImagingPipeline": {
        **RESULTS,
        "report": Need("QualityReport"),
        "image_subbands": Need(
            "ImageSubband", every_subband=True, measures_only=True, when="pipeline.image_subbands"
        ),
    },
}


def in_cycle(role: str, cycle: int) -> str:
    """Role of what is taken from one of several cycles."""
    return f"{role}.cycle{cycle}"
