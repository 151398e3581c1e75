"""What gain solutions say of the stations."""

import h5py
import numpy as np
import pytest

from sip_luigi.domain.errors import BadData
from sip_luigi.node.solutions import inspect_solutions

STATIONS = ["CS001HBA0", "CS002HBA0", "CS003HBA1", "RS106HBA"]


@pytest.fixture
def h5parm(tmp_path):
    """Write an h5parm as DP3 does: axes time, ant, freq, pol, and the stations as bytes of 9 and 16."""

    def write(name="gain.h5", weights=None, **tables):
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            solset = file.create_group("sol000")
            solset.create_dataset("antenna", data=np.zeros(4, dtype=[("name", "S16"), ("position", "f4", 3)]))
            for number, (kind, values) in enumerate(tables.items()):
                group = solset.create_group(f"{kind}{number:03d}")
                group.attrs["TITLE"] = np.bytes_(kind)
                shape = np.shape(values)
                for part, data in (("val", np.asarray(values, dtype=float)), ("weight", np.ones(shape))):
                    stored = group.create_dataset(
                        part, data=data if weights is None or part == "val" else weights
                    )
                    stored.attrs["AXES"] = np.bytes_("time,ant,freq,pol")
                group.create_dataset("ant", data=np.array(STATIONS, dtype="S16"))
        return str(path)

    return write


def gains(times=5):
    return np.ones((times, 4, 1, 2))


def test_good_solutions(h5parm):
    found = inspect_solutions({"paths": [h5parm(amplitude=gains(), phase=gains())]})
    assert found["n_solutions"] == 2 * 5 * 4 * 2
    assert found["bad_fraction"] == 0.0
    assert found["amplitude"] == dict.fromkeys(STATIONS, 1.0)
    assert found["odd_stations"] == []


def test_gains_far_from_the_others(h5parm):
    values = gains()
    values[:, 1] *= 0.0016
    values[:, 3] *= 11.0
    found = inspect_solutions({"paths": [h5parm(amplitude=values)]})
    assert [entry["station"] for entry in found["odd_stations"]] == ["CS002HBA0", "RS106HBA"]
    assert found["odd_stations"][0]["reason"].startswith("gain 0.00")


def test_nan_and_weight_zero_are_bad(h5parm):
    values, weights = gains(), gains()
    values[:2, 0] = np.nan
    weights[:, 2] = 0.0
    found = inspect_solutions({"paths": [h5parm(weights=weights, amplitude=values)]})
    assert found["bad_by_station"] == pytest.approx(dict(zip(STATIONS, (0.4, 0.0, 1.0, 0.0), strict=True)))
    assert found["bad_fraction"] == pytest.approx(0.35)
    assert "CS003HBA1" not in found["amplitude"]


def test_phase_scatter_from_one_solution_to_the_next(h5parm):
    values = np.zeros((400, 4, 1, 2))
    values[:, 3] = np.cumsum(np.random.default_rng(2).normal(0.0, 0.3, (400, 1, 2)), axis=0)
    found = inspect_solutions({"paths": [h5parm("phase.h5", phase=values), h5parm(amplitude=gains())]})
    assert found["phase_scatter_rad"]["RS106HBA"] == pytest.approx(0.3, rel=0.15)
    assert found["phase_scatter_rad"]["CS001HBA0"] == 0.0


def test_every_solution_bad(h5parm):
    with pytest.raises(
        BadData, match=r"gain\.h5: every solution is NaN or has weight 0; check the sky model"
    ):
        inspect_solutions({"paths": [h5parm(amplitude=gains() * np.nan)]})


def test_no_solutions_at_all(h5parm):
    with pytest.raises(BadData, match="no solutions in it"):
        inspect_solutions({"paths": [h5parm()]})


def test_files_that_are_no_h5parm(h5parm, tmp_path):
    with pytest.raises(BadData, match="no such h5parm"):
        inspect_solutions({"paths": [str(tmp_path / "no.h5")]})
    path = tmp_path / "gain.h5"
    h5parm(amplitude=gains())
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2):
        path.write_bytes(whole[:size])
        with pytest.raises(BadData, match="not an h5parm"):
            inspect_solutions({"paths": [str(path)]})
    with h5py.File(path, "w") as file:
        file.create_group("other")
    with pytest.raises(BadData, match="not an h5parm"):
        inspect_solutions({"paths": [str(path)]})
