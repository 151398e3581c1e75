"""What was done: runs, subbands, products, losses, quality figures; and what calibrated an image."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "run",
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("obs_id", sa.String(length=64), nullable=False),
        sa.Column("task", sa.String(length=200), nullable=False),
        sa.Column("host", sa.String(length=200), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_start", sa.String(length=200), nullable=False),
        sa.Column("username", sa.String(length=200), nullable=False),
        sa.Column("command", sa.JSON(), nullable=False),
        sa.Column("software", sa.JSON(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("started", sa.String(length=32), nullable=False),
        sa.Column("ended", sa.String(length=32), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_run")),
    )
    op.create_index(op.f("ix_run_obs_id"), "run", ["obs_id"], unique=False)
    op.create_table(
        "loss",
        sa.Column("obs_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=True),
        sa.Column("stage", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["obs_id"], ["observation.obs_id"], name=op.f("fk_loss_obs_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_loss_run_id")),
        sa.PrimaryKeyConstraint("obs_id", "name", "key", name=op.f("pk_loss")),
    )
    op.create_index(op.f("ix_loss_run_id"), "loss", ["run_id"], unique=False)
    op.create_table(
        "product",
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=True),
        sa.Column("obs_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("stage", sa.String(length=200), nullable=False),
        sa.Column("subband", sa.String(length=64), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=True),
        sa.Column("stage_version", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=200), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("host", sa.String(length=200), nullable=False),
        sa.Column("made", sa.String(length=32), nullable=False),
        sa.Column("elapsed_s", sa.Double(), nullable=False),
        sa.Column("n_files", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("resources", sa.JSON(), nullable=False),
        sa.Column("commands", sa.JSON(), nullable=False),
        sa.Column("measures", sa.JSON(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.Column("input_fingerprints", sa.JSON(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["obs_id"], ["observation.obs_id"], name=op.f("fk_product_obs_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_product_run_id")),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_product")),
        sa.UniqueConstraint(
            "obs_id",
            "name",
            "fingerprint",
            "made",
            "node",
            name=op.f("uq_product_obs_id_name_fingerprint_made_node"),
        ),
    )
    op.create_index(op.f("ix_product_key"), "product", ["key"], unique=False)
    op.create_index("ix_product_run_id", "product", ["run_id"], unique=False)
    op.create_table(
        "quality_figure",
        sa.Column("obs_id", sa.String(length=64), nullable=False),
        sa.Column("product_key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["obs_id"], ["observation.obs_id"], name=op.f("fk_quality_figure_obs_id")),
        sa.PrimaryKeyConstraint("obs_id", "product_key", "name", name=op.f("pk_quality_figure")),
    )
    op.create_table(
        "subband",
        sa.Column("obs_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("raw_node", sa.String(length=200), nullable=False),
        sa.Column("raw_path", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("compute_node", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["obs_id"], ["observation.obs_id"], name=op.f("fk_subband_obs_id")),
        sa.PrimaryKeyConstraint("obs_id", "name", name=op.f("pk_subband")),
    )
    # With provenance comes the knowledge of what calibrated an image.
    with op.batch_alter_table("image") as batch:
        batch.add_column(sa.Column("calibrated_by", sa.Integer(), nullable=True))
        batch.create_foreign_key(op.f("fk_image_calibrated_by"), "sky_version", ["calibrated_by"], ["number"])


def downgrade() -> None:
    """Remove them, with all that is in them."""
    with op.batch_alter_table("image") as batch:
        batch.drop_constraint(op.f("fk_image_calibrated_by"), type_="foreignkey")
        batch.drop_column("calibrated_by")
    op.drop_table("subband")
    op.drop_table("quality_figure")
    op.drop_index("ix_product_run_id", table_name="product")
    op.drop_index(op.f("ix_product_key"), table_name="product")
    op.drop_table("product")
    op.drop_index(op.f("ix_loss_run_id"), table_name="loss")
    op.drop_table("loss")
    op.drop_index(op.f("ix_run_obs_id"), table_name="run")
    op.drop_table("run")
