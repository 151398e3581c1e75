"""The page: what it says of good, bad and hostile observations."""

import json
from html.parser import HTMLParser

import numpy as np
import pytest
from astropy.io import fits

from sip_luigi.domain.catalogue import Detection
from sip_luigi.domain.expectation import Pairs
from sip_luigi.domain.summaries import flag_summary
from sip_luigi.fits import Image
from sip_luigi.report import page as module
from sip_luigi.report.page import Notes, Page, duration, number, render
from sip_luigi.report.progress import StageRun
from sip_luigi.report.sky import thumbnail

EVIL = "<script>alert(1)</script>"
RNG = np.random.default_rng(2)
HEADER = fits.Header(
    {
        **{"CTYPE1": "RA---SIN", "CRVAL1": 10.0, "CDELT1": -0.01, "CRPIX1": 50.0, "CUNIT1": "deg"},
        **{"CTYPE2": "DEC--SIN", "CRVAL2": 60.0, "CDELT2": 0.01, "CRPIX2": 50.0, "CUNIT2": "deg"},
        **{"CTYPE3": "FREQ", "CRVAL3": 140e6, "BMAJ": 0.03, "BMIN": 0.02, "BPA": 40.0},
    }
)
IMAGE_FIGURES = (
    *("rms_jy_beam", "stokes_v_rms_jy_beam", "thermal_rms_jy_beam", "dynamic_range", "beam_major_arcsec"),
    *("beam_minor_arcsec", "beam_pa_deg", "frequency_hz", "bandwidth_hz", "noise_over_stokes_v"),
    *("noise_over_thermal", "flux_ratio_median", "flux_ratio_scatter", "astrometric_offset_arcsec"),
    *("model_flux_ratio_median", "flagged_fraction"),
)


def figures(**changes):
    value = {
        **{"obs_id": "L1", "made": "2026-11-25T00:00:00+00:00", "software": "sip_luigi 0.1.0"},
        **{"outcome": "full", "verdict": "good", "reasons": [], "without_beam": [], "bad_stations": {}},
        **{"subbands_expected": 2, "subbands_used": 2, "subbands_lost": [], "n_sources": 1, "n_compared": 1},
        **{"judgements": [], "cycles": [cycle(0)], "best_cycle": 0, "imaging": [], "preprocessing": []},
        **{"flagged_by_cause": {}, **dict.fromkeys(IMAGE_FIGURES, 1.0)},
    }
    return value | changes


def cycle(number, noise=0.01):
    told = {"cycle": number, "state": "accepted", "reason": "", "rms_jy_beam": noise}
    return {**told, "dynamic_range": 1.0 / noise, "n_sources": 5}


def image(noise=1e-3):
    return Image(RNG.normal(0, noise, (100, 100)).astype(np.float32), HEADER)


def run(subband="SB000", state="done", **changes):
    given = {
        **{"obs_id": "L1", "name": f"calibrate.{subband}", "stage": "calibrate", "subband": subband},
        **{"node": "lce001", "ended_s": 1.8e9, "elapsed_s": 12.0, "state": state, "reason": ""},
        "links": {"log": f"../logs/calibrate.{subband}.log"},
    }
    return StageRun(**{**given, **changes})


def row(name="SB000", loss=None):
    return {"name": name, "storage": "lse001:/data/x.MS", "flagged": 0.1, "loss": loss}


def flags(n=5):
    first, second = np.triu_indices(n, 1)
    return flag_summary(
        {
            "station_names": [f"CS{k:03d}" for k in range(n)],
            "by_station": [0.1] * n,
            "by_baseline": {"first": first, "second": second, "fraction": [None, *[0.2] * (len(first) - 1)]},
            "by_channel": {"frequency_hz": [1e8, 1.1e8], "fraction": [0.1, None]},
            "by_time": {"start_mjd_s": 5e9, "offset_s": [0.0, 10.0], "fraction": [0.1, 0.2]},
        }
    )


def gains(n_times=4, n_stations=3):
    times = (5e9 + 60.0 * np.arange(n_times)).tolist()
    stations = [f"CS{k:03d}" for k in range(n_stations)]
    values = RNG.normal(1, 0.1, (n_stations, 2, n_times)).tolist()
    values[1] = [[None] * n_times] * 2
    return [
        {"solve": "gain", "kind": kind, "stations": stations, "times_s": times, "values": values}
        for kind in ("amplitude", "phase")
    ]


def full_page():
    by_station = {"CS000": 0.5, "CS001": 0.4}
    return Page(
        figures=figures(cycles=[cycle(0), cycle(1, 0.009)]),
        image=image(),
        panels={"Residual": image(), "Noise": Image(np.abs(image().data), HEADER)},
        detections=[
            Detection(f"s{k}", np.deg2rad(10 + k / 10), np.deg2rad(60.0), 1.0 + k, snr=9.0) for k in range(3)
        ],
        pairs={"reference catalogue": Pairs(*(np.array([1.0, 2.0]) for _ in range(4)))},
        subbands=[row(), row("SB001")],
        runs=[run(), run("SB001"), run("", name="gvds", stage="gvds")],
        flags={"SB000": flags(), "SB001": flags()},
        visibilities={},
        gains={"SB000": gains()},
        stations={"SB000": {"flagged": by_station, "amplitude": by_station, "phase_scatter_rad": by_station}},
    )


class Images(HTMLParser):
    """Collects the pictures of a page."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.found.append(dict(attributes))


@pytest.fixture(scope="module")
def full():
    return render(full_page())


def test_everything_there_is_is_drawn(full):
    assert "could not be drawn" not in full
    pictures = Images(full).found
    assert len(pictures) == 10, "all but the uv plane"
    assert all(picture["alt"] and picture["src"].startswith("data:image/") for picture in pictures)
    assert len({picture["src"] for picture in pictures}) == 9, "of so small an image all pixels fit"
    assert "3 sources marked" in pictures[0]["alt"]


def test_nothing_but_an_abandoned_observation():
    lost = {"subband": "SB000", "stage": "describe", "reason": "it is a text file"}
    bare = figures(
        **dict.fromkeys(IMAGE_FIGURES),
        outcome="abandoned",
        verdict="poor",
        reasons=["no image could be made"],
        abandoned_because="none is left",
        subbands_lost=[lost],
        cycles=[{**cycle(0), "rms_jy_beam": None, "dynamic_range": None, "n_sources": None}],
    )
    text = render(Page(bare, subbands=[row(loss=object())], runs=[run(state="lost", ended_s=0.0)]))
    assert not Images(text).found
    assert text.index("No image could be made:</strong> none is left") < text.index("<nav")
    assert "it is a text file" in text


def test_a_degraded_observation_says_so_first():
    lost = {"subband": "SB001", "stage": "calibrate", "reason": "diverged"}
    text = render(Page(figures(outcome="degraded", subbands_used=1, subbands_lost=[lost])))
    assert text.index("1 of 2 subbands are not in the image") < text.index("<nav")


def test_what_comes_from_data_is_text():
    lost = {"subband": EVIL, "stage": EVIL, "reason": EVIL}
    evil = figures(
        reasons=[EVIL],
        subbands_lost=[lost],
        outcome="degraded",
        bad_stations={EVIL: {"SB000": EVIL}},
        imaging=[{"name": EVIL, "value": EVIL, "reason": EVIL}],
    )
    source = Detection(EVIL, 0.1, 1.0, 1.0, snr=9.0)
    page = Page(
        evil,
        image=image(),
        detections=[source],
        subbands=[row(EVIL)],
        runs=[run(EVIL, reason=EVIL, state="lost", ended_s=0.0, links={"log": f"../logs/{EVIL}"})],
        notes=Notes(settings=[{"section": "x", "key": "y", "value": EVIL, "changed": True}], logs=EVIL),
    )
    text = render(page)
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_a_picture_that_cannot_be_drawn_does_not_cost_the_report(caplog):
    broken = {"SB000": {**flags(), "by_baseline": [0.1] * 3}}
    text = render(Page(figures(), flags=broken, subbands=[row()]))
    assert "This picture could not be drawn" in text
    assert "cannot be drawn" in caplog.text


def test_links_and_times_of_every_stage(full):
    assert 'href="../logs/calibrate.SB001.log" aria-label="log of calibrate.SB001"' in full
    assert full.count("<small>lce001") == 2
    assert "12 s" in full


def test_numbers_for_reading():
    assert (number(None), number(0.01234), number(12345.6, 3), number(1234.4, 4)) == (
        "–",
        "0.0123",
        "12346",
        "1234",
    )
    assert [duration(value) for value in (None, 1.25, 42.0, 300.0, 5400.0)] == [
        "–",
        "1.2 s",
        "42 s",
        "5 min",
        "1.5 h",
    ]


def test_a_thumbnail_is_small():
    assert 300 < len(thumbnail(image())) < 12_000


def test_a_source_at_the_edge_and_one_outside(caplog):
    at_edge = [Detection("a", np.deg2rad(10.98), np.deg2rad(60.48), 1.0), Detection("b", 0.5, 1.1, 2.0)]
    text = render(Page(figures(), image=image(), detections=at_edge))
    assert "cannot be drawn" not in caplog.text
    assert json.dumps(text)
    assert module.SHOWN_SOURCES > 2


@pytest.mark.parametrize("n_times", [1, 2])
def test_gains_that_do_not_change_are_not_drawn(n_times):
    text = render(Page(figures(), gains={"SB000": gains(n_times)}))
    assert len(Images(text).found) == (n_times > 1)
