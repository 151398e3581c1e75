"""A calibrated subband comes to the imaging node, with what is known of it."""

import pytest

import sip_luigi.pipeline  # noqa: F401 - Luigi then knows all stages
from sip_luigi.domain.errors import ProgramError, TransportError
from sip_luigi.domain.product import Manifest
from sip_luigi.tasks.context import BAND, Place, open_context
from sip_luigi.tasks.gather_subband import GatherSubband

NAME = "SAP000_SB000"
MEASURES = {"beam": {"known": True}, "verify_measurementset": {"flagged": 0.1}, "solutions": [1]}


@pytest.fixture
def ctx(cluster):
    cluster.raw(f"data/L1_{NAME}_uv.MS")
    made = open_context("L1", cluster.settings)
    made.places = {NAME: Place("lce002", ""), BAND: Place("lce001", "")}
    return made


@pytest.fixture
def gather(ctx):
    return lambda cycle=0: GatherSubband(obs_id="L1", context=ctx, subband=NAME, cycle=cycle)


@pytest.fixture
def steps(gather):
    """What the job does, given what was found of the calibrated data."""

    def steps(cycle=0):
        inputs = {"data": Manifest("k", "calibrate", 1, measures=MEASURES, elapsed_s=12.5)}
        return gather(cycle).steps(inputs, "/part")

    return steps


def test_it_lies_on_the_imaging_node(gather, ctx, tmp_path):
    product = gather(2).product()
    assert product.name == f"lce001:{tmp_path}/scratch/sip/L1/{NAME}/gather.cycle2"
    assert gather(2).name == f"gather.{NAME}.cycle2"
    assert gather(0).product() != product
    assert gather(0).place_name == BAND, "it moves with the band, not with its chain"
    ctx.places = {**ctx.places, BAND: Place("lce002", "")}
    assert gather().product().node == "lce002"


def test_it_takes_a_copy_stream_and_no_core(gather):
    assert gather().process_resources() == {"lce001.disk": 1}


def test_the_calibrated_data_are_brought_from_their_compute_node(steps, gather, cluster, ctx, tmp_path):
    origin = gather(1).dependencies["data"].product()
    assert origin.name == f"lce002:{tmp_path}/scratch/sip/L1/{NAME}/calibrate.cycle1"
    request = steps(1)[0]["request"]
    assert request["source"] == f"{origin.path}/L1_{NAME}.MS"
    assert request["destination"] == f"/part/L1_{NAME}.MS"
    assert "size_bytes" not in request, "nothing was measured of it"
    cluster.set("cluster", execution="ssh")
    ctx.settings = cluster.settings
    assert steps(1)[0]["argv"][-2] == f"{origin.name}/L1_{NAME}.MS/"


def test_what_was_found_of_it_goes_with_it(steps):
    notes = {step["name"]: step["note"] for step in steps()[1:]}
    assert notes == {**MEASURES, "calibrated_s": 12.5}


def test_whose_fault_it_was(gather, ctx):
    error = ProgramError("rsync: connection unexpectedly closed")
    assert gather().explain(error) is error

    class Gone:
        def call(self, command, request):
            raise TransportError("lce002: no answer", node="lce002")

    ctx.connections["lce002"] = Gone()
    with pytest.raises(TransportError) as caught:
        gather().explain(error)
    assert caught.value.node == "lce002", "the work there has to move, not this"


def test_where_it_lies_makes_no_other_product(gather, ctx):
    key = gather().key
    ctx.places = {NAME: Place("lce001", ""), BAND: Place("lce002", "")}
    assert gather().key == key
    assert gather(1).key != key


def test_how_far_it_is(gather):
    assert gather().progress("      5,000  50%  1.0MB/s") == 0.5
