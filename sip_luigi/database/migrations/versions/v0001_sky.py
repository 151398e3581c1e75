"""The sky: images, detections, sources and their versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sip_luigi.database.schema import new_database_id

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "database_info",
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_database_info")),
    )
    op.create_table(
        "detection",
        sa.Column(
            "detection_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=48), nullable=False),
        sa.Column("ra_rad", sa.Double(), nullable=False),
        sa.Column("dec_rad", sa.Double(), nullable=False),
        sa.Column("ra_error_rad", sa.Double(), nullable=False),
        sa.Column("dec_error_rad", sa.Double(), nullable=False),
        sa.Column("flux_jy", sa.Double(), nullable=False),
        sa.Column("flux_error_jy", sa.Double(), nullable=False),
        sa.Column("snr", sa.Double(), nullable=False),
        sa.Column("major_arcsec", sa.Double(), nullable=False),
        sa.Column("minor_arcsec", sa.Double(), nullable=False),
        sa.Column("orientation_deg", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("detection_id", name=op.f("pk_detection")),
    )
    op.create_index(op.f("ix_detection_image_id"), "detection", ["image_id"], unique=False)
    op.create_table(
        "link",
        sa.Column(
            "source_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "image_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "detection_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("de_ruiter_radius", sa.Double(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("limit_jy", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "image_id", "detection_id", name=op.f("pk_link")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_link_image_id", "link", ["image_id"], unique=False)
    op.create_table(
        "observation",
        sa.Column("obs_id", sa.String(length=64), nullable=False),
        sa.Column("ra_rad", sa.Double(), nullable=True),
        sa.Column("dec_rad", sa.Double(), nullable=True),
        sa.Column("duration_s", sa.Double(), nullable=True),
        sa.Column("start_freq_hz", sa.Double(), nullable=True),
        sa.Column("end_freq_hz", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("obs_id", name=op.f("pk_observation")),
    )
    op.create_table(
        "sky_source",
        sa.Column(
            "source_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("name", sa.String(length=48), nullable=False),
        sa.Column("first_version", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_sky_source")),
    )
    op.create_index(op.f("ix_sky_source_name"), "sky_source", ["name"], unique=False)
    op.create_table(
        "sky_version",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("made", sa.String(length=32), nullable=False),
        sa.Column("made_by", sa.String(length=200), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["parent"], ["sky_version.number"], name=op.f("fk_sky_version_parent")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_sky_version")),
        sa.UniqueConstraint("origin", name=op.f("uq_sky_version_origin")),
    )
    op.create_table(
        "source_state",
        sa.Column(
            "source_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("from_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("to_version", sa.Integer(), nullable=False),
        sa.Column("healpix", sa.BigInteger(), nullable=False),
        sa.Column("ra_rad", sa.Double(), nullable=False),
        sa.Column("dec_rad", sa.Double(), nullable=False),
        sa.Column("ra_error_rad", sa.Double(), nullable=False),
        sa.Column("dec_error_rad", sa.Double(), nullable=False),
        sa.Column("flux_jy", sa.Double(), nullable=False),
        sa.Column("flux_error_jy", sa.Double(), nullable=False),
        sa.Column("reference_freq_hz", sa.Double(), nullable=False),
        sa.Column("spectral_index", sa.Double(), nullable=False),
        sa.Column("spectral_term_2", sa.Double(), nullable=False),
        sa.Column("spectral_term_3", sa.Double(), nullable=False),
        sa.Column("spectral_term_4", sa.Double(), nullable=False),
        sa.Column("spectral_index_error", sa.Double(), nullable=False),
        sa.Column("major_arcsec", sa.Double(), nullable=False),
        sa.Column("minor_arcsec", sa.Double(), nullable=False),
        sa.Column("orientation_deg", sa.Double(), nullable=False),
        sa.Column("beam_arcsec", sa.Double(), nullable=False),
        sa.Column("n_points", sa.Integer(), nullable=False),
        sa.Column("variability_v", sa.Double(), nullable=False),
        sa.Column("variability_eta", sa.Double(), nullable=False),
        sa.Column("variable", sa.Boolean(), nullable=False),
        sa.Column("appeared", sa.Boolean(), nullable=False),
        sa.Column("vanished", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "from_version", name=op.f("pk_source_state")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_source_state_healpix"), "source_state", ["healpix"], unique=False)
    op.create_table(
        "image",
        sa.Column(
            "image_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("obs_id", sa.String(length=64), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("product_key", sa.String(length=64), nullable=False),
        sa.Column("freq_hz", sa.Double(), nullable=False),
        sa.Column("bandwidth_hz", sa.Double(), nullable=False),
        sa.Column("mjd", sa.Double(), nullable=False),
        sa.Column("beam_arcsec", sa.Double(), nullable=False),
        sa.Column("beam_minor_arcsec", sa.Double(), nullable=False),
        sa.Column("beam_pa_deg", sa.Double(), nullable=False),
        sa.Column("ra_rad", sa.Double(), nullable=False),
        sa.Column("dec_rad", sa.Double(), nullable=False),
        sa.Column("radius_rad", sa.Double(), nullable=False),
        sa.Column("rms_jy", sa.Double(), nullable=False),
        sa.Column("primary_beam_rad", sa.Double(), nullable=False),
        sa.Column("threshold_sigma", sa.Double(), nullable=False),
        sa.Column("flux_scale_error", sa.Double(), nullable=False),
        sa.Column("astrometric_error_rad", sa.Double(), nullable=False),
        sa.Column("monitors", sa.Boolean(), nullable=False),
        sa.Column("n_detections", sa.Integer(), nullable=False),
        sa.Column("quality", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["obs_id"], ["observation.obs_id"], name=op.f("fk_image_obs_id")),
        sa.ForeignKeyConstraint(["version"], ["sky_version.number"], name=op.f("fk_image_version")),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_image")),
    )
    op.create_index(op.f("ix_image_obs_id"), "image", ["obs_id"], unique=False)
    op.create_index(op.f("ix_image_version"), "image", ["version"], unique=False)
    info = sa.table("database_info", sa.column("name"), sa.column("value"))
    op.bulk_insert(info, [{"name": "id", "value": new_database_id()}])


def downgrade() -> None:
    """Remove them, with all that is in them."""
    op.drop_index(op.f("ix_image_version"), table_name="image")
    op.drop_index(op.f("ix_image_obs_id"), table_name="image")
    op.drop_table("image")
    op.drop_index(op.f("ix_source_state_healpix"), table_name="source_state")
    op.drop_table("source_state")
    op.drop_table("sky_version")
    op.drop_index(op.f("ix_sky_source_name"), table_name="sky_source")
    op.drop_table("sky_source")
    op.drop_table("observation")
    op.drop_index("ix_link_image_id", table_name="link")
    op.drop_table("link")
    op.drop_index(op.f("ix_detection_image_id"), table_name="detection")
    op.drop_table("detection")
    op.drop_table("database_info")
