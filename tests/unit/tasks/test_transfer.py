"""How a MeasurementSet comes to a node, and that these steps do it."""

import subprocess
from dataclasses import replace

import pytest

from sip_luigi.domain.errors import BadData
from sip_luigi.domain.product import Product
from sip_luigi.node.copy import copy
from sip_luigi.tasks.context import open_context
from sip_luigi.tasks.transfer import is_local, mounted_path, transfer_steps

KNOWN = {"n_files": 1, "size_bytes": 100}


@pytest.fixture
def steps(cluster, tmp_path):
    """Steps that bring the raw data of a storage node to a compute node."""
    raw = cluster.raw("data/L1_SAP000_SB000_uv.MS")

    def steps(origin="lse001", node="lce001", **settings):
        ctx = open_context("L1", cluster.settings)
        wanted = {
            section: replace(getattr(ctx.settings, section), **values) for section, values in settings.items()
        }
        ctx.settings = replace(ctx.settings, **wanted)
        product = Product(node, str(tmp_path / "scratch" / "copy"))
        part = product.part_path("abcd1234")
        return transfer_steps(ctx, Product(origin, str(raw)), product, part, "x.MS", KNOWN)

    return steps


@pytest.fixture
def by_ssh():
    return {
        "execution": "ssh",
        "lease_s": 60.0,
        "ssh_cipher": "aes128-ctr",
        "node_ssh_config": "/etc/node config",
    }


def rsynced(argv):
    """From where, to where."""
    assert argv[0] == "rsync"
    return tuple(argv[-2:])


def test_on_one_machine_a_link(steps, tmp_path):
    (step,) = steps()
    assert step["call"] == "copy"
    assert step["request"] == {
        **KNOWN,
        "source": str(tmp_path / "data" / "L1_SAP000_SB000_uv.MS"),
        "destination": str(tmp_path / "scratch" / "copy.part-abcd1234" / "x.MS"),
        "origin": f"lse001:{tmp_path}/data/L1_SAP000_SB000_uv.MS",
    }


def test_a_copy_if_it_is_asked_for(steps, tmp_path):
    run, take_over = steps(layout={"copy_mode": "copy"})
    transfer = str(tmp_path / "scratch" / ".transfer" / "copy" / "abcd1234")
    assert rsynced(run["argv"]) == (f"{tmp_path}/data/L1_SAP000_SB000_uv.MS/", f"{transfer}/")
    assert "--rsh" not in run["argv"]
    assert "--checksum" not in run["argv"], "data are read once"
    assert run["if_there"] == {"path": transfer, "argv": [*run["argv"][:-2], "--checksum", *run["argv"][-2:]]}
    assert take_over["request"]["transfer"] == transfer
    assert take_over["request"]["destination"].endswith("copy.part-abcd1234/x.MS")


def test_from_another_node_by_ssh(steps, by_ssh, tmp_path):
    run, take_over = steps(cluster=by_ssh)
    assert run["argv"][-2] == f"lse001:{tmp_path}/data/L1_SAP000_SB000_uv.MS/"
    shell = run["argv"][run["argv"].index("--rsh") + 1]
    assert shell.endswith('-F "/etc/node config" -c aes128-ctr')
    assert "transfer" in take_over["request"]


@pytest.mark.parametrize(("copy_mode", "n_steps"), [("link", 1), ("copy", 2)])
def test_on_the_same_node(steps, by_ssh, tmp_path, copy_mode, n_steps):
    found = steps("lce001", "lce001", cluster=by_ssh, layout={"copy_mode": copy_mode})
    assert len(found) == n_steps
    if copy_mode == "copy":
        assert rsynced(found[0]["argv"])[0] == f"{tmp_path}/data/L1_SAP000_SB000_uv.MS/"


@pytest.fixture
def mounted(cluster):
    """The disk of lse001 as lce002 sees it."""
    cluster.text += "Compute.RemoteDisks.lce002 = [ /net/lse001/data ]\n"
    cluster.text += "Compute.RemoteFileSys.lce002 = [ /lse001:{0}/data ]\n"


def test_through_a_mounted_disk(steps, by_ssh, mounted):
    run, _ = steps("lse001", "lce002", cluster=by_ssh)
    assert rsynced(run["argv"])[0] == "/net/lse001/data/L1_SAP000_SB000_uv.MS/"
    assert "--rsh" not in run["argv"]
    run, _ = steps("lse001", "lce001", cluster=by_ssh)
    assert rsynced(run["argv"])[0].startswith("lse001:"), "which sees it not"


def test_what_lies_on_no_known_disk_is_not_mounted(cluster, mounted, tmp_path):
    described = cluster.description
    inside, beside = f"{tmp_path}/data/a/b", f"{tmp_path}/data3/a"
    assert mounted_path(described, Product("lse001", inside), "lce002") == "/net/lse001/data/a/b"
    assert mounted_path(described, Product("lse001", beside), "lce002") == ""
    assert mounted_path(described, Product("lse002", inside), "lce002") == ""
    assert mounted_path(described, Product("lse001", inside), "lce001") == ""


def test_which_nodes_are_the_same_machine(cluster):
    cluster.raw("data/L1_SAP000_SB000_uv.MS")
    ctx = open_context("L1", cluster.settings)
    assert is_local(ctx, "lse001", "lce001"), "all are this one"
    cluster.set("cluster", execution="ssh")
    ctx.settings = cluster.settings
    assert not is_local(ctx, "lse001", "lce001")
    assert is_local(ctx, "lce001", "lce001")


def run(found):
    for step in found:
        if "argv" in step:
            subprocess.run(step["argv"], check=True, capture_output=True)
        else:
            copied = copy(step["request"])
    return copied


def test_the_steps_copy_and_go_on_where_they_stopped(steps, tmp_path):
    found = steps(layout={"copy_mode": "copy"})
    (tmp_path / "scratch" / "copy.part-abcd1234").mkdir(parents=True)
    # What an interrupted copy leaves.
    transfer = tmp_path / "scratch" / ".transfer" / "copy" / "abcd1234"
    transfer.mkdir(parents=True)
    (transfer / "table.dat").write_bytes(b"x" * 40)
    (transfer / "strange").touch()
    assert run(found) == {"mode": "copy", **KNOWN}
    destination = tmp_path / "scratch" / "copy.part-abcd1234" / "x.MS"
    assert {path.name: path.read_bytes() for path in destination.iterdir()} == {"table.dat": b"x" * 100}
    assert not (tmp_path / "scratch" / ".transfer" / "copy").exists()


def test_the_steps_refuse_data_that_grow(steps, cluster, tmp_path):
    found = steps(layout={"copy_mode": "copy"})
    (tmp_path / "scratch" / "copy.part-abcd1234").mkdir(parents=True)
    with (tmp_path / "data" / "L1_SAP000_SB000_uv.MS" / "table.dat").open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(BadData, match=r"^lse001:.* size_bytes is 104, expected 100"):
        run(found)
