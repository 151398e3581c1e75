"""What the self-test observes and tells the pipeline."""

import pytest

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.skymodel_text import parse_skymodel
from sip_luigi.selftest.run import SelfTest, calibrator_of, flagged_fraction, observation
from sip_luigi.selftest.sites import OneMachine
from sip_luigi.simulation.truth import draw_truth, ionosphere_summary


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 42])
def test_ionosphere_is_mild(seed):
    """As the documentation says; a rougher one needs gains that depend on direction."""
    summary = ionosphere_summary(draw_truth(observation(seed)))
    assert summary["differential_rms_tecu"] == pytest.approx(DIFFERENTIAL_TECU, rel=0.25)
    assert summary["remote_differential_rms_tecu"] == pytest.approx(REMOTE_TECU, rel=0.25)


DIFFERENTIAL_TECU, REMOTE_TECU = 0.0018, 0.0031


def test_calibrator_is_beside_the_target():
    target = observation(3)
    calibrator = calibrator_of(target)
    assert (target.obs_id, calibrator.obs_id) == ("L900003", "L800003")
    assert calibrator.stations == target.stations
    assert calibrator.seed == target.seed


@pytest.fixture
def simulated(tmp_path):
    """A self-test whose truth is there, with or without a calibrator."""

    def make(calibrator):
        target = observation(3)
        test = SelfTest(
            OneMachine(tmp_path), target, calibrator=calibrator_of(target) if calibrator else None
        )
        test.site.simulated.mkdir()
        sky = draw_truth(target).sky
        test.truth("skymodel").write_text(sky.model("truth").text())
        return test, sky

    return make


@pytest.mark.parametrize(("calibrator", "scale"), [(False, 1.0), (True, 0.75)])
def test_the_brightest_sources_are_known(simulated, tmp_path, calibrator, scale):
    """Their fluxes too, unless a calibrator has to tell the flux scale."""
    test, sky = simulated(calibrator)
    settings = test.calibration()
    path = tmp_path / "known.skymodel"
    assert settings.pop("skymodel") == str(path)
    assert settings == ({"calibrator_obs_id": "L800003"} if calibrator else {})
    model = parse_skymodel(path.read_text())
    assert [source.name for source in model.sources] == list(sky.names[:50])
    ratio = [source.flux_jy / flux for source, flux in zip(model.sources, sky.flux_jy, strict=False)]
    assert ratio == pytest.approx([scale] * 50)


def test_flagged_fraction():
    quality = {"bad_stations": {"CS001HBA0": ["SB000", "SB001"], "CS002HBA0": ["SB000"]}, "subbands_used": 2}
    assert flagged_fraction([], quality) == 1.0
    assert flagged_fraction(["CS001HBA0"], quality) == 1.0
    assert flagged_fraction(["CS001HBA0", "CS002HBA0"], quality) == 0.75
    assert flagged_fraction(["RS106HBA"], quality) == 0.0


def test_obs_ids_must_differ():
    target = observation(1)
    with pytest.raises(ConfigurationError, match="differs"):
        calibrator_of(calibrator_of(target))
