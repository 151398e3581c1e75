"""Figures that the manifests hold, of a good observation and of one that is lost."""

import pytest

from sip_luigi.domain.product import Loss, Manifest
from sip_luigi.tasks.figures import Results, calibration_figures, image_figures, subband_figures

GVDS = {"duration_s": 3600.0, "elevation_rad": 1.4, "n_stations": 4}
IMAGE = {
    "image": {
        **{"peak_jy_beam": 10.0, "beam_major_arcsec": 20.0, "beam_minor_arcsec": 15.0, "beam_pa_deg": 5.0},
        **{"frequency_hz": 140e6, "pixel_arcsec": 5.0},
    },
    "residual": {"rms_jy_beam": 0.02},
    "stokes_v": {"rms_jy_beam": 0.016},
    "bright_source": {"dynamic_range": 250.0, "artefact_ratio": 2.0, "stokes_v_fraction": None},
}


SOLVES = {
    "phase": {"converged": 20, "stalled": 6, "not_converged": 4, "failed": 0},
    "gain": {"converged": 8, "stalled": 0, "not_converged": 1, "failed": 1},
}


def subband(flagged_stations=(), scatter=None, **solutions):
    inspected = {**solutions, **({"phase_scatter_rad": scatter} if scatter else {})}
    return manifest(
        verify_measurementset={"flagged_fraction": 0.1, "n_channels": 4, "channel_width_hz": 50e3},
        flagged_stations=dict.fromkeys(flagged_stations, "dead"),
        beam=True,
        inspect_solutions=inspected,
    )


def manifest(loss=None, **measures):
    return Manifest("k", "s", 1, loss=loss, measures=measures)


def results(subbands, image=None, losses=None):
    return Results(
        gvds=manifest(**GVDS),
        image=image or manifest(**IMAGE),
        sources=manifest(),
        subbands=subbands,
        losses={name: (losses or {}).get(name) for name in subbands},
    )


def test_noise_and_beam():
    figures = image_figures(results({"a": subband(), "b": subband()}))
    assert figures["noise_over_stokes_v"] == pytest.approx(1.25)
    assert figures["dynamic_range"] == pytest.approx(500.0)
    assert figures["bright_source_dynamic_range"] == 250.0
    assert figures["pixels_per_beam"] == pytest.approx(3.0)
    assert figures["bandwidth_hz"] == pytest.approx(400e3)
    assert figures["noise_over_thermal"] == pytest.approx(0.02 / figures["thermal_rms_jy_beam"])
    assert figures["stokes_v_fraction"] is None


def test_a_station_that_is_bad_in_most_subbands_counts():
    subbands = {"a": subband(["CS1"]), "b": subband(["CS1", "RS2"]), "c": subband(["CS1"])}
    figures = subband_figures(results(subbands))
    assert figures["bad_stations"] == {"CS1": dict.fromkeys("abc", "dead"), "RS2": {"b": "dead"}}
    assert figures["bad_stations_fraction"] == 0.25
    assert (figures["outcome"], figures["subbands_used_fraction"]) == ("full", 1.0)


def test_lost_subbands():
    lost = Loss("calibrate", "diverged")
    figures = subband_figures(results({"a": subband(), "b": manifest(lost)}, losses={"b": lost}))
    assert (figures["outcome"], figures["subbands_used"], figures["subbands_used_fraction"]) == (
        "degraded",
        1,
        0.5,
    )
    assert figures["subbands_lost"] == [{"subband": "b", "stage": "calibrate", "reason": "diverged"}]
    assert figures["flagged_fraction"] == pytest.approx(0.1)


def test_without_an_image():
    lost = Loss("describe", "no rows")
    none = results({"a": manifest(lost)}, manifest(Loss("image_band", "none is left")), {"a": lost})
    figures = {**subband_figures(none), **image_figures(none), **calibration_figures(none)}
    assert (figures["outcome"], figures["subbands_used_fraction"]) == ("abandoned", 0.0)
    assert figures["abandoned_because"] == "none is left"
    for name in ("rms_jy_beam", "noise_over_stokes_v", "flagged_fraction", "solutions_bad_fraction"):
        assert figures[name] is None
    assert figures["bad_stations_fraction"] is None


def test_solutions():
    first = subband(scatter={"CS1": 0.1, "CS2": 0.2, "RS3": 2.0}, bad_fraction=0.1, convergence=SOLVES)
    second = subband(scatter={"CS1": 0.4}, bad_fraction=0.3)
    figures = calibration_figures(results({"a": first, "b": second}))
    assert figures["solutions_bad_fraction"] == pytest.approx(0.2)
    assert figures["solutions_converged_fraction"] == pytest.approx(28 / 40)
    assert figures["phase_scatter_rad"] == pytest.approx(0.3)
    unknown = calibration_figures(results({"a": subband()}))
    assert unknown["phase_scatter_rad"] is unknown["solutions_converged_fraction"] is None
