"""What ImageBand has the imaging node do, from what was measured of the subbands."""

from dataclasses import replace

import pytest

import sip_luigi.pipeline  # noqa: F401 - Luigi then knows all stages
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.product import Manifest
from sip_luigi.tasks.context import open_context
from sip_luigi.tasks.image_band import ImageBand

NAMES = ("SAP000_SB000", "SAP000_SB001")
GVDS = {
    "max_baseline_m": 90_000.0,
    "start_freq_hz": 139e6,
    "end_freq_hz": 141e6,
    "antenna_set": "HBA_DUAL_INNER",
}
POINT, EXTENDED = (
    "x, POINT, 12:00:00, 50.00.00, 1, 0, 0, 0\n",
    "y, GAUSSIAN, 12:00:00, 50.00.00, 1, 600, 300, 0\n",
)


@pytest.fixture
def image(cluster, tmp_path):
    """The stage, for a sky model with these components."""
    for name in NAMES:
        cluster.raw(f"data/L1_{name}_uv.MS")
    model = tmp_path / "model.skymodel"
    cluster.set("calibration", skymodel=str(model))

    def image(*components, **imaging):
        header = "FORMAT = Name, Type, Ra, Dec, I, MajorAxis, MinorAxis, Orientation\n"
        model.write_text(header + "".join(components or (POINT,)))
        cluster.set("imaging", **imaging)
        ctx = open_context("L1", cluster.settings)
        made = ImageBand(obs_id="L1", context=ctx)
        made.dependencies["skymodel"].run()
        return made

    return image


def inputs(beam=True, longest_uv_m=12_000.0, n_channels=8, **gvds):
    verified = {"n_channels": n_channels, "longest_uv_m": longest_uv_m}
    subband = Manifest("k", "gather", 2, measures={"verify_measurementset": verified, "beam": beam})
    return {
        "gvds": Manifest("k", "gvds", 2, measures={**GVDS, **gvds}),
        "skymodel": Manifest("k", "initial_sky_model", 1),
        **dict.fromkeys(NAMES, subband),
    }


def calls(steps):
    return [step["call"] for step in steps if "call" in step]


def command(steps):
    return next(step["argv"] for step in steps if "argv" in step)


def test_pixels_follow_from_what_was_measured(image):
    steps = image().steps(inputs(), "/part")
    argv = command(steps)
    # 12 km at 141 MHz are 5644 λ, the narrowest fringe 36.5″; 3.5 pixels of 10″ are in it.
    assert argv[argv.index("-scale") + 1] == "10asec"
    assert float(argv[argv.index("-maxuv-l") + 1]) == pytest.approx(5644, abs=1)
    choices = {entry["name"]: entry for entry in steps[-1]["note"]}
    assert steps[-1]["name"] == "choices"
    assert "longest unflagged baseline, 12000 m" in choices["longest baseline"]["reason"]
    history = next(step for step in steps if step.get("call") == "finish_images")["request"]["history"]
    assert any(line.startswith('pixel: 10" (3.5 pixels in the narrowest fringe') for line in history)


def test_calibrated_data_of_an_older_version_have_no_measured_baseline(image):
    given = inputs()
    for name in NAMES:
        measures = {**given[name].measures, "verify_measurementset": {"n_channels": 8}}
        given[name] = replace(given[name], measures=measures)
    steps = image().steps(given, "/part")
    assert "[imaging] max_uv_lambda; the distance of the stations" in steps[-1]["note"][0]["reason"]


def test_a_narrow_band_has_no_cube_unless_it_is_asked_for(image):
    assert "spectral_cube" not in calls(image().steps(inputs(), "/part"))
    asked = image(cube="yes").steps(inputs(), "/part")
    (cube,) = (step["request"] for step in asked if step.get("call") == "spectral_cube")
    assert len(cube["planes"]) == 4
    assert len(cube["measurementsets"]) == 2
    assert "spectral_cube" in calls(image(cube="auto").steps(inputs(end_freq_hz=160e6), "/part"))
    assert "spectral_cube" not in calls(image(cube="no").steps(inputs(end_freq_hz=160e6), "/part"))


def test_without_a_beam_the_image_is_copied_and_the_cube_not_corrected(image, caplog):
    steps = image(cube="yes").steps(inputs(beam=False), "/part")
    assert "primary_beam" not in calls(steps)
    finish = next(step for step in steps if step.get("call") == "finish_images")["request"]
    assert finish["copies"] == {"image.fits": "image.pbcor.fits"}
    (cube,) = (step["request"] for step in steps if step.get("call") == "spectral_cube")
    assert cube["measurementsets"] == []
    assert "NOT corrected for the primary beam" in caplog.text


def test_extended_components_are_cleaned_with_scales(image):
    assert "-multiscale" not in command(image(POINT).steps(inputs(), "/part"))
    assert "-multiscale" in command(image(POINT, EXTENDED).steps(inputs(), "/part"))


def test_pixels_that_are_too_coarse_are_warned_of(image, caplog):
    image(pixel_arcsec=22.0).steps(inputs(), "/part")
    assert "pixel_arcsec = 22: too coarse" in caplog.text


def test_an_image_larger_than_the_memory_of_the_node_is_refused_before_it_starts(image):
    made = image(memory_percent=1.0, max_uv_lambda=0.0)
    with pytest.raises(
        ConfigurationError, match=r"an image of \d+² pixels in 4 parts takes about .* GB, lce001 has"
    ):
        made.steps(inputs(longest_uv_m=60_000.0), "/part")
