"""What the stages of one subband have in common."""

from __future__ import annotations

from typing import ClassVar

import luigi

from sip_luigi.domain.clusterdesc import Node
from sip_luigi.domain.observation import Subband
from sip_luigi.domain.product import Product
from sip_luigi.execution.targets import MeasurementSetTarget, ProductTarget
from sip_luigi.tasks.base import Stage
from sip_luigi.tasks.node_stage import NodeStage


class SubbandStage(Stage):
    """A stage of the chain of one subband; the observation goes on without it."""

    may_be_lost = True

    subband = luigi.Parameter(description="Subband, for example SAP000_SB080")

    @property
    def name(self) -> str:
        """Stage and subband."""
        return f"{self.stage}.{self.subband}"

    @property
    def raw(self) -> Subband:
        """The subband as it lies on its storage node."""
        return self.ctx.subband(self.subband)


class SubbandNodeStage(SubbandStage, NodeStage):
    """A stage of one subband that makes a directory on the subband's compute node."""

    target_class: ClassVar[type[ProductTarget]] = MeasurementSetTarget

    @property
    def node(self) -> Node:
        """The compute node of the chain."""
        return self.ctx.compute_node(self.raw)

    @property
    def place_name(self) -> str:
        """The subband."""
        return str(self.subband)

    @property
    def folder(self) -> str:
        """Name of the product's directory in the subband's."""
        return self.label

    @property
    def measurementset(self) -> str:
        """Name of the MeasurementSet inside the product."""
        return f"{self.obs_id}_{self.subband}.MS"

    def product(self) -> Product:
        """A directory named for the stage, in that of the subband."""
        path = self.ctx.working_directory(self.node) / self.subband / self.folder
        return Product(self.node.name, str(path))

    @property
    def measurementset_path(self) -> str:
        """Full path of the finished MeasurementSet."""
        return f"{self.product().path}/{self.measurementset}"
