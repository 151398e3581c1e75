"""Write docs/quality.md from the table of limits: ``python docs/quality.py``."""

from pathlib import Path

from sip_luigi.domain.judgement import LIMITS

HEAD = """# Quality

Made by `python docs/quality.py`.

`results/quality.json` holds the figures of an observation, `judgements` in it says of each figure that was
measured whether it is good, moderate or poor, by which limits, and what to look at if it is not good. `verdict` is
the worst of them, `reasons` are those of all that are not good, the worst first. The report shows the same.

With `[quality] strict = true` or `ImagingPipeline --strict` a poor verdict ends with exit status 30, as a degraded
outcome does; without, it is a warning. The results are delivered in either case.

## Limits

`[quality] limits` changes rows, as in `flagged_fraction=::0.4:0.8`: poor below, good from, good to, poor above;
what is left out is no limit. Between good and poor it is moderate.

"""

TAIL = """
## Where the figures come from

**Noise** is the robust scatter (1.48 times the median absolute deviation) of the residual image without the
correction for the primary beam. Stokes V of the same data, not cleaned, is the honest yardstick: the sky is empty
there. A ratio of 0.97 to 1.10 is what a well calibrated field reaches; below 0.93 noise was cleaned away. On a
field with bright sources errors of the gains leave more, so that up to 2.5 is moderate. `thermal_rms_jy_beam`
scales 62 µJy/beam (8 h, 48 MHz, the Dutch array, at the zenith) with time, bandwidth, flags, stations and
elevation; weighting and other arrays move it by a factor of two or three.

**Around the brightest source** (`artefact_ratio`, `bright_source_dynamic_range`) the noise is measured in a box of
30 beams: errors of the gains show there first. `stokes_v_fraction` is Stokes V of its pixel over Stokes I, for a
source above 100 σ.

**Against the calibration model** (`model_…`): the sources of the model of the first cycle, merged where they are
closer than a beam, that should stand out by `[quality] min_reference_snr` (of the noise of Stokes V, at their
place in the primary beam). A detection within a beam is taken for the source. `model_found_fraction` counts
sources, `model_flux_recovered` their flux, so that one bright source that was clipped away among many faint ones
shows too; `model_flux_ratio_median` and `model_offset_beams` are medians over those found.

**Against a reference catalogue** the same, where `[quality] reference_catalogue` names one. The model cannot show
that its own flux scale or place is wrong: gains and phases follow it. The catalogue does.

**Solutions**: what was found of them, mean over the subbands, as far as it was. `phase_scatter_rad` is the scatter
of the phase from one solution to the next; random phases have 2.3. Of good calibrations of faint fields 0.35 to 0.7
have converged by the tolerance (the others still creep, by less than the noise); of a solver that stalls, none.

**Cycles**: `cycles` lists each cycle of self-calibration with its state (accepted, converged, rejected, lost, not
run), why, and its figures; `best_cycle` is the one that the results come from. `[pipeline] min_improvement` and
`max_worsening` are its limits.

**Imaging**: `imaging` lists what was chosen for the image, pixels, size, longest baseline, parts of the band, and
why.

## What each failure looks like

| failure | shows in |
|---|---|
| solver stalled, beam not applied | `model_flux_ratio_median`, `model_flux_recovered`, `noise_over_stokes_v` |
| sky model of another field | `model_found_fraction` |
| sky model moved as a whole | `astrometric_offset_beams`, `reference_found_fraction` |
| wrong flux scale of the model | `flux_ratio_median`, with a reference catalogue |
| a source clipped away | `model_flux_recovered`, `flagged_fraction`, or the subbands are lost |
| blank image | refused, no image |
| over-cleaned | `noise_over_stokes_v` below 0.93 |
| polarisations mixed up | `stokes_v_fraction`, `noise_over_stokes_v` |
"""


def quality_text() -> str:
    """The page."""
    lines = ["| figure | good | poor | what it says |", "|---|---|---|---|"]
    for row in LIMITS:
        good, _, poor = row.text().removeprefix("good ").partition(", poor ")
        lines.append(f"| {row.figure} | {good} | {poor} | {row.meaning} |")
    return HEAD + "\n".join(lines) + "\n" + TAIL


if __name__ == "__main__":
    Path(__file__).with_name("quality.md").write_text(quality_text(), encoding="utf-8")
