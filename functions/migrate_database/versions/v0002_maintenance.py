"""Maintenance."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Maintenance."""
    op.create_table(
        "recommendations",
        sa.Column("recommendation_id", sa.Text(), nullable=False),
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("urgency", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("horizon_hours", sa.Double(), nullable=False),
        sa.Column("cost_of_waiting_cents", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("recommendation_id"),
    )
    op.create_index(
        "recommendations_closed",
        "recommendations",
        ["property_id", "closed_at", "recommendation_id"],
        unique=False,
    )
    op.create_index(
        "recommendations_open",
        "recommendations",
        ["property_id", "asset_id", "part"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "recommendation_entries",
        sa.Column("recommendation_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("urgency", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=True),
        sa.Column("request_digest", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["recommendation_id"],
            ["recommendations.recommendation_id"],
        ),
        sa.PrimaryKeyConstraint("recommendation_id", "number"),
    )
    op.create_index(
        "recommendation_entries_requests",
        "recommendation_entries",
        ["property_id", "by", "request_key"],
        unique=True,
        postgresql_where=sa.text("request_key IS NOT NULL"),
    )
    op.create_table(
        "recommendation_notices",
        sa.Column("recommendation_id", sa.Text(), nullable=False),
        sa.Column("urgency", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["recommendation_id"],
            ["recommendations.recommendation_id"],
        ),
        sa.PrimaryKeyConstraint("recommendation_id", "urgency"),
    )
    op.create_index(
        "recommendation_notices_unsent",
        "recommendation_notices",
        ["at"],
        unique=False,
        postgresql_where=sa.text("sent_at IS NULL"),
    )


def downgrade() -> None:
    """Undo it."""
    op.drop_index(
        "recommendation_notices_unsent",
        table_name="recommendation_notices",
        postgresql_where=sa.text("sent_at IS NULL"),
    )
    op.drop_table("recommendation_notices")
    op.drop_index(
        "recommendation_entries_requests",
        table_name="recommendation_entries",
        postgresql_where=sa.text("request_key IS NOT NULL"),
    )
    op.drop_table("recommendation_entries")
    op.drop_index(
        "recommendations_open",
        table_name="recommendations",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_index("recommendations_closed", table_name="recommendations")
    op.drop_table("recommendations")
