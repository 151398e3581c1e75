"""What was cleared away counts as done until something has to be made of it."""

from dataclasses import replace

import pytest

from sip_luigi.domain.product import Loss, Manifest, Product
from sip_luigi.execution.index import NodeIndex
from sip_luigi.execution.losses import LossRecords
from sip_luigi.execution.targets import ProductTarget

MANIFEST = Manifest("key", "copy", 1, inputs={"vds": "f"}, n_files=3)
CLEARED = replace(MANIFEST, cleared="2026-01-01T00:00:00+00:00")


@pytest.fixture
def losses(tmp_path):
    return LossRecords(tmp_path / "losses")


@pytest.fixture
def target(losses):
    return ProductTarget(Product("lce001", "/x"), "key", NodeIndex({}), losses, "copy.SB0")


def test_it_stands(losses, target):
    losses.record("copy.SB0", CLEARED)
    assert target.judge(None) == CLEARED
    assert target.judge(None).fingerprint == MANIFEST.fingerprint, "what was made of it is still of the same"
    assert not losses.lost()
    assert losses.cleared() == {"copy.SB0": CLEARED}


def test_of_another_key_it_does_not(losses, target):
    losses.record("copy.SB0", replace(CLEARED, key="other"))
    assert target.judge(None) is None


def test_a_product_that_is_there_all_the_same_is_used(losses, target):
    losses.record("copy.SB0", CLEARED)
    assert target.judge(MANIFEST) == MANIFEST
    losses.record("copy.SB0", replace(MANIFEST, loss=Loss("copy", "gone")))
    assert target.judge(MANIFEST).loss, "a loss wins over what is there"


def test_it_can_be_wanted_back(losses, target, tmp_path):
    losses.record("copy.SB0", CLEARED)
    losses.want_back(["copy.SB0"])
    assert target.judge(None) is None
    assert LossRecords(tmp_path / "losses").cleared(), "nothing is written by wanting"
