"""Products are judged by what they contain."""

import numpy as np
import pytest
from astropy.io import fits
from casacore.tables import table

from sip_luigi.domain.errors import BadData
from sip_luigi.node import scan as scan_module
from sip_luigi.node.inspect import Reader
from sip_luigi.node.scan import scan
from sip_luigi.node.verify import bad_stations, verify_image


def verify(call, path, **more):
    return call("verify_measurementset", {"path": str(path), **more})


def of_station(path, station):
    """Whether each row is a baseline of a station with another one."""
    with table(str(path), ack=False) as opened:
        first, second = opened.getcol("ANTENNA1"), opened.getcol("ANTENNA2")
    return ((first == station) | (second == station)) & (first != second)


def test_good_data(call, measurementset):
    measures = verify(call, measurementset, reference={"n_times": 10, "n_channels": 4})
    assert (measures["n_rows"], measures["n_times"], measures["n_channels"]) == (280, 10, 4)
    assert measures["step_s"] == 30.0
    assert measures["channel_width_hz"] == pytest.approx(195312.5 / 4)
    assert measures["flagged_fraction"] == measures["nonfinite_fraction"] == 0.0
    assert measures["bad_stations"] == measures["flagged_stations"] == []
    assert len(measures["station_amplitude"]) == 7


def test_flags_are_counted_without_autocorrelations(call, measurementset, change):
    rows = of_station(measurementset, 2)

    def flag(flags):
        flags[rows, :2] = True
        return flags

    change(measurementset, "FLAG", flag)
    measures = verify(call, measurementset)
    # Six of 21 baselines lost half of their channels.
    assert measures["flagged_fraction"] == pytest.approx(6 / 21 / 2)
    by_station = list(measures["flagged_by_station"].values())
    assert by_station[2] == pytest.approx(0.5)
    assert by_station[0] == pytest.approx(1 / 6 / 2)


def test_flagged_rows_count_as_flagged(call, measurementset, change):
    change(measurementset, "FLAG_ROW", lambda rows: np.arange(len(rows)) < len(rows) // 2)
    assert verify(call, measurementset)["flagged_fraction"] == pytest.approx(0.5, abs=0.01)


def test_station_without_usable_data_is_not_called_dead(call, measurementset, change):
    rows = of_station(measurementset, 4)
    change(measurementset, "FLAG", lambda flags: flags | rows[:, None, None])
    measures = verify(call, measurementset)
    assert measures["flagged_stations"] == [list(measures["flagged_by_station"])[4]]
    assert measures["bad_stations"] == []


def scaled(station, factor):
    def spoil(path, change):
        rows = of_station(path, station)
        change(path, "DATA", lambda data: np.where(rows[:, None, None], factor * data, data))

    return spoil


def noise_added(station, sigma):
    def spoil(path, change):
        rows = of_station(path, station)
        rng = np.random.default_rng(1)

        def add(data):
            noise = rng.normal(size=(*data.shape, 2)).astype(np.float32) @ np.array([1, 1j], np.complex64)
            return data + sigma * rows[:, None, None] * noise

        change(path, "DATA", add)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (scaled(3, 0.001), "dead: amplitude 0.000"),
        (scaled(3, 0.1), "dead: amplitude 0.0"),
        (scaled(3, 10.0), "noisy: amplitude"),
        (noise_added(3, 4.0), "noisy: amplitude of XY and YX"),
    ],
)
def test_bad_station_is_named_with_the_reason(call, measurementset, change, spoil, reason):
    spoil(measurementset, change)
    measures = verify(call, measurementset)
    [bad] = measures["bad_stations"]
    assert bad["station"] == list(measures["station_amplitude"])[3]
    assert bad["reason"].startswith(reason)


def test_stations_a_little_different_are_good(call, measurementset, change):
    scaled(3, 0.6)(measurementset, change)
    scaled(5, 1.5)(measurementset, change)
    assert verify(call, measurementset)["bad_stations"] == []


def test_two_stations_have_no_majority():
    assert bad_stations({"a": 1.0, "b": 100.0}, {}, 0.3, 3.0) == []


def test_too_much_flagged(call, measurementset, change):
    change(measurementset, "FLAG", lambda flags: flags | (np.arange(len(flags)) % 10 > 0)[:, None, None])
    with pytest.raises(BadData, match=r"\.MS: 9\d\.\d% of the visibilities are flagged .* more than 80\.0%"):
        verify(call, measurementset, max_flagged_fraction=0.8)
    assert verify(call, measurementset, max_flagged_fraction=0.95)["flagged_fraction"] > 0.85


def test_not_finite_counts_like_flagged(call, measurementset, change):
    change(measurementset, "DATA", lambda data: np.where(np.arange(4)[:, None] > 0, np.nan, data))
    with pytest.raises(BadData, match=r"75\.0% of the visibilities"):
        verify(call, measurementset, max_flagged_fraction=0.5)
    assert verify(call, measurementset)["nonfinite_fraction"] == pytest.approx(0.75)


def test_nothing_usable(call, measurementset, change):
    change(measurementset, "DATA", np.zeros_like)
    with pytest.raises(BadData, match="no usable visibility in DATA: 100% zero"):
        verify(call, measurementset)


def test_another_shape_than_expected(call, measurementset):
    with pytest.raises(BadData, match="expected n_times = 11, found 10; make it again"):
        verify(call, measurementset, reference={"n_times": 11})


def test_column_that_is_not_there(call, measurementset):
    with pytest.raises(BadData, match="no column CORRECTED_DATA"):
        verify(call, measurementset, column="CORRECTED_DATA")


def test_chunks_make_no_difference(observed, monkeypatch):
    reader = Reader(str(observed.measurement_sets[0]))
    whole = scan(reader, 7)
    monkeypatch.setattr(scan_module, "CHUNK_BYTES", 1000)
    parts = scan(reader, 7)
    for name in scan_module.SUMS:
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-12)


@pytest.fixture
def image(tmp_path):
    def write(data=None, **header):
        rng = np.random.default_rng(3)
        data = rng.normal(0.0, 2e-3, (1, 1, 100, 100)) if data is None else data
        hdu = fits.PrimaryHDU(np.asarray(data, dtype=np.float32))
        hdu.header.update({"BMAJ": 30 / 3600, "BMIN": 20 / 3600, "BPA": 10.0, "CDELT1": -7 / 3600, **header})
        hdu.writeto(tmp_path / "image.fits")
        return {"path": str(tmp_path / "image.fits")}

    return write


def test_image_measures(image):
    rng = np.random.default_rng(3)
    data = rng.normal(0.0, 2e-3, (1, 1, 100, 100))
    data[0, 0, 50, 50] = 5.0
    data[0, 0, 0] = np.nan
    measures = verify_image(image(data, CRVAL3=140e6, CDELT3=2e6))
    assert measures["rms_jy_beam"] == pytest.approx(2e-3, rel=0.05)
    assert measures["peak_jy_beam"] == 5.0
    assert measures["finite_fraction"] == pytest.approx(0.99)
    assert measures["beam_major_arcsec"] == pytest.approx(30)
    assert (measures["frequency_hz"], measures["bandwidth_hz"]) == (140e6, 2e6)
    assert measures["pixel_arcsec"] == pytest.approx(7)


@pytest.mark.parametrize(
    ("data", "header", "message"),
    [
        (np.full((1, 1, 9, 9), np.nan), {}, "0% of the pixels are finite: were all data flagged"),
        (np.zeros((1, 1, 9, 9)), {}, r"the image is blank \(noise 0\)"),
        (np.eye(9)[None, None], {}, "the image is blank"),
        (None, {"BMAJ": 0.0}, r"no restoring beam \(BMAJ 0.0\)"),
        (
            np.ones((2, 3, 9, 9)),
            {},
            r"expected an image of one plane, found an array of shape \(2, 3, 9, 9\)",
        ),
    ],
)
def test_images_that_are_none(image, data, header, message):
    with pytest.raises(BadData, match=rf"image\.fits: .*{message}"):
        verify_image(image(data, **header))


def test_image_file_that_is_cut_off_or_missing(image, tmp_path):
    request = image()
    content = (tmp_path / "image.fits").read_bytes()
    for size in (0, 100, 2880):
        (tmp_path / "image.fits").write_bytes(content[:size])
        with pytest.raises(BadData, match="image"):
            verify_image(request)
    with pytest.raises(BadData, match="no such image"):
        verify_image({"path": str(tmp_path / "no.fits")})
