"""Group a sky model in place: ``python -m sip_luigi.surveys.lsmtool_process MODEL METHOD N_PATCHES FLUX_JY``."""

from __future__ import annotations

import sys

import lsmtool


def main(path: str, method: str, n_patches: str, target_flux_jy: str) -> None:
    """Read, group, write."""
    model = lsmtool.load(path)
    if method == "cluster":
        model.group("cluster", numClusters=int(n_patches))
    elif method == "tessellate":
        model.group("tessellate", targetFlux=f"{target_flux_jy} Jy")
    else:
        model.group(method)
    model.setPatchPositions(method="wmean")
    model.write(path, format="makesourcedb", clobber=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
