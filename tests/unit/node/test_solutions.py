"""What gain solutions say of the stations."""

import h5py
import numpy as np
import pytest

from sip_luigi.domain.errors import BadData
from sip_luigi.node.h5parm import keep_flux_scale, read_h5parm, transfer_solutions
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
                group.create_dataset("time", data=10.0 * np.arange(shape[0]) + 5.0)
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


LOG = """\
    2.9% (    6 ms) GainCal {}.
        Converged: {}, stalled: {}, non converged: 0, failed: 0
"""


def test_a_solver_that_stalls_is_refused(h5parm, tmp_path):
    log = tmp_path / "log"
    request = {"paths": [h5parm(phase=gains())], "log": str(log), "min_converged_fraction": 0.1}
    log.write_text(LOG.format("phase", 100, 20) + LOG.format("gain", 5, 1))
    assert inspect_solutions(request)["convergence"]["phase"]["stalled"] == 20
    log.write_text(LOG.format("phase", 100, 20) + LOG.format("gain", 0, 6))
    with pytest.raises(BadData, match=r"the solve gain did not converge: 0 of 6 solutions did, 6 stalled"):
        inspect_solutions(request)


def test_bad_stations_and_intervals_are_named(h5parm):
    phase, amplitude = np.zeros((60, 4, 1, 2)), gains(60)
    phase[:, 3] = np.random.default_rng(5).uniform(-np.pi, np.pi, (60, 1, 2))
    amplitude[10:12, 0] = 8.0
    limits = {"amplitude_outlier_factor": 3.0, "max_phase_scatter_rad": 2.0}
    found = inspect_solutions({"paths": [h5parm(amplitude=amplitude, phase=phase)], **limits})
    assert list(found["bad_stations"]) == ["RS106HBA"]
    assert "phases are chance" in found["bad_stations"]["RS106HBA"]
    assert found["bad_intervals"] == {"CS001HBA0": [[100.0, 120.0]]}
    few = inspect_solutions({"paths": [h5parm(phase=phase[:8])], **limits})
    assert few["bad_stations"] == {}


def test_what_is_written_is_read_again(tmp_path):
    path = str(tmp_path / "t.h5")
    amplitude = np.random.default_rng(6).uniform(0.5, 2.0, (3, 4, 2))
    weight = np.ones((3, 4, 2))
    weight[:, 2] = 0.0
    request = {"path": path, "stations": STATIONS, "freq_hz": [1e8, 1.1e8, 1.2e8], "phase": 0 * amplitude}
    answer = transfer_solutions({**request, "amplitude": amplitude, "weight": weight})
    assert answer == {"unusable": [STATIONS[2]]}
    tables = {table.kind: table for table in read_h5parm(path)}
    np.testing.assert_array_equal(tables["amplitude"].values[0], amplitude)
    assert tables["phase"].stations == tuple(STATIONS)
    assert tables["phase"].freq_hz.tolist() == [1e8, 1.1e8, 1.2e8]
    assert not tables["phase"].good[0, :, 2].any()
    with h5py.File(path) as file:
        assert file["sol000/amplitude000/ant"].dtype == np.dtype("S16"), "DP3 finds no shorter names"
    with pytest.raises(BadData, match="names of 16 bytes"):
        transfer_solutions({**request, "amplitude": amplitude, "weight": weight, "stations": ["x" * 17] * 4})


def test_the_flux_scale_is_taken_out_of_the_gains(h5parm):
    rng = np.random.default_rng(5)
    relative = np.exp(rng.normal(0, 0.02, (5, 4, 1, 2)))
    path = h5parm(phase=0.1 * relative, amplitude=1.155 * relative)
    found = keep_flux_scale({"path": path})
    assert found["amplitude"] == pytest.approx(1.155, rel=0.02)
    assert found["model_over_data"] == pytest.approx(found["amplitude"] ** -2)
    amplitude, phase = sorted(read_h5parm(path), key=lambda table: table.kind)
    assert np.ravel(phase.values) == pytest.approx(0.1 * np.ravel(relative.transpose(0, 2, 1, 3)))
    expected = 1.155 / found["amplitude"] * relative.transpose(0, 2, 1, 3)
    assert np.ravel(amplitude.values) == pytest.approx(np.ravel(expected))
    assert keep_flux_scale({"path": path})["amplitude"] == pytest.approx(1.0)


def test_gains_without_an_amplitude_have_no_flux_scale(h5parm):
    for path in (h5parm("phase.h5", phase=gains()), h5parm("nan.h5", amplitude=np.nan * gains())):
        with pytest.raises(BadData, match="no amplitude that counts"):
            keep_flux_scale({"path": path})
