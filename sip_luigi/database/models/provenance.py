"""What was done: runs, and the products, losses and figures that came of them."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sip_luigi.database.models.base import Base, Json, Number, Real, Short


class Run(Base):
    """One call of the main command for one observation."""

    __tablename__ = "run"

    run_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    obs_id: Mapped[str] = mapped_column(String(64), index=True)
    task: Mapped[Short]
    host: Mapped[Short]
    pid: Mapped[int]
    process_start: Mapped[Short]
    """With host and pid it tells whether the run still goes on."""
    username: Mapped[Short]
    command: Mapped[Json]
    software: Mapped[Json]
    """Versions by name."""
    settings: Mapped[Json]
    started: Mapped[str] = mapped_column(String(32))
    ended: Mapped[str | None] = mapped_column(String(32))
    outcome: Mapped[str] = mapped_column(String(20))


class Subband(Base):
    """A subband of an observation: where its raw data lie, where it was processed, what became of it."""

    __tablename__ = "subband"

    obs_id: Mapped[str] = mapped_column(ForeignKey("observation.obs_id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    raw_node: Mapped[Short]
    raw_path: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[Number]
    compute_node: Mapped[Short]


class Product(Base):
    """A product as its manifest describes it, with what its key was made of."""

    __tablename__ = "product"
    __table_args__ = (
        UniqueConstraint("obs_id", "name", "fingerprint", "made", "node"),
        Index("ix_product_run_id", "run_id"),
    )

    product_id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str | None] = mapped_column(ForeignKey("run.run_id"))
    obs_id: Mapped[str] = mapped_column(ForeignKey("observation.obs_id"))
    name: Mapped[Short]
    stage: Mapped[Short]
    subband: Mapped[str] = mapped_column(String(64))
    cycle: Mapped[int | None]
    stage_version: Mapped[int]
    key: Mapped[str] = mapped_column(String(64), index=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    node: Mapped[Short]
    path: Mapped[str] = mapped_column(Text)
    host: Mapped[Short]
    made: Mapped[str] = mapped_column(String(32))
    elapsed_s: Mapped[Real]
    n_files: Mapped[Number]
    size_bytes: Mapped[Number]
    resources: Mapped[Json]
    commands: Mapped[Json]
    measures: Mapped[Json]
    settings: Mapped[Json]
    inputs: Mapped[Json]
    """Keys of the inputs by role."""
    input_fingerprints: Mapped[Json]
    why: Mapped[str] = mapped_column(Text)
    """Why it was made, or made again."""


class Loss(Base):
    """A product that could not be had."""

    __tablename__ = "loss"

    obs_id: Mapped[str] = mapped_column(ForeignKey("observation.obs_id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    run_id: Mapped[str | None] = mapped_column(ForeignKey("run.run_id"), index=True)
    stage: Mapped[Short]
    reason: Mapped[str] = mapped_column(Text)


class QualityFigure(Base):
    """One figure of ``quality.json``."""

    __tablename__ = "quality_figure"

    obs_id: Mapped[str] = mapped_column(ForeignKey("observation.obs_id"), primary_key=True)
    product_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[Json]
