"""What the stages that run WSClean have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sip_luigi import __version__
from sip_luigi.domain.product import Manifest
from sip_luigi.domain.spectrum import MIN_BAND_SPAN
from sip_luigi.execution.targets import ImageTarget
from sip_luigi.programs.image_plan import Coverage, Planned, plan_image, require_memory
from sip_luigi.programs.logs import wsclean_progress
from sip_luigi.programs.wsclean import Plan, image_command, part_path, product_path, stokes_v_command
from sip_luigi.tasks.node_stage import NodeStage, Steps

IMAGE, RESIDUAL, PSF, STOKES_V = "image.fits", "residual.fits", "psf.fits", "stokes_v.fits"
CORRECTED, BEAM, CUBE = "image.pbcor.fits", "beam.fits", "cube.fits"


class ImagingStage(NodeStage):
    """One run of WSClean over some MeasurementSets, in Stokes I, and in V for the noise."""

    target_class = ImageTarget
    version = 2

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

    def planned(self, data: Coverage) -> Planned:
        """What the image is like; refused where the node has too little memory for it."""
        node, options = self.product().node, self.ctx.settings.imaging
        planned = plan_image(options, data)
        require_memory(planned.plan, self.ctx.memory_bytes(node), node, options.memory_percent)
        for warning in planned.warnings:
            self.warn(warning)
        return planned

    def imaging_steps(
        self, part: str, data: Coverage, measurementsets: Sequence[str], with_beam: Sequence[str]
    ) -> Steps:
        """Image, tidy up, verify, and correct for the primary beam.

        Parameters
        ----------
        part : str
            Directory that is written.
        data : Coverage
            What is known of the data.
        measurementsets : sequence of str
            All data of the image.
        with_beam : sequence of str
            Those of them for which the station beam is known.
        """
        options, planned = self.ctx.settings.imaging, self.planned(data)
        plan, paths = planned.plan, list(measurementsets)
        stokes_i = image_command(options, plan, paths, f"{part}/band", part)
        stokes_v = stokes_v_command(options, plan, paths, f"{part}/v", part)
        planes = part_images(plan) if wants_cube(options.cube, data, plan) else {}
        finish = {
            "folder": part,
            "keep": {**kept_images(plan), **planes},
            "copies": {} if with_beam else {IMAGE: CORRECTED},
            "header": {
                **{"OBJECT": self.obs_id, "OBSID": self.obs_id, "SIPKEY": self.key, "PBCOR": False},
                **{"CREATOR": f"sip_luigi {__version__}", "RADESYS": "FK5"},
            },
            "history": self.history(len(paths), bool(with_beam), planned),
            "imager": options.executable,
        }
        return (
            {"argv": list(stokes_i)},
            {"argv": list(stokes_v)},
            {"call": "finish_images", "request": finish},
            *verification(part),
            *self.correction(part, with_beam, list(planes.values())),
            {"note": [choice._asdict() for choice in planned.choices], "name": "choices"},
        )

    def correction(self, part: str, with_beam: Sequence[str], planes: Sequence[str]) -> Steps:
        """Steps that correct for the primary beam where it is known, and put a cube together."""
        if not with_beam:
            self.warn("no station beam for any subband: the image is NOT corrected for the primary beam")
        cutoff = self.ctx.settings.imaging.beam_cutoff
        common = {"measurementsets": list(with_beam), "cutoff": cutoff}
        image = {
            "image": f"{part}/{IMAGE}",
            "output_pbcor": f"{part}/{CORRECTED}",
            "output_beam": f"{part}/{BEAM}",
        }
        cube = {"planes": [f"{part}/{name}" for name in planes], "output": f"{part}/{CUBE}"}
        return (
            *({"call": "primary_beam", "request": {**image, **common}} for _ in with_beam[:1]),
            *({"call": "spectral_cube", "request": {**cube, **common}} for _ in planes[:1]),
        )

    def history(self, n_subbands: int, with_beam: bool, planned: Planned) -> list[str]:
        """Lines for the FITS header."""
        return [
            f"sip_luigi {__version__}: {self.stage} version {self.version}, key {self.key}",
            f"observation {self.obs_id}, {n_subbands} subbands",
            "primary beam: see image.pbcor" if with_beam else "primary beam: not known, not corrected",
            *(f"{choice.name}: {choice.value} ({choice.reason})" for choice in planned.choices),
        ]


def kept_images(plan: Plan) -> dict[str, str]:
    """Images of the whole band: our names by WSClean's."""
    return {
        product_path("band", "image", plan.parts): IMAGE,
        product_path("band", "residual", plan.parts): RESIDUAL,
        product_path("band", "psf", plan.parts): PSF,
        product_path("v", "dirty", 1): STOKES_V,
    }


def part_images(plan: Plan) -> dict[str, str]:
    """Images of the parts of the band: our names by WSClean's."""
    return {part_path("band", "image", part): f"plane{part:04d}.fits" for part in range(plan.parts)}


def wants_cube(setting: str, data: Coverage, plan: Plan) -> bool:
    """Whether a cube is made; a band in one part has none."""
    wide = data.highest_freq_hz / data.lowest_freq_hz - 1.0 >= MIN_BAND_SPAN
    return plan.parts > 1 and (setting == "yes" or (setting == "auto" and wide))


def verification(part: str) -> Steps:
    """Steps that look at what was made."""
    paths = {name.partition(".")[0]: f"{part}/{name}" for name in (IMAGE, RESIDUAL, STOKES_V)}
    return (
        *({"call": "verify_image", "name": name, "request": {"path": path}} for name, path in paths.items()),
        {"call": "bright_source", "request": paths},
    )


def coverage(
    field: Mapping[str, Any], used: Sequence[Manifest], largest_source_arcsec: float = 0.0
) -> Coverage:
    """What is known of the data of an image.

    Parameters
    ----------
    field : mapping
        ``max_baseline_m, start_freq_hz, end_freq_hz, antenna_set`` of the observation or subband.
    used : sequence of Manifest
        Of the calibrated subbands.
    largest_source_arcsec : float
        Major axis of the widest component of the sky model.
    """
    verified = [manifest.measures["verify_measurementset"] for manifest in used]
    lengths = [measures["longest_uv_m"] for measures in verified if "longest_uv_m" in measures]
    return Coverage(
        longest_uv_m=max(lengths) if lengths else field["max_baseline_m"],
        measured=bool(lengths),
        lowest_freq_hz=field["start_freq_hz"],
        highest_freq_hz=field["end_freq_hz"],
        n_channels=sum(measures["n_channels"] for measures in verified),
        antenna_set=field.get("antenna_set", ""),
        largest_source_arcsec=largest_source_arcsec,
    )
