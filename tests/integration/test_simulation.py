"""Simulated observations, held against a real one and against DP3."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from casacore.tables import table

from sip_luigi.domain.calibrators import calibrator_model, calibrator_named
from sip_luigi.domain.errors import ConfigurationError, ProgramError
from sip_luigi.domain.instrument import SPEED_OF_LIGHT_M_S
from sip_luigi.domain.skymodel_text import parse_skymodel
from sip_luigi.programs.environment import casarc_text
from sip_luigi.simulation import simulate as module
from sip_luigi.simulation.axes import slot_times
from sip_luigi.simulation.calibrator import calibrator_observation
from sip_luigi.simulation.environment import child_environment
from sip_luigi.simulation.field import draw_sky
from sip_luigi.simulation.geometry import station_uvw
from sip_luigi.simulation.instrument import draw_instrument
from sip_luigi.simulation.ionosphere import TEC_TO_PHASE, pierce_points
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.simulate import simulate
from sip_luigi.simulation.sky import direction_cosines
from sip_luigi.simulation.stations import horizontal, observing_stations

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]
DP3 = Path(sys.executable).with_name("DP3.py")
REAL_NAME = "L102085_SAP000_SB080_uv.MS"
ARCSEC = np.pi / 180 / 3600

SMALL = SimulationOptions(stations=6, sources=8, subbands=3, channels=4, duration_s=300)
CLEAN = {
    "noise_jy": 0,
    "gain_amplitude_scatter": 0,
    "gain_phase_scatter_rad": 0,
    "tec_rms_tecu": 0,
    "rfi_narrow": 0,
    "rfi_broad": 0,
    "dead_stations": 0,
}


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A real MeasurementSet, unpacked."""
    place = Path(os.environ.get("SIP_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    archive = place if place.is_file() else place / f"{REAL_NAME}.tgz"
    if not archive.is_file():
        pytest.skip(f"no real data: {archive} is not there; set SIP_REAL_DATA to the directory that has it")
    directory = tmp_path_factory.mktemp("real")
    with tarfile.open(archive) as packed:
        packed.extractall(directory, filter="data")
    return next(directory.rglob(REAL_NAME))


def read(path, *columns):
    with table(str(path), ack=False) as opened:
        values = [opened.getcol(column) for column in columns]
    return values[0] if len(columns) == 1 else values


def run_dp3(directory, **parameters):
    if not DP3.exists():
        pytest.skip(f"DP3 is not installed: no {DP3}")
    arguments = [f"{key}={value}" for key, value in parameters.items()]
    done = subprocess.run(
        [str(DP3), *arguments, "checkparset=1"],
        env=child_environment(directory),
        capture_output=True,
        text=True,
        cwd=directory,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def largest_difference(path, model, directory, *, beam, at_least_jy=1):
    """Compare with what DP3 predicts, which leaves the autocorrelations empty; relative to the peak."""
    expected = predicted_by_dp3(path, model, directory, beam=beam)
    data, first, second = read(path, "DATA", "ANTENNA1", "ANTENNA2")
    cross = first != second
    peak = np.abs(expected[cross]).max()
    assert peak > at_least_jy
    return np.abs(data - expected)[cross].max() / peak


def predicted_by_dp3(path, model, directory, *, beam):
    """Have DP3 predict the visibilities of a sky model."""
    out = directory / "predicted.MS"
    parameters = {
        "msin": path,
        "msout": out,
        "steps": "[predict]",
        "predict.sourcedb": model,
        "predict.usebeammodel": str(beam).lower(),
    }
    if beam:
        parameters["predict.beammode"] = "default"
    run_dp3(directory, **parameters)
    return read(out, "DATA")


class TestRealObservation:
    def coordinates(self, real):
        """What the simulator makes of a real observation, and what is in it: UVW of each baseline (m)."""
        first, second, times, uvw = read(real, "ANTENNA1", "ANTENNA2", "TIME", "UVW")
        ra_rad, dec_rad = read(real / "FIELD", "PHASE_DIR")[0, 0]
        slots, index = np.unique(times, return_inverse=True)
        ours = station_uvw(read(real / "ANTENNA", "POSITION"), slots, ra_rad, dec_rad)
        return ours[index, second] - ours[index, first], uvw

    def test_uvw_but_for_the_orientation_of_the_earth(self, real):
        ours, theirs = self.coordinates(real)
        assert np.abs(theirs).max() > 40e3
        # What is left is a rotation: the real correlator ran without tables of UT1 and polar motion, of which
        # UT1 - UTC was 0.199 s or 3 arcsec on that day.
        left, _, right = np.linalg.svd(ours.T @ theirs)
        rotation = left @ right
        angle = np.arccos((np.trace(rotation) - 1) / 2)
        assert np.abs(ours @ rotation - theirs).max() < 1e-4
        assert 2.5 * ARCSEC < angle < 3.5 * ARCSEC

    def test_uvw_to_the_millimetre_without_orientation_of_the_earth(self, real, tmp_path):
        measures = Path(casarc_text().partition(":")[2].strip())
        for source in measures.glob("*/*"):
            if "IERS" not in source.name:
                link = tmp_path / "measures" / source.parent.name / source.name
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(source)
        (tmp_path / "casarc-no-orientation").write_text(f"measures.directory: {tmp_path / 'measures'}\n")
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
            "import test_simulation as t, numpy as np\n"
            "ours, theirs = t.TestRealObservation().coordinates(Path(sys.argv[2]))\n"
            "print(np.abs(ours - theirs).max())"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent), str(real)],
            env={**child_environment(tmp_path), "CASARCFILES": str(tmp_path / "casarc-no-orientation")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert float(done.stdout.split()[-1]) < 1e-3

    def test_order_of_baselines(self, real, simulated):
        for path in (real, simulated.measurement_sets[0]):
            first, second = read(path, "ANTENNA1", "ANTENNA2")
            n_stations = second.max() + 1
            expected = [(p, q) for q in range(n_stations) for p in range(q + 1)]
            n_baselines = len(expected)
            assert list(zip(first[:n_baselines], second[:n_baselines], strict=True)) == expected
            assert np.all(first <= second)

    def test_antenna_fields(self, real):
        names = read(real / "ANTENNA", "NAME")
        ours = observing_stations(SimulationOptions(stations=tuple(names), dead_stations=0))
        assert [station.name for station in ours] == names
        fields = real / "LOFAR_ANTENNA_FIELD"
        axes, elements, tiles, unused = read(
            fields, "COORDINATE_AXES", "TILE_ELEMENT_OFFSET", "ELEMENT_OFFSET", "ELEMENT_FLAG"
        )
        for row, station in enumerate(ours):
            np.testing.assert_allclose(station.axes, axes[row], atol=1e-5)
            np.testing.assert_allclose(station.element_offset_m, elements[row], atol=2e-3)
            np.testing.assert_allclose(station.tile_offset_m, tiles[row], atol=0.06)
            # Some tiles of the real stations were broken; none that should be idle was in use.
            assert not np.any(station.tile_unused & ~unused[row, :, 0])

    def test_columns_and_units(self, real, simulated):
        made_later = ("QUALITY_", "LOFAR_FULL_RES_FLAG", "SORT_COLUMNS")
        path = simulated.measurement_sets[0]
        with table(str(real), ack=False) as opened:
            subtables = [name for name in opened.keywordnames() if not name.startswith(made_later)]
        for name in ("", *(name for name in subtables if (real / name).is_dir())):
            theirs, ours = describe(real / name), describe(path / name)
            expected = {key: value for key, value in theirs.items() if not key.startswith(made_later)}
            assert {key: ours.get(key) for key in expected} == expected, name


def describe(path):
    """Give type, units and measure of each column."""
    with table(str(path), ack=False) as opened:
        found = {}
        for column in opened.colnames():
            keywords = opened.getcolkeywords(column)
            measure = keywords.get("MEASINFO", {})
            units = list(keywords.get("QuantumUnits", []))
            value_type = opened.getcoldesc(column)["valueType"]
            found[column] = (value_type, units, measure.get("type"), measure.get("Ref"))
    return found


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return simulate(SMALL, tmp_path_factory.mktemp("simulated"), jobs=2)


class TestAgainstDP3:
    @pytest.mark.parametrize(
        ("beam", "tolerance"), [(False, 1e-5), (True, 5e-5)], ids=["without beam", "with beam"]
    )
    def test_predict(self, tmp_path, beam, tolerance):
        options = replace(
            SMALL,
            beam=beam,
            stations=10,
            sources=30,
            subbands=2,
            subband_spacing_hz=10e6,
            duration_s=1200,
            **CLEAN,
        )
        made = simulate(options, tmp_path)
        for path in made.measurement_sets:
            assert largest_difference(path, made.truth_skymodel, tmp_path, beam=beam) < tolerance
            shutil.rmtree(tmp_path / "predicted.MS")

    def test_calibrator(self, tmp_path):
        target = replace(SMALL, subbands=2, subband_spacing_hz=10e6, **CLEAN)
        made = simulate(calibrator_observation(target, "3C295"), tmp_path)
        model = tmp_path / "published.skymodel"
        model.write_text(calibrator_model(calibrator_named("3C295")).text())
        for path in made.measurement_sets:
            assert largest_difference(path, model, tmp_path, beam=True) < 5e-5
            shutil.rmtree(tmp_path / "predicted.MS")

    @pytest.mark.parametrize("beam", [False, True], ids=["without beam", "with beam"])
    def test_gaussians_and_curved_spectra(self, tmp_path, beam):
        shapes = {"extended_fraction": 0.7, "extended_arcsec": 300, "spectral_curvature_scatter": 2}
        quiet = replace(SMALL, subbands=2, subband_spacing_hz=30e6, beam=beam, sources=12, **CLEAN)
        options = replace(quiet, frequency_hz=125e6, **shapes)
        made = simulate(options, tmp_path)
        assert 4 <= made.truth["n_extended"] < 12
        points = simulate(replace(options, extended_fraction=0), tmp_path / "points")
        for path, other in zip(made.measurement_sets, points.measurement_sets, strict=True):
            assert np.abs(read(path, "DATA") - read(other, "DATA")).max() > 0.5
            assert largest_difference(path, made.truth_skymodel, tmp_path, beam=beam) < 5e-5
            shutil.rmtree(tmp_path / "predicted.MS")

    def test_ateam(self, tmp_path):
        core = tuple(f"CS00{number}HBA{ears}" for number in (2, 3, 4) for ears in (0, 1))
        quiet = replace(SMALL, stations=core, subbands=2, subband_spacing_hz=5e6, sources=0, **CLEAN)
        options = replace(quiet, ateam=True, ateam_smearing=False)
        made = simulate(options, tmp_path)
        model = tmp_path / f"{options.obs_id}.truth.ateam.skymodel"
        assert {patch.name for patch in parse_skymodel(model.read_text()).patches} == {
            *("CasA", "CygA", "TauA", "VirA")
        }
        for path in made.measurement_sets:
            assert largest_difference(path, model, tmp_path, beam=True, at_least_jy=0.3) < 2e-3
            shutil.rmtree(tmp_path / "predicted.MS")

    def test_smeared_ateam_is_the_mean_of_fine_data(self, tmp_path):
        options = replace(SMALL, subbands=1, sources=0, ateam=True, beam=False, **CLEAN)
        coarse = replace(options, duration_s=60, interval_s=10, channels=4)
        fine = replace(coarse, interval_s=1, channels=64, ateam_smearing=False)
        smeared, detailed, plain = (
            simulate(some, tmp_path / name).measurement_sets[0]
            for some, name in (
                (coarse, "coarse"),
                (fine, "fine"),
                (replace(coarse, ateam_smearing=False), "plain"),
            )
        )
        mean = read(detailed, "DATA").reshape(6, 10, 21, 4, 16, 4).mean(axis=(1, 4)).reshape(-1, 4, 4)
        peak = np.abs(mean).max()
        assert np.abs(read(plain, "DATA") - mean).max() > 0.1 * peak
        assert np.abs(read(smeared, "DATA") - mean).max() < 0.01 * peak

    def test_screen_over_the_field(self, tmp_path):
        quiet = replace(SMALL, subbands=1, sources=1, beam=False, **CLEAN)
        options = replace(quiet, tec_rms_tecu=0.1, ionosphere_height_km=300)
        made = simulate(options, tmp_path)
        path = made.measurement_sets[0]
        predicted = predicted_by_dp3(path, made.truth_skymodel, tmp_path, beam=False)
        data, first, second = read(path, "DATA", "ANTENNA1", "ANTENNA2")
        cross = first != second
        turned = np.angle(data[cross][:, 0, 0] / predicted[cross][:, 0, 0]).reshape(10, -1)
        instrument, sky = draw_instrument(options), draw_sky(options)
        offset_m, slant = pierce_points(sky.ra_rad, sky.dec_rad, slot_times(options), 300e3)
        freq_hz = read(path / "SPECTRAL_WINDOW", "CHAN_FREQ")[0, 0]
        places = horizontal(instrument.stations)
        for slot, time_s in enumerate(slot_times(options)):
            seconds = np.array([time_s - options.start_mjd_s])
            above = instrument.screen.tec(places + offset_m[slot, 0], seconds)[0]
            phase = TEC_TO_PHASE * slant[slot, 0] * above / freq_hz
            pairs = first[cross][: turned.shape[1]], second[cross][: turned.shape[1]]
            expected = phase[pairs[0]] - phase[pairs[1]]
            np.testing.assert_allclose(np.exp(1j * turned[slot]), np.exp(1j * expected), atol=2e-3)

    def test_bandpass_and_clock(self, tmp_path):
        quiet = replace(SMALL, subbands=1, beam=False, **CLEAN)
        options = replace(quiet, bandpass_ripple=0.05, bandpass_depth=0.3, clock_offset_ns=30)
        made = simulate(options, tmp_path)
        path = made.measurement_sets[0]
        predicted = predicted_by_dp3(path, made.truth_skymodel, tmp_path, beam=False)
        first, second = read(path, "ANTENNA1", "ANTENNA2")
        names = read(path / "ANTENNA", "NAME")
        remote = next(index for index, name in enumerate(names) if name.startswith("RS"))
        row = np.flatnonzero((first == 0) & (second == remote))[0]
        ratio = read(path, "DATA")[row][:, [0, 3]] / predicted[row][:, [0, 3]]
        instrument = draw_instrument(options)
        for channel, freq_hz in enumerate(read(path / "SPECTRAL_WINDOW", "CHAN_FREQ")[0]):
            gains = (
                instrument.bandpass.at(freq_hz) * np.exp(2j * np.pi * freq_hz * instrument.clock_s)[:, None]
            )
            expected = gains[0] * gains[remote].conj()
            np.testing.assert_allclose(ratio[channel], expected, rtol=2e-4)

    def test_beam_through_the_zenith(self, tmp_path):
        options = replace(SMALL, dec_deg=53.5, sources=20, subbands=1, duration_s=2400, **CLEAN)
        made = simulate(options, tmp_path)
        assert largest_difference(made.measurement_sets[0], made.truth_skymodel, tmp_path, beam=True) < 3e-4

    def test_apparent_flux(self, tmp_path):
        options = replace(SMALL, sources=1, flux_min_jy=9.9, subbands=1, stations=16, seed=5, **CLEAN)
        made = simulate(options, tmp_path)
        row = Table.read(made.truth_fits)[0]
        assert row["APPARENT_FLUX"] < 0.9 * row["FLUX"]
        out = tmp_path / "corrected.MS"
        run_dp3(tmp_path, msin=made.measurement_sets[0], msout=out, steps="[applybeam]")
        data, uvw, first, second = read(out, "DATA", "UVW", "ANTENNA1", "ANTENNA2")
        position = np.radians([row["RA"]]), np.radians([row["DEC"]])
        lmn = direction_cosines(*position, *np.radians(options.phase_centre_deg))[0]
        freqs = read(out / "SPECTRAL_WINDOW", "CHAN_FREQ")[0]
        fringe = np.exp(2j * np.pi * np.outer(uvw @ lmn, freqs) / SPEED_OF_LIGHT_M_S)
        stokes_i = 0.5 * (data[..., 0] + data[..., 3]) * fringe.conj()
        assert stokes_i[first != second].mean() == pytest.approx(row["APPARENT_FLUX"], rel=1e-3)

    def test_calibration_finds_the_gains(self, tmp_path):
        options = replace(
            SMALL, stations=14, sources=30, subbands=1, dead_stations=0, rfi_narrow=0, rfi_broad=0
        )
        made = simulate(options, tmp_path)
        run_dp3(
            tmp_path,
            msin=made.measurement_sets[0],
            msout=tmp_path / "calibrated.MS",
            steps="[gaincal]",
            **{
                "gaincal.caltype": "diagonal",
                "gaincal.sourcedb": made.truth_skymodel,
                "gaincal.usebeammodel": "true",
                "gaincal.detectstalling": "false",
                "gaincal.maxiter": 200,
                "gaincal.tolerance": "1e-6",
                "gaincal.applysolution": "true",
                "gaincal.parmdb": tmp_path / "solutions.h5",
            },
        )
        expected = predicted_by_dp3(made.measurement_sets[0], made.truth_skymodel, tmp_path, beam=True)
        data, first, second = read(tmp_path / "calibrated.MS", "DATA", "ANTENNA1", "ANTENNA2")
        cross = first != second
        raw = read(made.measurement_sets[0], "DATA")
        assert (raw - expected)[cross][..., 0].real.std() > 2 * options.noise_jy
        # Each receiver amplifies its noise too: correcting the gains brings back the noise asked for.
        residual = (data - expected)[cross][..., 0]
        assert residual.real.std() == pytest.approx(options.noise_jy, rel=0.06)


class TestFiles:
    def test_what_is_there(self, simulated):
        directory = simulated.truth_json.parent
        names = sorted(path.name for path in directory.iterdir())
        sets = [f"L999001_SAP000_SB{number:03d}_uv.MS" for number in range(3)]
        assert names == sorted(
            [*sets, *(f"L999001.truth.{ending}" for ending in ("fits", "json", "skymodel"))]
        )
        assert simulated.truth["complete"]
        assert simulated.made == (0, 1, 2)

    def test_content(self, simulated):
        path = simulated.measurement_sets[1]
        data, flags, weights, times = read(path, "DATA", "FLAG", "WEIGHT_SPECTRUM", "TIME")
        assert data.shape == flags.shape == weights.shape == (10 * 21, 4, 4)
        assert np.isfinite(data).all()
        assert not flags.any()
        assert np.all(weights == 1)
        assert times[0] == SMALL.start_mjd_s + 15
        assert read(path / "OBSERVATION", "LOFAR_ANTENNA_SET") == ["HBA_DUAL_INNER"]
        assert read(path / "OBSERVATION", "LOFAR_FILENAME") == [path.name]
        freqs = read(path / "SPECTRAL_WINDOW", "CHAN_FREQ")[0]
        assert freqs.mean() == pytest.approx(SMALL.subband_centre_hz(1))

    def test_number_of_processes_does_not_matter(self, simulated, tmp_path):
        again = simulate(SMALL, tmp_path, jobs=1)
        for one, other in zip(simulated.measurement_sets, again.measurement_sets, strict=True):
            for column in ("DATA", "UVW"):
                np.testing.assert_array_equal(read(one, column), read(other, column))
        assert again.truth_skymodel.read_bytes() == simulated.truth_skymodel.read_bytes()
        assert again.truth_fits.read_bytes() == simulated.truth_fits.read_bytes()

    def test_lost_subband_is_made_again(self, tmp_path):
        small = replace(SMALL, beam=False)
        made = simulate(small, tmp_path)
        before = [read(path, "DATA") for path in made.measurement_sets]
        untouched = made.measurement_sets[0].stat().st_mtime_ns
        assert simulate(small, tmp_path).made == ()
        shutil.rmtree(made.measurement_sets[2])
        assert simulate(small, tmp_path).made == (2,)
        np.testing.assert_array_equal(read(made.measurement_sets[2], "DATA"), before[2])
        assert made.measurement_sets[0].stat().st_mtime_ns == untouched

    def test_other_options(self, tmp_path):
        small = replace(SMALL, subbands=2, beam=False)
        simulate(small, tmp_path)
        other = replace(small, subbands=1, seed=9)
        with pytest.raises(ConfigurationError, match="--force"):
            simulate(other, tmp_path)
        forced = simulate(other, tmp_path, force=True)
        assert [path.name for path in tmp_path.glob("*.MS")] == [forced.measurement_sets[0].name]
        assert json.loads(forced.truth_json.read_text())["options"]["seed"] == 9

    def test_several_disks(self, tmp_path):
        disks = [tmp_path / "lse007" / "data1", tmp_path / "lse008" / "data1"]
        made = simulate(replace(SMALL, beam=False), disks)
        assert [path.parent for path in made.measurement_sets] == [disks[0], disks[1], disks[0]]
        assert made.truth_json.parent == disks[0]

    def test_without_beam_tables(self, tmp_path):
        options = replace(SMALL, beam_tables=False, subbands=1, **CLEAN)
        made = simulate(options, tmp_path)
        path = made.measurement_sets[0]
        assert not list(path.glob("LOFAR_*"))
        truth = Table.read(made.truth_fits)
        np.testing.assert_array_equal(truth["APPARENT_FLUX"], truth["FLUX"])
        assert largest_difference(path, made.truth_skymodel, tmp_path, beam=False) < 1e-5

    def test_everything_off(self, tmp_path):
        made = simulate(replace(SMALL, subbands=1, sources=0, beam=False, **CLEAN), tmp_path)
        np.testing.assert_array_equal(read(made.measurement_sets[0], "DATA"), 0)
        assert made.truth["n_sources"] == 0

    def test_progress(self, tmp_path):
        told = []
        simulate(SMALL, tmp_path, jobs=2, progress=lambda message, fraction: told.append((message, fraction)))
        fractions = [fraction for _, fraction in told]
        assert fractions == sorted(fractions)
        assert (fractions[0], fractions[-1]) == (0.0, 1.0)
        assert any("3 of 3" in message for message, _ in told)

    def test_failure_leaves_nothing_half_made(self, tmp_path, monkeypatch):
        monkeypatch.setattr(module, "SUBBAND_MODULE", "sip_luigi.simulation.nothing_of_that_name")
        small = replace(SMALL, beam=False)
        with pytest.raises(ProgramError, match="nothing_of_that_name"):
            simulate(small, tmp_path)
        assert not list(tmp_path.glob("*.MS"))
        assert not list(tmp_path.glob(".part-*"))
        monkeypatch.undo()
        assert simulate(small, tmp_path).made == (0, 1, 2)

    def test_jobs_are_checked(self, tmp_path):
        with pytest.raises(ConfigurationError, match="jobs"):
            simulate(SMALL, tmp_path, jobs=0)


def test_command_writes_the_calibrator_beside_the_target(tmp_path):
    arguments = (
        *("--stations=3", "--subbands=1", "--channels=2", "--duration-s=120", "--no-beam", "--obs-id=L7002"),
        *("--dead-stations=1", "--jobs=1", "--calibrator=3C295", "--calibrator-duration-s=60"),
    )
    done = subprocess.run(
        [str(DP3.with_name("sip")), "simulate", str(tmp_path), *arguments, "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    target, calibrator = answer["measurementsets"], answer["calibrator"]["measurementsets"]
    assert answer["calibrator"]["obs_id"] == "L7001"
    assert [Path(path).name for path in (*target, *calibrator)] == [
        "L7002_SAP000_SB000_uv.MS",
        "L7001_SAP000_SB000_uv.MS",
    ]
    # Slots of a second: as many as there can be for the flagger.
    assert read(calibrator[0], "DATA").shape == (60 * 6, 2, 4)
    truths = [json.loads((tmp_path / f"{name}.truth.json").read_text()) for name in ("L7001", "L7002")]
    assert truths[0]["dead_stations"] == truths[1]["dead_stations"] != []
    model = parse_skymodel((tmp_path / "L7001.truth.skymodel").read_text())
    assert [source.name for source in model.sources] == ["3C295"]
    assert model.flux_at(150e6) == pytest.approx(97.763)
