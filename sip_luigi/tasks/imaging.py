"""What the stages that run WSClean have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sip_luigi import __version__
from sip_luigi.execution.targets import ImageTarget
from sip_luigi.programs.logs import wsclean_progress
from sip_luigi.programs.wsclean import (
    Geometry,
    band_parts,
    image_command,
    image_geometry,
    product_path,
    stokes_v_command,
)
from sip_luigi.tasks.base import NodeStage, Steps

IMAGE, RESIDUAL, PSF, STOKES_V = "image.fits", "residual.fits", "psf.fits", "stokes_v.fits"
CORRECTED, BEAM = "image.pbcor.fits", "beam.fits"


class ImagingStage(NodeStage):
    """One run of WSClean over some MeasurementSets, in Stokes I, and in V for the noise."""

    target_class = ImageTarget

    @property
    def cores(self) -> int:
        """``[imaging] threads``, or all that the node has."""
        return self.ctx.settings.imaging.threads or self.ctx.cores(self.product().node)

    def progress(self, log: str) -> float:
        """By the major iterations of WSClean."""
        return wsclean_progress(log)

    def science(self) -> dict[str, Any]:
        """Settings of ``[imaging]``."""
        return self.ctx.settings.imaging.science()

    def geometry(self, field: Mapping[str, Any]) -> Geometry:
        """Pixels of the image, from what is known of the observation."""
        return image_geometry(
            self.ctx.settings.imaging,
            field["max_baseline_m"],
            field["start_freq_hz"],
            field["end_freq_hz"],
        )

    def imaging_steps(
        self,
        part: str,
        geometry: Geometry,
        measurementsets: Sequence[str],
        with_beam: Sequence[str],
        n_channels: int,
    ) -> Steps:
        """Image, tidy up, verify, and correct for the primary beam.

        Parameters
        ----------
        part : str
            Directory that is written.
        geometry : Geometry
            Pixels.
        measurementsets : sequence of str
            All data of the image.
        with_beam : sequence of str
            Those of them for which the station beam is known.
        n_channels : int
            Channels in all of them.
        """
        options = self.ctx.settings.imaging
        data, parts = list(measurementsets), band_parts(options, n_channels)
        stokes_i = image_command(options, geometry, data, f"{part}/band", part, n_channels)
        stokes_v = stokes_v_command(options, geometry, data, f"{part}/v", part)
        keep = {
            product_path("band", "image", parts): IMAGE,
            product_path("band", "residual", parts): RESIDUAL,
            product_path("band", "psf", parts): PSF,
            product_path("v", "dirty", 1): STOKES_V,
        }
        finish = {
            "folder": part,
            "keep": keep,
            "copies": {} if with_beam else {IMAGE: CORRECTED},
            "header": {"OBJECT": self.obs_id, "SIPKEY": self.key, "PBCOR": False},
            "history": self.history(len(data), bool(with_beam)),
        }
        return (
            {"argv": list(stokes_i)},
            {"argv": list(stokes_v)},
            {"call": "finish_images", "request": finish},
            *(
                {
                    "call": "verify_image",
                    "name": name.partition(".")[0],
                    "request": {"path": f"{part}/{name}"},
                }
                for name in (IMAGE, RESIDUAL, STOKES_V)
            ),
            *self.correction(part, with_beam),
        )

    def correction(self, part: str, with_beam: Sequence[str]) -> Steps:
        """Step that corrects for the primary beam, none where it is not known."""
        if not with_beam:
            self.warn("no station beam for any subband: the image is NOT corrected for the primary beam")
            return ()
        request = {
            "image": f"{part}/{IMAGE}",
            "measurementsets": list(with_beam),
            "output_pbcor": f"{part}/{CORRECTED}",
            "output_beam": f"{part}/{BEAM}",
            "cutoff": self.ctx.settings.imaging.beam_cutoff,
        }
        return ({"call": "primary_beam", "request": request},)

    def history(self, n_subbands: int, with_beam: bool) -> list[str]:
        """Lines for the FITS header."""
        return [
            f"sip_luigi {__version__}: {self.stage} version {self.version}, key {self.key}",
            f"observation {self.obs_id}, {n_subbands} subbands",
            "primary beam: see image.pbcor" if with_beam else "primary beam: not known, not corrected",
        ]
