"""The catalogue of an image against the calibration model, and against a reference catalogue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sip_luigi.domain.catalogue import Detection, Floats
from sip_luigi.domain.expectation import Comparison, Pairs, compare, merge_near, pair_up
from sip_luigi.domain.quality import Positions
from sip_luigi.domain.skymodel_text import parse_skymodel
from sip_luigi.fits import Image, positions, read_reference
from sip_luigi.settings.sections import Quality

MATCH_RADIUS_BEAMS = 1.0


_NONE = Pairs(*(np.zeros(0) for _ in Pairs._fields))


@dataclass(frozen=True)
class Compared:
    """A catalogue against one list of sources: the figures, and the sources that were found."""

    figures: Comparison = field(default_factory=Comparison)
    pairs: Pairs = _NONE


@dataclass(frozen=True)
class Sky:
    """What was found, and how faint a source can be found where.

    Attributes
    ----------
    detections : sequence of Detection
        The catalogue.
    image : Image
        The image with flat noise.
    beam : Image or None
        Its primary beam; None where it is not known, and fluxes are apparent ones.
    noise_jy : float
        Noise that the data allow, Jy/beam: in an image that failed its own noise hides what is missing.
    cutoff : float
        Where the primary beam is lower there is no corrected image.
    """

    detections: Sequence[Detection]
    image: Image
    beam: Image | None
    noise_jy: float
    cutoff: float

    @property
    def radius_rad(self) -> float:
        """Distance at which a detection still belongs to a source."""
        return math.radians(MATCH_RADIUS_BEAMS * self.image.beam[0] / 3600.0)

    def response(self, sources: Positions) -> Floats:
        """Primary beam at sources, 0 where the corrected image has no pixel; shape (n,)."""
        response = (self.beam or self.image).at(sources.ra_rad, sources.dec_rad)
        if self.beam is None:
            return np.isfinite(response).astype(float)
        return np.where(response >= self.cutoff, response, 0.0)

    def compare(self, sources: Positions, min_snr: float) -> Compared:
        """Hold the catalogue against those of the sources that are bright enough to be in it."""
        sources = merge_near(sources, self.radius_rad)
        bright = sources.flux_jy * self.response(sources) > min_snr * self.noise_jy
        expected = Positions(sources.ra_rad[bright], sources.dec_rad[bright], sources.flux_jy[bright])
        pairs = pair_up(positions(list(self.detections)), expected, self.radius_rad)
        return Compared(compare(pairs, expected), pairs)


@dataclass(frozen=True)
class Comparisons:
    """A catalogue against the reference catalogue and the calibration model, as far as there are any."""

    reference: Compared = field(default_factory=Compared)
    model: Compared = field(default_factory=Compared)

    @property
    def pairs(self) -> dict[str, Pairs]:
        """Sources that were found, by what they were compared with."""
        both = {"reference catalogue": self.reference.pairs, "calibration model": self.model.pairs}
        return {name: pairs for name, pairs in both.items() if len(pairs.flux_jy)}


def comparisons(sky: Sky | None, settings: Quality, model: Path | None) -> Comparisons:
    """Compare with both.

    Parameters
    ----------
    sky : Sky or None
        None without an image or a catalogue.
    settings : Quality
        Which reference catalogue, and how bright sources must be.
    model : Path or None
        The sky model of the first cycle: later ones come from the image itself.
    """
    reference = known = Compared()
    if sky and settings.reference_catalogue:
        catalogue = read_reference(Path(settings.reference_catalogue), settings.reference_flux_column)
        reference = sky.compare(catalogue, settings.min_reference_snr)
    if sky and model:
        known = sky.compare(model_positions(model, sky.image.frequency_hz), settings.min_reference_snr)
    return Comparisons(reference, known)


def comparison_figures(found: Comparisons, beam_arcsec: float) -> dict[str, Any]:
    """Figures against both; None for what could not be compared. Offsets are counted in beams, too."""
    reference, known = found.reference.figures, found.model.figures
    return {
        "n_compared": reference.n_found,
        "flux_ratio_median": reference.flux_ratio_median,
        "flux_ratio_scatter": reference.flux_ratio_scatter,
        "astrometric_offset_arcsec": reference.offset_arcsec,
        "astrometric_offset_beams": _over(reference.offset_arcsec, beam_arcsec),
        "reference_n_expected": reference.n_expected,
        "reference_found_fraction": reference.found_fraction,
        "model_n_expected": known.n_expected,
        "model_found_fraction": known.found_fraction,
        "model_flux_recovered": known.flux_recovered,
        "model_flux_ratio_median": known.flux_ratio_median,
        "model_flux_ratio_scatter": known.flux_ratio_scatter,
        "model_offset_beams": _over(known.offset_arcsec, beam_arcsec),
    }


def model_positions(path: Path, freq_hz: float) -> Positions:
    """Sources of a sky model at a frequency; components that are not positive are left out."""
    model = parse_skymodel(path.read_text(encoding="utf-8"), path)
    found = [(s.ra_rad, s.dec_rad, flux) for s in model.sources if (flux := s.flux_at(freq_hz)) > 0]
    ra, dec, flux_jy = np.array(found, dtype=float).reshape(-1, 3).T
    return Positions(ra, dec, flux_jy)


def _over(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit
