"""How far the usable baselines reach."""

import numpy as np
import pytest
from casacore.tables import table


def verify(call, path):
    return call("verify_measurementset", {"path": str(path)})


def test_the_longest_baseline_is_the_longest_projected_one(call, measurementset):
    with table(str(measurementset), ack=False) as data:
        cross = data.getcol("ANTENNA1") != data.getcol("ANTENNA2")
        length = np.hypot(*data.getcol("UVW")[cross][:, :2].T)
    measures = verify(call, measurementset)
    assert measures["longest_uv_m"] == pytest.approx(length.max())
    assert measures["shortest_uv_m"] == pytest.approx(length.min())


def test_a_flagged_station_does_not_count(call, measurementset):
    with table(str(measurementset), readonly=False, ack=False) as data:
        first, second, uvw = (data.getcol(name) for name in ("ANTENNA1", "ANTENNA2", "UVW"))
        length = np.hypot(*uvw[:, :2].T)
        far = first[length.argmax()]
        of_it = (first == far) | (second == far)
        flags = data.getcol("FLAG")
        flags[of_it] = True
        data.putcol("FLAG", flags)
        # Infinite on a baseline without data: it must not be looked at.
        uvw[of_it] *= 1e6
        data.putcol("UVW", uvw)
    kept = length[~of_it & (first != second)]
    assert verify(call, measurementset)["longest_uv_m"] == pytest.approx(kept.max())
