"""An observation as an operator looks at it: the whole graph, and nothing written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sip_luigi.domain.product import Manifest
from sip_luigi.pipeline import ImagingPipeline, with_options
from sip_luigi.settings import load_settings
from sip_luigi.tasks.base import Stage
from sip_luigi.tasks.chain import Chain
from sip_luigi.tasks.context import Context, open_context


@dataclass
class Looked:
    """An observation that was looked at.

    Attributes
    ----------
    root : ImagingPipeline
        What the main command would be asked for.
    """

    root: ImagingPipeline

    @property
    def ctx(self) -> Context:
        """What its tasks share."""
        return self.root.ctx

    @property
    def obs_id(self) -> str:
        """The observation."""
        return str(self.root.obs_id)

    @cached_property
    def tasks(self) -> list[Stage]:
        """Every task, also of the calibrator, in the order of the stages."""
        order = {name: number for number, name in enumerate(in_order(self.ctx.chain))}
        own = sorted(
            self.root.everything(),
            key=lambda task: (
                getattr(task, "cycle", 0),
                order[task.task_family],
                str(getattr(task, "subband", "")),
            ),
        )
        # A calibrator is done with first.
        return sorted(own, key=lambda task: task.obs_id == self.obs_id)

    def found(self, task: Stage) -> Manifest | None:
        """What lies where the product of a task should be, of whatever key."""
        return self.ctx.index.manifest(task.product())


def in_order(chain: Chain) -> list[str]:
    """The stages, what is delivered before what is done afterwards."""
    last = "UpdateDatabase"
    return [*(name for name in chain if name != last), last]


def look(obs_id: str, *, cycles: int | None = None, calibrator_obs_id: str = "") -> Looked:
    """Look at an observation as the main command would, without writing anything.

    Parameters
    ----------
    obs_id : str
        The observation.
    cycles : int, optional
        As ``ImagingPipeline --cycles``.
    calibrator_obs_id : str
        As ``ImagingPipeline --calibrator-obs-id``.

    Raises
    ------
    SipError
        As :func:`sip_luigi.tasks.context.open_context`.
    """
    settings = with_options(load_settings(), cycles, calibrator_obs_id)
    root = ImagingPipeline(obs_id=obs_id, context=open_context(obs_id, settings, dry=True))
    root.complete()
    return Looked(root)
