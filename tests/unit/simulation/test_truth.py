import json
from dataclasses import replace

import numpy as np
import pytest
from astropy.table import Table

from sip_luigi.domain.ateam_model import ateam_model, year_of
from sip_luigi.domain.skymodel_text import parse_skymodel
from sip_luigi.simulation.field import draw_sky
from sip_luigi.simulation.instrument import draw_instrument
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.truth import differential_tec, draw_truth, record
from sip_luigi.simulation.truth_files import (
    read_record,
    truth_paths,
    write_catalogue_and_models,
    write_record,
)

OPTIONS = SimulationOptions(sources=12, subbands=3)


@pytest.fixture
def written(tmp_path):
    paths = truth_paths(tmp_path, OPTIONS.obs_id)
    power = np.linspace(1.0, 0.4, 12)
    write_catalogue_and_models(paths, replace(draw_truth(OPTIONS), power=power))
    return paths, power


def test_catalogue(written):
    paths, power = written
    assert paths.fits.name == "L999001.truth.fits"
    sky, table = draw_sky(OPTIONS), Table.read(paths.fits)
    assert table.colnames[:6] == ["NAME", "RA", "DEC", "FLUX", "APPARENT_FLUX", "SPECTRAL_INDEX"]
    assert table.colnames[6:] == ["SPECTRAL_TERMS", "MAJOR", "MINOR", "PA"]
    assert str(table["RA"].unit) == "deg"
    np.testing.assert_allclose(np.radians(table["DEC"]), sky.dec_rad)
    np.testing.assert_allclose(table["APPARENT_FLUX"], table["FLUX"] * power)
    assert table.meta["REFFREQ"] == OPTIONS.band_centre_hz


def test_model_holds_the_positions_to_a_microarcsecond(written):
    paths, _ = written
    sky, model = draw_sky(OPTIONS), parse_skymodel(paths.skymodel.read_text())
    assert [source.name for source in model.sources] == list(sky.names)
    tolerance = np.radians(1e-6 / 3600)
    np.testing.assert_allclose([s.ra_rad for s in model.sources], sky.ra_rad, rtol=0, atol=tolerance)
    np.testing.assert_allclose([s.dec_rad for s in model.sources], sky.dec_rad, rtol=0, atol=tolerance)
    np.testing.assert_allclose([s.flux_at(100e6) for s in model.sources], sky.flux_at(100e6), rtol=1e-9)


def test_ateam_has_a_file_of_its_own(tmp_path):
    options = replace(OPTIONS, ateam=True)
    paths = truth_paths(tmp_path, options.obs_id)
    write_catalogue_and_models(paths, draw_truth(options))
    model = parse_skymodel(paths.ateam.read_text())
    published = ateam_model(year=year_of(options.start_mjd_s))
    assert model.patches == parse_skymodel(published.text()).patches
    assert len(model) == len(published)
    ratio = np.array([ours.flux_at(141e6) for ours in model.sources])
    ratio /= [theirs.flux_at(141e6) for theirs in published.sources]
    # Near the model's fluxes, but not the same, and the same for all parts of a source.
    assert 0.01 < np.abs(ratio - 1).max() < 0.2
    by_patch = {source.patch: value for source, value in zip(model.sources, ratio, strict=True)}
    np.testing.assert_allclose(ratio, [by_patch[source.patch] for source in model.sources])
    assert not any(
        source.name.startswith("CasA") for source in parse_skymodel(paths.skymodel.read_text()).sources
    )
    paths.ateam.unlink()
    assert not paths.complete(ateam=True)


def test_differential_ionosphere():
    same = draw_truth(replace(OPTIONS, tec_rms_tecu=0.1))
    np.testing.assert_array_equal(differential_tec(same), 0)
    truth = draw_truth(replace(OPTIONS, tec_rms_tecu=0.1, ionosphere_height_km=300))
    left = differential_tec(truth)
    assert left.shape[1:] == (24, 12)
    np.testing.assert_allclose(left.mean(axis=1), 0, atol=1e-15)
    # Core stations are near each other, and see about the same differences over the field.
    summary = record(truth, {}, complete=True)["ionosphere"]
    core = np.array([name.startswith("CS") for name in truth.instrument.names])
    assert left[:, core].std() < summary["remote_differential_rms_tecu"]
    # Farther from the centre, more is left; twice as high, the same angle is twice as far.
    higher = draw_truth(replace(truth.options, ionosphere_height_km=600))
    assert differential_tec(higher).std() > 1.3 * left.std()


def test_nothing_preliminary_is_left(written):
    paths, _ = written
    assert sorted(path.name for path in paths.fits.parent.iterdir()) == [paths.fits.name, paths.skymodel.name]


def test_record(tmp_path):
    instrument = draw_instrument(OPTIONS)
    values = record(draw_truth(OPTIONS), {0: tmp_path / "a.MS"}, complete=True)
    path = tmp_path / "L999001.truth.json"
    write_record(path, values)
    again = read_record(path)
    assert again == json.loads(json.dumps(values))
    assert again["dead_station"] == instrument.dead[0]
    assert SimulationOptions.from_dict(again["options"]) == OPTIONS
    assert set(again["gains"]) == set(instrument.names)
    assert len(again["rfi"]) == OPTIONS.rfi_narrow + 3 * OPTIONS.rfi_broad
    assert again["gains"][instrument.dead[0]]["amplitude_xy"][0] < 0.01


def test_no_record(tmp_path):
    assert read_record(tmp_path / "none.json") is None
