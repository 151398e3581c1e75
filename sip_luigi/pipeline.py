"""ImagingPipeline: the task that a user asks for."""

from __future__ import annotations

import logging
import pkgutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import luigi

from sip_luigi import tasks
from sip_luigi.domain.errors import DegradedOutcome, PoorQuality, QuorumLost, TransportError
from sip_luigi.domain.product import Manifest
from sip_luigi.report.index import SUMMARY
from sip_luigi.scheduling import use_steadfast_workers
from sip_luigi.settings import Settings, load_settings
from sip_luigi.settings.load import apply_luigi_defaults
from sip_luigi.tasks.base import Inputs, Stage, other
from sip_luigi.tasks.cycle import FromBestCycle
from sip_luigi.tasks.find_sources import CATALOGUE, GAUSSIANS, RMS_MAP, SOURCES_REMOVED
from sip_luigi.tasks.graph import walk
from sip_luigi.tasks.head_stage import HeadStage
from sip_luigi.tasks.imaging import CORRECTED, CUBE, IMAGE
from sip_luigi.tasks.nodes import HEAD
from sip_luigi.tasks.observation_index import rebuild_index
from sip_luigi.tasks.update_database import updates_database

apply_luigi_defaults()
use_steadfast_workers()
for module in pkgutil.iter_modules(tasks.__path__):
    # Luigi knows the stages by name once their modules are loaded; a new file is found by itself.
    import_module(f"{tasks.__name__}.{module.name}")

logger = logging.getLogger("sip_luigi")


def with_options(
    settings: Settings, cycles: int | None, calibrator_obs_id: str, *, strict: bool = False
) -> Settings:
    """The configuration, with the options of :class:`ImagingPipeline` over it."""
    pipeline, quality, calibration = settings.pipeline, settings.quality, settings.calibration
    if cycles is not None:
        pipeline = replace(pipeline, cycles=cycles)
    if calibrator_obs_id:
        calibration = replace(calibration, calibrator_obs_id=calibrator_obs_id)
    quality = replace(quality, strict=quality.strict or strict)
    return replace(settings, pipeline=pipeline, quality=quality, calibration=calibration)


def cleared_inputs(task: Stage) -> list[Stage]:
    """Inputs whose data a task needs, of which the manifest alone is left."""
    needed = [entry for role, entry in task.dependencies.items() if role not in task.measures_only]
    return [entry for entry in needed if entry.is_cleared()]


class ImagingPipeline(FromBestCycle, HeadStage):
    """From the raw MeasurementSets of an observation to image, catalogue, sky model and report.

    ``luigi --module sip_luigi ImagingPipeline --obs-id L102085`` ends with 0 when the results stand; see
    the documentation for the other exit statuses.
    """

    stage = "deliver"
    version = 3

    obs_id = luigi.Parameter(description="Observation id, for example L102085")
    # Insignificant: what follows from them is in the keys, wherever it was said.
    calibrator_obs_id = luigi.Parameter(
        default="",
        significant=False,
        description="Observation of a standard calibrator to transfer from; it wins over [calibration]",
    )
    cycles = luigi.OptionalIntParameter(
        default=None,
        significant=False,
        description="Most cycles of self-calibration; default: [pipeline] cycles",
    )
    strict = luigi.BoolParameter(
        significant=False,
        description="End with a non-zero exit status when the outcome is degraded or the verdict poor",
    )

    def read_settings(self) -> Settings:
        """The configuration, with what the command line says over it."""
        return with_options(load_settings(), self.cycles, self.calibrator_obs_id, strict=self.strict)

    def path(self) -> Path:
        """The quality figures: written last, they say that the results are complete."""
        return self.ctx.layout.quality

    def refuse_lost(self, inputs: Inputs) -> None:
        """Deliver the report even when there is nothing else."""

    def write(self, inputs: Inputs, part: Path) -> dict[str, Any]:
        """Deliver the results; those of an earlier run that have no successor are put aside."""
        layout = self.ctx.layout
        report = Path(self.dependencies["report"].product().path)
        wanted: dict[Path, tuple[str, str] | None] = {
            **{layout.results / name: (HEAD, str(report / name)) for name in ("report.html", SUMMARY)},
            **{layout.result(suffix): None for suffix in self.deliveries()},
        }
        for suffix, (result, name) in self.deliveries().items():
            role = self.best(result, inputs)
            if not inputs[role].loss and self._exists(name, inputs[role]):
                product = self.dependencies[role].product()
                origin = f"{product.path}/{name}" if name else product.path
                wanted[layout.result(suffix)] = (product.node, origin)
        for path, source in wanted.items():
            self._deliver(path, source)
        self.ctx.connections[HEAD].fetch(str(report / "quality.json"), part)
        manifest = inputs["report"].measures
        sizes = {path.name: path.stat().st_size for path, source in wanted.items() if source}
        return {"files": sizes, **{name: manifest[name] for name in ("outcome", "verdict", "reasons")}}

    def deliveries(self) -> dict[str, tuple[str, str]]:
        """What is delivered as ``<obs_id>.<suffix>``: the role it comes from and its name in the product."""
        return {
            "image.fits": ("image", IMAGE),
            "image.pbcor.fits": ("image", CORRECTED),
            "cube.fits": ("image", CUBE),
            "catalogue.fits": ("sources", CATALOGUE),
            "gaussians.fits": ("sources", GAUSSIANS),
            "rms.fits": ("sources", RMS_MAP),
            "residual.fits": ("sources", SOURCES_REMOVED),
            "skymodel": ("skymodel", ""),
        }

    def _exists(self, name: str, manifest: Manifest) -> bool:
        """Whether a product has a file: the cube is made on demand."""
        return name != CUBE or "spectral_cube" in manifest.measures

    def run(self) -> None:
        """Deliver, list the observation with the others, bring what was found to the database, then judge.

        An abandoned observation is a failure, a degraded one if strictness is set. A database that cannot be
        written is one too, but the results stand; the next run has only the database left to do.
        """
        super().run()
        manifest = self.current_manifest()
        if manifest:
            rebuild_index(self.ctx.settings)
            for task in self.afterwards():
                task.run()
            self.judge(manifest)

    def afterwards(self) -> list[Stage]:
        """What is done once the results are delivered, so that it cannot stand in their way."""
        return [other(self.ctx, "UpdateDatabase")] if updates_database(self.ctx.settings) else []

    def judge(self, manifest: Manifest) -> None:
        """Raise when the results do not stand."""
        outcome, report = manifest.measures["outcome"], self.ctx.layout.results / "report.html"
        if outcome == "abandoned":
            raise QuorumLost(
                f"{self.obs_id}: abandoned, no image could be made; the reasons are in {report}. "
                f"Try again what was lost: sip retry {self.obs_id} --lost"
            )
        strict = self.ctx.settings.quality.strict
        if outcome == "degraded":
            message = (
                f"{self.obs_id}: DEGRADED, not all subbands are in the image; the reasons are in {report}"
            )
            logger.warning(message)
            if strict:
                raise DegradedOutcome(f"{message}; [quality] strict = true refuses it")
        if manifest.measures["verdict"] == "poor":
            message = f"{self.obs_id}: POOR: {'; '.join(manifest.measures['reasons'])}. See {report}"
            logger.warning(message)
            if strict:
                raise PoorQuality(f"{message}; [quality] strict = true refuses it")

    def _is_complete(self) -> bool:
        # The root is asked first: only it knows that everything below has to be looked at, and with one
        # command per node.
        self._look_at_everything()
        if not super()._is_complete():
            return False
        manifest = self.output().manifest()
        if manifest is None or not all(task.complete() for task in self.afterwards()):
            return False
        return self._acceptable(manifest)

    def _look_at_everything(self) -> None:
        while True:
            self.ctx.forget()
            try:
                self.ctx.index.remember(task.product() for task in self.everything())
            except TransportError as error:
                if not self.ctx.give_up(error):
                    raise
            else:
                break
        self._want_back()

    def everything(self) -> list[Stage]:
        """Every task of the observation, and of its calibrator's."""
        return [*walk(self), *self.afterwards()]

    def _want_back(self) -> None:
        """Have what was cleared away made again where something that is still to be made needs it."""
        if not any(ctx.losses.cleared() for ctx in (self.ctx, self.ctx.calibrator) if ctx):
            return
        tasks = self.everything()
        while wanted := [
            needed for task in tasks if not self._is_done(task) for needed in cleared_inputs(task)
        ]:
            for task in wanted:
                task.ctx.losses.want_back([task.name])
            self.ctx.complete.clear()

    def _is_done(self, task: Stage) -> bool:
        # The root would look at everything again.
        return self.is_delivered() if task is self else task.complete()

    def is_delivered(self) -> bool:
        """Whether the results are there, by what was seen last, and whatever is thought of them."""
        return super()._is_complete()

    def complete(self) -> bool:
        """Look afresh at every product of the observation."""
        self.ctx.complete.pop(self.task_id, None)
        return super().complete()

    def is_intact(self, manifest: Manifest) -> bool:
        """Whether every result is still there."""
        files = manifest.measures["files"]
        folder = self.ctx.layout.results
        return all((folder / n).is_file() and (folder / n).stat().st_size == s for n, s in files.items())

    def _acceptable(self, manifest: Manifest) -> bool:
        outcome = manifest.measures["outcome"]
        if outcome == "degraded":
            logger.warning("%s: DEGRADED, not all subbands are in the image", self.obs_id)
        if self.ctx.settings.quality.strict:
            return bool(outcome == "full" and manifest.measures["verdict"] != "poor")
        return outcome in ("full", "degraded")

    def _deliver(self, path: Path, source: tuple[str, str] | None) -> None:
        if source is None:
            if path.exists():
                aside = path.parent / "superseded" / path.name
                aside.parent.mkdir(exist_ok=True)
                path.replace(aside)
            return
        node, origin = source
        self.ctx.connections[node].fetch(origin, path)
