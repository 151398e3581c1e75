"""A cluster of real OpenSSH servers on one machine, for tests.

Every node is a set of namespaces: its own processes, host name, network address and files. All of them live
inside one holder, whose end is the end of everything; the machine's own network and mounts are not touched::

    with Cluster(directory, storage=2, compute=3) as cluster:
        cluster.run("lfe001", ("ssh", "-F", cluster.ssh_config, "lse001", "hostname"))
        cluster.freeze("lce001")

It needs root and a few programs; :func:`missing` says what is not there.
"""

from sip_luigi.testcluster.cluster import Cluster
from sip_luigi.testcluster.requirements import missing

__all__ = ["Cluster", "missing"]
