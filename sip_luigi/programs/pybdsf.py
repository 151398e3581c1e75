"""PyBDSF: options to the arguments of ``bdsf.process_image``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.setting import Section, setting


@dataclass(frozen=True)
class SourceFinding(Section):
    """Find sources in the image, PyBDSF."""

    section: ClassVar[str] = "source_finding"

    threshold_peak_sigma: float = setting(
        5.5,
        "Peak that makes an island a source; a full image has half a million beams, in which noise alone reaches 5",
        unit="σ",
        low=1,
        high=1000,
    )
    threshold_island_sigma: float = setting(
        3.0, "Level down to which an island reaches", unit="σ", low=1, high=1000
    )
    rms_box_beams: float = setting(
        35.0, "Width of the box in which the noise is measured", unit="beams", low=5, high=1000
    )
    rms_step_beams: float = setting(9.0, "Distance of these boxes", unit="beams", low=1, high=1000)
    adaptive_rms_box: bool = setting(True, "Smaller boxes around bright sources, which see their artefacts")
    max_fit_beyond_island: float = setting(
        0.25,
        "A fit of which the ellipse of this part of its width leaves the island is dropped; 0.5, PyBDSF's own "
        "default, drops good narrow sources of few pixels",
        low=0.01,
        high=10,
    )
    wavelets: bool = setting(False, "Look for extended emission with wavelets too; slow")
    threads: int = setting(1, "Processes of PyBDSF", low=1, high=256, science=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.threshold_island_sigma > self.threshold_peak_sigma:
            raise ConfigurationError(
                f"[source_finding] threshold_island_sigma = {self.threshold_island_sigma:g}: expected at most "
                f"threshold_peak_sigma, {self.threshold_peak_sigma:g}"
            )
        if self.rms_step_beams > self.rms_box_beams:
            raise ConfigurationError(
                f"[source_finding] rms_step_beams = {self.rms_step_beams:g}: expected at most "
                f"rms_box_beams, {self.rms_box_beams:g}"
            )


def process_arguments(
    options: SourceFinding, pixels_per_beam: float, size_pixels: int, output_directory: str
) -> dict[str, Any]:
    """Keyword arguments of ``bdsf.process_image``.

    Parameters
    ----------
    options : SourceFinding
        What to do.
    pixels_per_beam : float
        FWHM of the restoring beam (geometric mean) in pixels.
    size_pixels : int
        Width of the image: boxes are at most a quarter of it.
    output_directory : str
        Where PyBDSF writes its log; next to the image, which it would choose, is not ours to write.
    """
    box = min(round(options.rms_box_beams * pixels_per_beam), size_pixels // 4)
    step = min(round(options.rms_step_beams * pixels_per_beam), max(1, box // 3))
    return {
        "thresh": "hard",
        "thresh_pix": options.threshold_peak_sigma,
        "thresh_isl": options.threshold_island_sigma,
        "rms_map": True,
        "rms_box": (box, step),
        "adaptive_rms_box": options.adaptive_rms_box,
        "flag_maxsize_fwhm": options.max_fit_beyond_island,
        # The interferometer saw no mean level: what is there are sidelobes.
        "mean_map": "zero",
        "atrous_do": options.wavelets,
        "ncores": options.threads,
        "outdir": output_directory,
        "quiet": True,
    }
