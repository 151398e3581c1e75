"""Luigi targets for products: ``node:path``, complete by manifest and key."""

from __future__ import annotations

import luigi

from sip_luigi.domain.product import Manifest, Product
from sip_luigi.execution.index import NodeIndex
from sip_luigi.execution.losses import LossRecords


class ProductTarget(luigi.Target):
    """A product of a given key, or the record of its loss.

    Parameters
    ----------
    product : Product
        Where it is.
    key : str
        The key it must have been made with.
    index : NodeIndex
        Who knows what is where.
    losses : LossRecords
        Who knows what was lost.
    name : str
        Name under which a loss of it is recorded.
    """

    def __init__(self, product: Product, key: str, index: NodeIndex, losses: LossRecords, name: str) -> None:
        self.product, self.key, self.index, self.losses, self.name = product, key, index, losses, name

    @property
    def path(self) -> str:
        """Path on its node."""
        return self.product.path

    def manifest(self) -> Manifest | None:
        """Manifest of the product or of its loss; None where there is neither of this key."""
        return self.judge(self.index.manifest(self.product))

    def judge(self, found: Manifest | None) -> Manifest | None:
        """The same, of what was found where the product should be."""
        recorded = self.losses.all().get(self.name)
        # The loss first: it was recorded because the product, if there is an older one, no longer holds. What was
        # to be cleared away may still be there.
        order = (found, recorded) if recorded and recorded.cleared else (recorded, found)
        for manifest in order:
            if manifest and manifest.key == self.key:
                return manifest
        return None

    def exists(self) -> bool:
        """Whether the product, or the record of its loss, is there."""
        return self.manifest() is not None

    def __str__(self) -> str:
        return self.product.name


class MeasurementSetTarget(ProductTarget):
    """A directory that holds the MeasurementSet of a subband and what was found while making it."""


class ImageTarget(ProductTarget):
    """A directory that holds the images of one run of the imager."""


class FileTarget(ProductTarget):
    """A single file on the head node."""
