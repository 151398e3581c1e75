"""The order of the stages: what each one takes from which other.

This table is the graph. A stage of one's own is a file in this folder with its class, and a line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    cycle : {"same", "previous", "last"}
        Of which cycle of self-calibration.
    at_first : str
        Class of the stage that stands in where there is no previous cycle.
    of_calibrator : bool
        Of the calibrator's observation instead of this one.
    when : str
        Setting that has to be true, or not empty, ``section.key``; empty: always.
    """

    stage: str
    every_subband: bool = False
    cycle: Literal["same", "previous", "last"] = "same"
    at_first: str = ""
    of_calibrator: bool = False
    when: str = ""


SKYMODEL = Need("UpdateSkyModel", cycle="previous", at_first="InitialSkyModel")
STATIONS = Need("FlagStations", when="stations.enabled")
CALIBRATOR = Need("CombineCalibrator", of_calibrator=True, when="calibration.calibrator_obs_id")

CHAIN: Mapping[str, Mapping[str, Need]] = {
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
    },
    "ImageSubband": {"data": Need("Calibrate", cycle="last"), "vds": Need("DescribeSubband")},
    "GatherSubband": {"data": Need("Calibrate")},
    "ImageBand": {"gvds": Need("DescribeObservation"), "subbands": Need("GatherSubband", every_subband=True)},
    "FindSources": {"image": Need("ImageBand")},
    "UpdateSkyModel": {"sources": Need("FindSources"), "skymodel": SKYMODEL},
    "QualityReport": {
        "gvds": Need("DescribeObservation"),
        "image": Need("ImageBand", cycle="last"),
        "sources": Need("FindSources", cycle="last"),
        "skymodel": Need("UpdateSkyModel", cycle="last"),
        "subbands": Need("GatherSubband", every_subband=True, cycle="last"),
    },
    "ImagingPipeline": {
        "report": Need("QualityReport"),
        "image": Need("ImageBand", cycle="last"),
        "sources": Need("FindSources", cycle="last"),
        "skymodel": Need("UpdateSkyModel", cycle="last"),
        "image_subbands": Need("ImageSubband", every_subband=True, when="pipeline.image_subbands"),
    },
}
