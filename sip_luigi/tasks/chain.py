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
    when : str
        Setting that has to be true, ``section.key``; empty: always.
    """

    stage: str
    every_subband: bool = False
    cycle: Literal["same", "previous", "last"] = "same"
    at_first: str = ""
    when: str = ""


SKYMODEL = Need("UpdateSkyModel", cycle="previous", at_first="InitialSkyModel")

CHAIN: Mapping[str, Mapping[str, Need]] = {
    "DescribeSubband": {},
    "DescribeObservation": {"subbands": Need("DescribeSubband", every_subband=True)},
    "CopySubband": {"vds": Need("DescribeSubband")},
    "Preprocess": {"data": Need("CopySubband"), "vds": Need("DescribeSubband")},
    "InitialSkyModel": {"gvds": Need("DescribeObservation")},
    "Calibrate": {"data": Need("Preprocess"), "vds": Need("DescribeSubband"), "skymodel": SKYMODEL},
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
    # Not required by the pipeline but done after it: the results do not wait for the database.
    "UpdateDatabase": {
        "gvds": Need("DescribeObservation"),
        "initial": Need("InitialSkyModel"),
        "image": Need("ImageBand", cycle="last"),
        "sources": Need("FindSources", cycle="last"),
        "report": Need("QualityReport"),
    },
    "ImagingPipeline": {
        "report": Need("QualityReport"),
        "image": Need("ImageBand", cycle="last"),
        "sources": Need("FindSources", cycle="last"),
        "skymodel": Need("UpdateSkyModel", cycle="last"),
        "image_subbands": Need("ImageSubband", every_subband=True, when="pipeline.image_subbands"),
    },
}
