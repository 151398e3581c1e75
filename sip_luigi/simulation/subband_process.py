"""Makes the MeasurementSets of some subbands, in a process of its own.

Run as::

    python -m sip_luigi.simulation.subband_process <work directory> <subband> …

The work directory holds ``job.json`` (the options, and the path of each subband's MeasurementSet),
``uvw.npz`` and, with beams, ``beam.npz`` and ``beam-ateam.npz``. Everything else follows from the seed. Prints
``<subband> <slots done>``.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sip_luigi.simulation.beam import BeamGrid
from sip_luigi.simulation.field import draw_ateam, draw_sky
from sip_luigi.simulation.instrument import Instrument, draw_instrument
from sip_luigi.simulation.measurementset import write_measurement_set
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.signal import SkyPart
from sip_luigi.simulation.subband import subband_blocks
from sip_luigi.simulation.subtables import Content

BEAM_FILES = ("beam.npz", "beam-ateam.npz")


@dataclass(frozen=True)
class Job:
    """What all subbands of an observation have in common, and where they go."""

    options: SimulationOptions
    paths: dict[int, Path]
    uvw_m: npt.NDArray[np.float64]
    parts: tuple[SkyPart, ...]

    def save(self, directory: Path) -> None:
        """Write it for other processes."""
        paths = {str(number): str(path) for number, path in self.paths.items()}
        text = json.dumps({"options": self.options.as_dict(), "paths": paths})
        (directory / "job.json").write_text(text, encoding="utf-8")
        np.savez(directory / "uvw.npz", uvw_m=self.uvw_m)
        for part, name in zip(self.parts, BEAM_FILES, strict=True):
            if part.beam is not None:
                part.beam.save(directory / name)

    @classmethod
    def load(cls, directory: Path) -> Job:
        """Read what `save` wrote."""
        values = json.loads((directory / "job.json").read_text(encoding="utf-8"))
        options = SimulationOptions.from_dict(values["options"])
        with np.load(directory / "uvw.npz") as stored:
            uvw_m = stored["uvw_m"]
        files = (directory / name for name in BEAM_FILES)
        beams = [BeamGrid.load(path) if path.exists() else None for path in files]
        paths = {int(number): Path(path) for number, path in values["paths"].items()}
        return cls(options, paths, uvw_m, sky_parts(options, *beams))


def sky_parts(
    options: SimulationOptions, beam: BeamGrid | None, far_beam: BeamGrid | None
) -> tuple[SkyPart, ...]:
    """Give the field and the A-team, with the beams towards them."""
    return (
        SkyPart(draw_sky(options), beam),
        SkyPart(draw_ateam(options), far_beam, smeared=options.ateam_smearing),
    )


def make_subband(job: Job, subband: int, instrument: Instrument, done: Callable[[int], None]) -> None:
    """Write the MeasurementSet of one subband under a preliminary name, and rename it when it is whole."""
    path = job.paths[subband]
    part = path.with_name(f".part-{path.name}")
    shutil.rmtree(part, ignore_errors=True)
    content = Content(job.options, instrument.stations, subband, path.name)
    blocks = subband_blocks(job.options, subband, instrument, job.uvw_m, job.parts)
    write_measurement_set(part, content, job.uvw_m, blocks, done)
    part.rename(path)


def main(arguments: Sequence[str]) -> int:
    """Make the subbands that are asked for."""
    job = Job.load(Path(arguments[0]))
    instrument = draw_instrument(job.options)
    for subband in map(int, arguments[1:]):

        def report(slots: int, subband: int = subband) -> None:
            sys.stdout.write(f"{subband} {slots}\n")
            sys.stdout.flush()

        make_subband(job, subband, instrument, report)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
