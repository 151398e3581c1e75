"""Bring surveys and sky models to the database."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sip_luigi.database.batch import Batch, ImageInfo, Rules
from sip_luigi.database.engine import Database
from sip_luigi.database.take_in import take_in
from sip_luigi.database.versions import IMPORT, Taken
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.keys import digest
from sip_luigi.surveys.mappings import Survey
from sip_luigi.surveys.read import Catalogue, read_catalogue, read_model

CHUNK = 1 << 20


@dataclass(frozen=True)
class ModelErrors:
    """What a text model does not say of itself.

    Attributes
    ----------
    position_arcsec, flux : float
        Errors of positions, and of fluxes relative to them.
    beam_arcsec : float
        Resolution of what it was made from.
    """

    position_arcsec: float = 1.0
    flux: float = 0.1
    beam_arcsec: float = 25.0


def import_survey(database: Database, path: Path, survey: Survey, rules: Rules) -> tuple[Taken, int]:
    """Import a catalogue, once; what became of it, and how many rows were left out."""
    read = read_catalogue(path, survey)
    info = ImageInfo(
        name=survey.name,
        kind="survey",
        freq_hz=survey.freq_hz,
        mjd=survey.mjd,
        beam_arcsec=survey.beam_arcsec,
        flux_scale_error=survey.flux_scale_error,
        astrometric_error_rad=math.radians(survey.position_error_arcsec / 3600.0),
    )
    return _import(database, path, read, info, rules)


def import_model(
    database: Database, path: Path, errors: ModelErrors, rules: Rules, freq_hz: float | None = None
) -> tuple[Taken, int]:
    """Import a LOFAR text model, once; what became of it, and how many sources were left out."""
    read = read_model(path, errors.position_arcsec, errors.flux)
    reference = read.freq_hz or freq_hz
    if not reference:
        raise ConfigurationError(f"{path}: no reference frequency in it; give one with --frequency")
    info = ImageInfo(
        name=path.name[:200],
        kind="model",
        freq_hz=reference,
        mjd=0.0,
        beam_arcsec=errors.beam_arcsec,
        flux_scale_error=0.0,
        astrometric_error_rad=0.0,
    )
    return _import(database, path, read, info, rules)


def _import(
    database: Database, path: Path, read: Catalogue, info: ImageInfo, rules: Rules
) -> tuple[Taken, int]:
    said: dict[str, Any] = {"kind": info.kind, "freq_hz": info.freq_hz, "beam_arcsec": info.beam_arcsec}
    origin = f"{IMPORT}:{digest({'file': file_hash(path), **said})}"
    batch = Batch(IMPORT, origin, info, read.rows, read.spectra)
    return take_in(database, batch, rules), read.n_left_out


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    content = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            content.update(chunk)
    return content.hexdigest()
