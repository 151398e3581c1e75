"""The sky: images and surveys, what they show, and the sources that follow from it, version by version.

Rows of detections, links and states come and go by the million. They are written in one transaction by one function
(:mod:`sip_luigi.database.take_in`) and refer to each other without foreign keys, which would be looked up row by row.
"""

from __future__ import annotations

from typing import Annotated

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from sip_luigi.database.models.base import Base, Json, Number, Real, Short

OPEN = 2**31 - 1
"""``to_version`` of a state that still holds."""

# To SQLite an INTEGER is as large, and as the primary key it is the row's own number.
_BIG = BigInteger().with_variant(Integer, "sqlite")
BlockId = Annotated[int, mapped_column(_BIG, primary_key=True, autoincrement=False)]
_BY_KEY = {"sqlite_with_rowid": False}
"""Rows lie in the order of their key."""


class DatabaseInfo(Base):
    """What is to be known of the database itself: its ``id``."""

    __tablename__ = "database_info"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    value: Mapped[Short]


class Observation(Base):
    """An observation."""

    __tablename__ = "observation"

    obs_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    ra_rad: Mapped[Real | None]
    dec_rad: Mapped[Real | None]
    duration_s: Mapped[Real | None]
    start_freq_hz: Mapped[Real | None]
    end_freq_hz: Mapped[Real | None]


class SkyVersion(Base):
    """A version of the sky model, or the refusal of one.

    ``origin`` is the fingerprint of what it was made from: the same thing makes no second one.
    """

    __tablename__ = "sky_version"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    parent: Mapped[int | None] = mapped_column(ForeignKey("sky_version.number"))
    action: Mapped[str] = mapped_column(String(20))
    origin: Mapped[Short] = mapped_column(unique=True)
    made: Mapped[str] = mapped_column(String(32))
    made_by: Mapped[Short]
    accepted: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    summary: Mapped[Json]


class Image(Base):
    """An image of the pipeline, a survey or a sky model: where detections come from."""

    __tablename__ = "image"

    image_id: Mapped[BlockId]
    version: Mapped[int] = mapped_column(ForeignKey("sky_version.number"), index=True)
    """The version that it made, or was refused."""
    calibrated_by: Mapped[int | None] = mapped_column(ForeignKey("sky_version.number"))
    """The version that calibrated it."""
    obs_id: Mapped[str | None] = mapped_column(ForeignKey("observation.obs_id"), index=True)
    name: Mapped[Short]
    kind: Mapped[str] = mapped_column(String(20))
    product_key: Mapped[str] = mapped_column(String(64))
    freq_hz: Mapped[Real]
    bandwidth_hz: Mapped[Real]
    mjd: Mapped[Real]
    beam_arcsec: Mapped[Real]
    beam_minor_arcsec: Mapped[Real]
    beam_pa_deg: Mapped[Real]
    ra_rad: Mapped[Real]
    dec_rad: Mapped[Real]
    radius_rad: Mapped[Real]
    """0: its field is not known, and nothing is said of what it does not show."""
    rms_jy: Mapped[Real]
    primary_beam_rad: Mapped[Real]
    threshold_sigma: Mapped[Real]
    flux_scale_error: Mapped[Real]
    astrometric_error_rad: Mapped[Real]
    monitors: Mapped[bool]
    n_detections: Mapped[int]
    quality: Mapped[Json]


class Detection(Base):
    """A source in an image, or a row of a catalogue, as it was given."""

    __tablename__ = "detection"

    detection_id: Mapped[BlockId]
    image_id: Mapped[Number] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(String(48))
    ra_rad: Mapped[Real]
    dec_rad: Mapped[Real]
    ra_error_rad: Mapped[Real]
    dec_error_rad: Mapped[Real]
    flux_jy: Mapped[Real]
    flux_error_jy: Mapped[Real]
    snr: Mapped[Real]
    major_arcsec: Mapped[Real]
    minor_arcsec: Mapped[Real]
    orientation_deg: Mapped[Real]


class SkySource(Base):
    """The identity of a source, for ever."""

    __tablename__ = "sky_source"

    source_id: Mapped[BlockId]
    name: Mapped[str] = mapped_column(String(48), index=True)
    first_version: Mapped[int]
    parent_id: Mapped[Number]
    """The less sharp source that it is a part of; 0: none."""


class Link(Base):
    """What an image says of a source: a detection, a share of one, or a limit (then ``detection_id`` is 0)."""

    __tablename__ = "link"
    __table_args__ = (Index("ix_link_image_id", "image_id"), _BY_KEY)

    source_id: Mapped[BlockId]
    image_id: Mapped[BlockId]
    detection_id: Mapped[BlockId]
    kind: Mapped[int] = mapped_column(SmallInteger)
    de_ruiter_radius: Mapped[Real]
    share: Mapped[Real]
    limit_jy: Mapped[Real]


class SourceState(Base):
    """What is known of a source from one version on, until another."""

    __tablename__ = "source_state"
    __table_args__ = _BY_KEY

    source_id: Mapped[BlockId]
    from_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    to_version: Mapped[int]
    healpix: Mapped[Number] = mapped_column(index=True)
    ra_rad: Mapped[Real]
    dec_rad: Mapped[Real]
    ra_error_rad: Mapped[Real]
    dec_error_rad: Mapped[Real]
    flux_jy: Mapped[Real]
    flux_error_jy: Mapped[Real]
    reference_freq_hz: Mapped[Real]
    spectral_index: Mapped[Real]
    spectral_term_2: Mapped[Real]
    spectral_term_3: Mapped[Real]
    spectral_term_4: Mapped[Real]
    spectral_index_error: Mapped[Real]
    major_arcsec: Mapped[Real]
    minor_arcsec: Mapped[Real]
    orientation_deg: Mapped[Real]
    beam_arcsec: Mapped[Real]
    n_points: Mapped[int]
    variability_v: Mapped[Real]
    variability_eta: Mapped[Real]
    variable: Mapped[bool]
    appeared: Mapped[bool]
    vanished: Mapped[bool]
