from dataclasses import replace

import numpy as np
import pytest

from sip_luigi.simulation import subband as module
from sip_luigi.simulation.axes import channel_frequencies, slot_times
from sip_luigi.simulation.field import draw_sky
from sip_luigi.simulation.instrument import draw_instrument
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.predict import baselines
from sip_luigi.simulation.signal import SkyPart
from sip_luigi.simulation.subband import subband_blocks

QUIET = {
    "noise_jy": 0,
    "gain_amplitude_scatter": 0,
    "gain_phase_scatter_rad": 0,
    "tec_rms_tecu": 0,
    "rfi_narrow": 0,
    "rfi_broad": 0,
    "dead_stations": 0,
}
OPTIONS = SimulationOptions(stations=4, sources=5, duration_s=300, subbands=2, channels=3, dead_stations=1)
SILENT = replace(OPTIONS, **QUIET)


def make(options, subband=0):
    uvw_m = np.random.default_rng(1).normal(scale=1000, size=(options.n_times, options.n_stations, 3))
    parts = [SkyPart(draw_sky(options), None)]
    blocks = list(subband_blocks(options, subband, draw_instrument(options), uvw_m, parts))
    assert [block.first_slot for block in blocks] == list(
        np.cumsum([0] + [len(block.data) for block in blocks[:-1]])
    )
    return np.concatenate([block.data for block in blocks])


def test_shape_and_type():
    data = make(OPTIONS)
    assert data.shape == (10, 10, 3, 4)
    assert data.dtype == np.complex64
    assert np.isfinite(data).all()


def test_same_options_same_bits():
    np.testing.assert_array_equal(make(OPTIONS), make(OPTIONS))
    assert not np.array_equal(make(OPTIONS, 0), make(OPTIONS, 1))
    assert not np.array_equal(make(OPTIONS), make(replace(OPTIONS, seed=2)))


def test_noise_does_not_depend_on_other_effects():
    without = replace(SILENT, sources=0, noise_jy=1.0)
    noise = make(without)
    np.testing.assert_allclose(
        make(replace(without, sources=3)) - make(replace(SILENT, sources=3)), noise, atol=0.02
    )


def test_blocks_hold_the_same_signal(monkeypatch):
    whole = make(SILENT)
    monkeypatch.setattr(module, "BLOCK_BYTES", 10 * 3 * 4 * 8 * 3)
    np.testing.assert_array_equal(make(SILENT), whole)


def test_dead_station_is_a_thousand_times_too_weak():
    instrument = draw_instrument(OPTIONS)
    dead = instrument.names.index(instrument.dead[0])
    first, second = baselines(4)
    alive, data = make(replace(OPTIONS, dead_stations=0)), make(OPTIONS)
    for row, (p, q) in enumerate(zip(first, second, strict=True)):
        factor = 1e-3 ** [p, q].count(dead)
        np.testing.assert_allclose(data[:, row], factor * alive[:, row], rtol=1e-5)


def test_interference_is_where_the_record_says():
    noisy = replace(OPTIONS, sources=0, noise_jy=1e-3, rfi_narrow=2, rfi_broad=1, dead_stations=0)
    hit = np.zeros((10, 3), dtype=bool)
    for event in draw_instrument(noisy).rfi:
        for entry in event.as_records(noisy):
            if entry["subband"] == 1:
                hit[entry["first_slot"] : entry["last_slot"] + 1, entry["channels"]] = True
    first, second = baselines(4)
    strong = np.abs(make(noisy, 1)[:, first != second][..., 0]).min(axis=1) > 1
    np.testing.assert_array_equal(strong, hit)


def test_autocorrelations_are_large_and_real():
    data = make(OPTIONS)
    first, second = baselines(4)
    names = draw_instrument(OPTIONS)
    alive = [i for i, name in enumerate(names.names) if name not in names.dead]
    own = [row for row in np.flatnonzero(first == second) if first[row] in alive]
    np.testing.assert_array_equal(data[:, own][..., [0, 3]].imag, 0)
    assert data[:, own, :, 0].real.min() > 500


def test_channels_and_times():
    freqs = channel_frequencies(OPTIONS, 1)
    assert freqs.mean() == pytest.approx(OPTIONS.subband_centre_hz(1))
    np.testing.assert_allclose(np.diff(freqs), 195312.5 / 3)
    assert slot_times(OPTIONS)[0] == OPTIONS.start_mjd_s + 15.0
