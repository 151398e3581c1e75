"""The primary beam of an image: the formula, and the grid against EveryBeam asked directly."""

import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from sip_luigi.domain.errors import BadData
from sip_luigi.node.primary_beam import beam_power

SIZE = 200
PIXEL_DEG = 0.025


def full(stations):
    return np.ones((stations, stations))


def random_jones(*shape):
    rng = np.random.default_rng(5)
    return rng.normal(size=(*shape, 2, 2)) + 1j * rng.normal(size=(*shape, 2, 2))


def test_beam_is_one_at_the_centre():
    centre = random_jones(4)
    field = np.broadcast_to(centre[:, None, None], (4, 3, 5, 2, 2))
    np.testing.assert_allclose(beam_power(field, centre, full(4)), np.ones((3, 5)))


def test_beam_is_the_mean_over_baselines():
    field, centre = random_jones(4, 2, 2), random_jones(4)
    weights = np.triu(np.arange(16.0).reshape(4, 4), 1)
    relative = np.linalg.inv(centre)[:, None, None] @ field
    total = np.zeros((2, 2))
    for p in range(4):
        for q in range(4):
            pair = weights[min(p, q), max(p, q)] if p != q else 0.0
            product = relative[p] @ relative[q].conj().swapaxes(-1, -2)
            total += pair * np.trace(product, axis1=-2, axis2=-1).real / 2
    expected = total / (2 * weights.sum())
    np.testing.assert_allclose(beam_power(field, centre, weights), expected)


def test_without_correction_at_the_centre_the_response_itself_counts():
    field = np.broadcast_to(0.5 * np.eye(2), (3, 2, 2, 2, 2))
    power = beam_power(field, field[:, 0, 0], full(3), at_centre=False)
    np.testing.assert_allclose(power, np.full((2, 2), 0.25))


def test_a_flagged_station_has_no_part_in_it():
    field, centre = random_jones(4, 2, 2), random_jones(4)
    weights = full(4)
    weights[2] = weights[:, 2] = 0.0
    # Its response may be anything, even singular.
    centre[2] = 0.0
    kept = [0, 1, 3]
    expected = beam_power(field[kept], centre[kept], full(3))
    np.testing.assert_allclose(beam_power(field, centre, weights), expected)


@pytest.fixture
def image(observed, tmp_path):
    ra, dec = observed.truth["phase_centre_deg"]
    header = fits.Header(
        {
            **{"CTYPE1": "RA---SIN", "CRVAL1": ra, "CDELT1": -PIXEL_DEG, "CRPIX1": SIZE / 2 + 1},
            **{"CTYPE2": "DEC--SIN", "CRVAL2": dec, "CDELT2": PIXEL_DEG, "CRPIX2": SIZE / 2 + 1},
            **{"CTYPE3": "FREQ", "CRVAL3": 140e6, "CTYPE4": "STOKES", "CRVAL4": 1.0, "BUNIT": "JY/BEAM"},
        }
    )
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(np.ones((1, 1, SIZE, SIZE), np.float32), header).writeto(path)
    return path


def request(observed, image, **more):
    folder = image.parent
    return {
        "image": str(image),
        "measurementsets": [str(path) for path in observed.measurement_sets],
        "output_pbcor": str(folder / "pbcor.fits"),
        "output_beam": str(folder / "beam.fits"),
        **more,
    }


DIRECTLY = """\
import sys, everybeam, numpy as np
path, time, freq, *positions = sys.argv[1:]
telescope = everybeam.load_telescope(path)
for position in positions:
    ra, dec = map(float, position.split(","))
    responses = [telescope.station_response(float(time), i, float(freq), ra, dec) for i in range(telescope.nr_stations)]
    print(*np.array(responses, dtype=complex).ravel().view(float))
"""


def test_grid_agrees_with_everybeam_asked_for_single_directions(
    call, observed, image, measurementset, change
):
    # One time, so that the same can be asked for directly.
    change(measurementset, "TIME", lambda times: np.full_like(times, times[0]))
    asked = {**request(observed, image), "measurementsets": [str(measurementset)], "n_grid": 41}
    call("primary_beam", asked)
    beam = np.squeeze(fits.getdata(asked["output_beam"]))
    summary = call("describe", {"path": str(measurementset)})["summary"]
    pixels = [(SIZE // 2, SIZE // 2), (60, 100), (100, 40), (130, 150), (20, 180)]
    wcs = WCS(fits.getheader(image), fix=False).celestial
    sky = [np.deg2rad(wcs.all_pix2world(x, y, 0)) for x, y in pixels]
    time = summary["start_time_mjd_s"] + summary["step_s"] / 2
    arguments = (str(measurementset), str(time), str(summary["frequency_hz"]), *(f"{r},{d}" for r, d in sky))
    done = subprocess.run(
        (sys.executable, "-c", DIRECTLY, *arguments), capture_output=True, text=True, check=True
    )
    rows = [np.array(line.split(), dtype=float).view(complex) for line in done.stdout.splitlines()]
    jones = np.array([row.reshape(-1, 2, 2) for row in rows])
    expected = beam_power(jones.swapaxes(0, 1)[:, :, None], jones[0], full(7)).ravel()
    measured = [beam[y, x] for x, y in pixels]
    assert expected[0] == pytest.approx(1.0)
    assert min(expected) < 0.5
    np.testing.assert_allclose(measured, expected, atol=3e-3)


def test_corrected_image_and_headers(call, observed, image):
    asked = request(observed, image, cutoff=0.2)
    measures = call("primary_beam", asked)
    beam, corrected = (fits.getdata(asked[key]) for key in ("output_beam", "output_pbcor"))
    assert beam.shape == corrected.shape == (1, 1, SIZE, SIZE)
    inside = beam >= 0.2
    assert 0 < inside.mean() < 1
    np.testing.assert_allclose(corrected[inside], 1 / beam[inside], rtol=1e-6)
    assert np.isnan(corrected[~inside]).all()
    assert measures["blanked_fraction"] == pytest.approx(np.mean(~inside))
    header = fits.getheader(asked["output_pbcor"])
    assert header["CRVAL3"] == 140e6
    assert header["PBCOR"] is True
    assert "divided by the primary beam, blank where that is below 0.2" in str(header["HISTORY"])


def test_data_without_beam_tables(call, observed, image, measurementset):
    from casacore.tables import table

    with table(str(measurementset), readonly=False, ack=False) as opened:
        opened.removekeyword("LOFAR_ANTENNA_FIELD")
    with pytest.raises(BadData, match="it has no LOFAR beam tables; image it without the station beam"):
        call("primary_beam", {**request(observed, image), "measurementsets": [str(measurementset)]})


def test_image_in_another_projection(call, observed, image):
    with fits.open(image, mode="update") as hdus:
        hdus[0].header["CTYPE1"] = "RA---TAN"
    with pytest.raises(BadData, match="expected a square image in SIN projection, found RA---TAN"):
        call("primary_beam", request(observed, image))
