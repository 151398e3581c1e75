"""The sky model of the next cycle: known sources corrected, new ones added, the rest kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sip_luigi.domain.catalogue import Detection, nearest, unit_vectors
from sip_luigi.domain.skymodel import SkyModel, Source


@dataclass(frozen=True)
class Update:
    """A sky model after detections were taken in.

    Attributes
    ----------
    model : SkyModel
        The new model.
    matched : tuple of str
        Names of the model's components that a detection corrected.
    added : tuple of str
        Names of sources that the model did not know.
    undetected : tuple of str
        Names of components without a detection, kept as they were.
    """

    model: SkyModel
    matched: tuple[str, ...]
    added: tuple[str, ...]
    undetected: tuple[str, ...]


def update_sky_model(
    model: SkyModel,
    detections: Sequence[Detection],
    freq_hz: float,
    radius_rad: float,
    default_spectral_index: float,
) -> Update:
    """Bring a sky model up to what was detected.

    Each component belongs to the nearest detection within the radius. The components of one detection are
    scaled together, so that their sum at the frequency of the image is what was measured while structure
    finer than the beam and spectra stay; a component that is alone also takes the measured position.

    Parameters
    ----------
    model : SkyModel
        The model that calibrated the image.
    detections : sequence of Detection
        The catalogue of the image.
    freq_hz : float
        Frequency of the image.
    radius_rad : float
        Largest distance between a detection and a component of it.
    default_spectral_index : float
        For sources that the model did not know.
    """
    index, _ = nearest(
        unit_vectors([s.ra_rad for s in model.sources], [s.dec_rad for s in model.sources]),
        unit_vectors([d.ra_rad for d in detections], [d.dec_rad for d in detections]),
        radius_rad,
    )
    members: dict[int, list[Source]] = {}
    for source, detection in zip(model.sources, index, strict=True):
        members.setdefault(int(detection), []).append(source)
    undetected = members.pop(-1, [])
    corrected = {
        source.name: source
        for number, components in members.items()
        for source in _corrected(components, detections[number], freq_hz)
    }
    taken = {source.name for source in model.sources}
    added = [
        new_source(detection, freq_hz, default_spectral_index, taken)
        for number, detection in enumerate(detections)
        if number not in members and detection.flux_jy > 0
    ]
    kept = tuple(corrected.get(source.name, source) for source in model.sources)
    return Update(
        model=replace(model, sources=kept + tuple(added)),
        matched=tuple(corrected),
        added=tuple(source.name for source in added),
        undetected=tuple(source.name for source in undetected),
    )


def _corrected(components: list[Source], detection: Detection, freq_hz: float) -> list[Source]:
    total = sum(source.flux_at(freq_hz) for source in components)
    if total <= 0 or detection.flux_jy <= 0:
        return components
    scaled = [replace(s, flux_jy=s.flux_jy * detection.flux_jy / total) for s in components]
    if len(scaled) == 1:
        return [replace(scaled[0], ra_rad=detection.ra_rad, dec_rad=detection.dec_rad)]
    return scaled


def new_source(detection: Detection, freq_hz: float, spectral_index: float, taken: set[str]) -> Source:
    """A component for a source that the model did not know; its name is made unique."""
    name = position_name(detection.ra_rad, detection.dec_rad)
    while name in taken:
        name += "a"
    taken.add(name)
    return Source(
        name=name,
        ra_rad=detection.ra_rad,
        dec_rad=detection.dec_rad,
        flux_jy=detection.flux_jy,
        reference_freq_hz=freq_hz,
        spectral_index=(
            spectral_index if math.isnan(detection.spectral_index) else detection.spectral_index,
        ),
        major_arcsec=detection.major_arcsec,
        minor_arcsec=detection.minor_arcsec,
        orientation_deg=detection.orientation_deg,
    )


def position_name(ra_rad: float, dec_rad: float) -> str:
    """IAU-style name from a J2000 position, truncated as the IAU asks: ``J141120.6+521209``."""
    tenths = int(math.degrees(ra_rad) % 360.0 / 15.0 * 36000)
    seconds = int(abs(math.degrees(dec_rad)) * 3600)
    ra = f"{tenths // 36000:02d}{tenths // 600 % 60:02d}{tenths // 10 % 60:02d}.{tenths % 10}"
    dec = f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"
    return f"J{ra}{'-' if dec_rad < 0 else '+'}{dec}"
