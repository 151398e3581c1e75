"""FlagShort: flag the shortest baselines, on which stations hear each other's electronics.

Added to the pipeline by ``[pipeline] own_stages = docs/examples/flag_short.py``.
"""

from __future__ import annotations

from typing import Any

from sip_luigi.domain.parset import Parset
from sip_luigi.programs.dp3 import dp3_command, head_keys, numbered, storage_keys
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.chain import Need
from sip_luigi.tasks.node_stage import Steps
from sip_luigi.tasks.preprocess import carried
from sip_luigi.tasks.subband import SubbandNodeStage

# What the stage takes, and who takes what it makes instead of what they took before.
CHAIN = {
    "FlagShort": {"data": Need("Preprocess")},
    "Calibrate": {"data": Need("FlagShort")},
}
SHORTEST_M = 150.0
MAX_FLAGGED_FRACTION = 0.9


class FlagShort(SubbandNodeStage):
    """The preprocessed data of a subband, short baselines flagged."""

    stage = "flag_short"  # its name in logs, paths and manifests
    version = 1  # to be raised when the code makes something else of the same

    def science(self) -> dict[str, Any]:
        """What decides the content: a change makes this, and all that follows, again."""
        return {"shortest_m": SHORTEST_M, "max_flagged_fraction": MAX_FLAGGED_FRACTION}

    def steps(self, inputs: Inputs, part: str) -> Steps:
        """What the job does on the node; `part` becomes the product once all is well."""
        dppp = self.ctx.settings.dppp
        shape = inputs["data"].measures["verify_measurementset"]
        before = f"{self.dependencies['data'].product().path}/{self.measurementset}"
        after, parset_path = f"{part}/{self.measurementset}", f"{part}/{self.stage}.parset"
        parset = {
            **head_keys(before, after, dppp.threads),
            **storage_keys(dppp, shape["n_times"]),
            **numbered([{"name": "short", "type": "preflagger", "blmin": SHORTEST_M}]),
        }
        verification = {"path": after, "max_flagged_fraction": MAX_FLAGGED_FRACTION}
        return (
            {"write": parset_path, "text": Parset.from_mapping(parset).text()},
            {"argv": list(dp3_command(dppp.executable, parset_path))},
            {"call": "verify_measurementset", "request": verification},
            *carried(inputs["data"]),  # what the report tells of the preprocessing
        )
