"""What the stages that run DP3 have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import ConfigurationError, ProgramError, SipError
from sip_luigi.domain.parset import Parset
from sip_luigi.domain.product import Manifest
from sip_luigi.programs.dp3 import DataShape, dp3_command
from sip_luigi.programs.logs import dp3_progress
from sip_luigi.tasks.subband import SubbandNodeStage

_OF_ONE_PASS, _OF_ONE_SOLVE = ("steps", "checkparset"), ("caltype", "applysolution", "parmdb")
_UNUSED_KEYS = re.compile(r"parset keywords were not used.*?\n((?:\s+- \S+\n)+)", re.DOTALL)


class Dp3Stage(SubbandNodeStage):
    """Passes of DP3, one for most, over the MeasurementSet of a subband."""

    @property
    def cores(self) -> int:
        """``[dppp] threads``."""
        return self.ctx.settings.dppp.threads

    def progress(self, log: str) -> float:
        """As DP3's progress bar says."""
        return dp3_progress(log)

    @property
    def patch(self) -> str:
        """Path of the user's own parset keys, empty for none."""
        raise NotImplementedError

    def patch_text(self) -> str:
        """The user's own parset keys; they enter the key of the product."""
        return Path(self.patch).read_text(encoding="utf-8") if self.patch else ""

    def patched(self, generated: Mapping[str, Any], *others: Mapping[str, Any]) -> str:
        """The parset to run: the generated one, with the user's keys over it.

        Keys of a step that only `others` have are left to them: each is a pass of the same stage.

        Raises
        ------
        ConfigurationError
            There are several passes, and a key that would have to be in two of them.
        """
        parset = Parset.from_mapping(generated)
        if self.patch:
            own = Parset.parse(self.patch_text(), Path(self.patch))
            self._refuse_for_several(own, others)
            elsewhere = {step for other in others for step in other["steps"]} - set(generated["steps"])
            if "msout" not in generated:
                elsewhere |= {"msout"}
            parset.update({key: own[key] for key in own if key.partition(".")[0] not in elsewhere})
        return parset.text()

    def _refuse_for_several(self, own: Parset, passes: Sequence[Mapping[str, Any]]) -> None:
        wrong = [key for key in own if key in _OF_ONE_PASS or key.rpartition(".")[2] in _OF_ONE_SOLVE]
        if len(passes) > 1 and wrong:
            raise ConfigurationError(
                f"{self.patch}: {', '.join(wrong)}: expected keys of single steps, since {self.stage} takes "
                f"{len(passes)} passes of DP3 where the flux scale is kept: one solves, the other applies; "
                "leave them out, or set [calibration] keep_flux_scale = false"
            )

    def run_parset(self, part: str, text: str, name: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
        """Steps that write a parset into the product, by default under the name of the stage, and run it."""
        path = f"{part}/{name or self.stage}.parset"
        argv = dp3_command(self.ctx.settings.dppp.executable, path)
        return {"write": path, "text": text}, {"argv": list(argv)}

    def explain(self, error: ProgramError) -> SipError:
        """A key that DP3 does not know is a mistake in the settings, the same for every subband."""
        found = _UNUSED_KEYS.search(str(error))
        if not found:
            return error
        where = self.patch or "the generated parset"
        keys = ", ".join(found.group(1).replace("- ", "").split())
        return ConfigurationError(f"{where}: DP3 does not know {keys}; correct or remove it")


def shape_of(measures: Mapping[str, Any]) -> DataShape:
    """Extent of a MeasurementSet from what was measured of it."""
    return DataShape(
        measures["n_times"], measures["n_channels"], measures["step_s"], measures["channel_width_hz"]
    )


def described(vds: Manifest) -> Mapping[str, Any]:
    """What DescribeSubband found."""
    summary: Mapping[str, Any] = vds.measures
    return summary
