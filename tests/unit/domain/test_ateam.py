"""What is done about the A-team, and the model of it."""

import math
from dataclasses import replace

import pytest

from sip_luigi.domain.angles import separation
from sip_luigi.domain.ateam import Pointing, decide_ateam, highest_elevation_rad
from sip_luigi.domain.ateam_model import ATEAM, NAMES, ateam_model, year_of
from sip_luigi.domain.skymodel import Patch
from sip_luigi.domain.skymodel_text import parse_skymodel

PATCHES = ateam_model().patches
# 2024-07-20 22:00 UTC: Cygnus A is high, Taurus A below the horizon.
START_MJD_S = 60511 * 86400.0 + 22 * 3600
CYGNUS_FIELD = Pointing(math.radians(285), math.radians(58), START_MJD_S, START_MJD_S + 600, True, 0.06)


def actions(pointing=CYGNUS_FIELD, **keywords):
    return {s.name: s.action for s in decide_ateam(pointing, PATCHES, **keywords).sources}


def test_what_is_near_is_demixed_what_is_far_is_clipped_what_is_down_is_left():
    assert actions() == {"CasA": "clip", "CygA": "demix", "TauA": "nothing", "VirA": "clip"}
    decided = {s.name: s for s in decide_ateam(CYGNUS_FIELD, PATCHES).sources}
    assert decided["CygA"].reason == "20° away, nearer than 30°"
    assert "below the horizon" in decided["TauA"].reason
    assert decided["CygA"].separation_deg == pytest.approx(19.8, abs=0.3)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("clip", {"CasA": "clip", "CygA": "clip", "TauA": "nothing", "VirA": "clip"}),
        ("demix", {"CasA": "nothing", "CygA": "demix", "TauA": "nothing", "VirA": "nothing"}),
        ("none", {}),
    ],
)
def test_what_is_asked_for_is_done(mode, expected):
    assert actions(mode=mode) == expected


def test_how_near_is_near():
    assert actions(demix_within_deg=35.0)["CasA"] == "demix"
    assert actions(demix_within_deg=10.0)["CygA"] == "clip"


def test_without_the_beam_nothing_is_clipped_and_it_is_said():
    decided = decide_ateam(replace(CYGNUS_FIELD, has_beam=False), PATCHES)
    assert decided.named("clip") == ()
    assert decided.named("demix") == ("CygA",), "demixing needs no beam"
    assert decided.without_beam == ("CasA", "VirA")
    assert "CasA: nothing, no beam tables, without which the clip flags everything" in decided.text


def test_a_source_in_the_field_is_the_target():
    cyg = next(patch for patch in PATCHES if patch.name == "CygA")
    on_it = replace(CYGNUS_FIELD, ra_rad=cyg.ra_rad, dec_rad=cyg.dec_rad + 0.03)
    assert actions(on_it)["CygA"] == "nothing"
    assert actions(replace(on_it, field_radius_rad=0.02))["CygA"] == "demix"


def test_a_source_that_rises_in_the_end_counts():
    tau = next(patch for patch in PATCHES if patch.name == "TauA")
    night = replace(CYGNUS_FIELD, end_mjd_s=START_MJD_S + 8 * 3600)
    assert actions(night)["TauA"] == "clip"
    # No higher than where it culminates, at 90° - latitude + declination.
    day = highest_elevation_rad(tau, START_MJD_S, START_MJD_S + 86400)
    assert math.degrees(day) == pytest.approx(90 - 52.915 + 22.01, abs=0.1)


def test_demixing_that_failed_is_replaced():
    decided = decide_ateam(CYGNUS_FIELD, PATCHES)
    assert decided.instead("it diverged", has_beam=True).named("clip") == ("CasA", "CygA", "VirA")
    without = decided.instead("it diverged", has_beam=False)
    assert without.named("demix") == ()
    assert "CygA: nothing, 20° away, nearer than 30°; it diverged" in without.text


def test_the_record_of_it_is_json():
    record = decide_ateam(CYGNUS_FIELD, PATCHES).as_dict()
    assert record["demix"] == ["CygA"]
    assert len(record["sources"]) == 4


@pytest.mark.parametrize(
    # Baars et al. 1977 (A&A 61, 99), table 5: log S of log(ν / MHz); scales differ by some per cent.
    ("name", "freq_mhz", "coefficients", "year", "tolerance"),
    [
        ("CygA", 60.0, (4.695, 0.085, -0.178), 1977.0, 0.06),
        ("CygA", 150.0, (4.695, 0.085, -0.178), 1977.0, 0.06),
        ("VirA", 400.0, (5.023, -0.856), 1977.0, 0.09),
        ("TauA", 1000.0, (3.915, -0.299), 1977.0, 0.15),
        ("CasA", 1000.0, (5.625, -0.634, -0.023), 1980.0, 0.15),
    ],
)
def test_fluxes_are_those_of_another_scale(name, freq_mhz, coefficients, year, tolerance):
    x = math.log10(freq_mhz)
    flux_jy = 10 ** sum(c * x**power for power, c in enumerate(coefficients))
    assert ateam_model([name], year).flux_at(freq_mhz * 1e6) == pytest.approx(flux_jy, rel=tolerance)


def test_cassiopeia_fades_and_the_others_do_not():
    now, then = ateam_model(year=2026.0), ateam_model(year=2016.0)
    for name in NAMES:
        ratio = now.of_patches([name]).flux_at(150e6) / then.of_patches([name]).flux_at(150e6)
        assert ratio == pytest.approx(0.933 if name == "CasA" else 1.0)
    assert year_of(51544.5 * 86400) == 2000.0


def test_components_belong_to_their_source():
    for source in ATEAM:
        assert math.fsum(part.fraction for part in source.components) == pytest.approx(1.0)
    model = ateam_model()
    places = {patch.name: patch for patch in model.patches}
    for part in model.sources:
        at = places[part.patch]
        assert separation(part.ra_rad, part.dec_rad, at.ra_rad, at.dec_rad) < math.radians(0.1)


def test_the_text_keeps_everything():
    model = ateam_model(["CygA", "TauA"])
    again = parse_skymodel(model.text())
    assert [patch.name for patch in again.patches] == ["CygA", "TauA"]
    assert again.flux_at(60e6) == pytest.approx(model.flux_at(60e6), rel=1e-6)
    assert all(source.orientation_is_absolute for source in again.sources)


def test_sources_of_some_patches():
    assert {s.patch for s in ateam_model().of_patches(["VirA"]).sources} == {"VirA"}
    assert ateam_model().of_patches([]).patches == ()
    assert decide_ateam(CYGNUS_FIELD, [Patch("PerA", 0.87, 0.72)]).sources[0].name == "PerA"
