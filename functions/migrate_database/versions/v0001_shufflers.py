"""Shufflers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Shufflers."""
    op.create_table(
        "fault_days",
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("gaming_day", sa.Date(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("raised", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("down_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("property_id", "asset_id", "gaming_day", "code", "part"),
    )
    op.create_table(
        "shuffler_days",
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("gaming_day", sa.Date(), nullable=False),
        sa.Column("events", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("unrecognised", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cycles", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cycle_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cards", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("card_retries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cycle_motor_ma", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "cycle_motor_peak_ma", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "cycle_temperature_dc", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "cycle_recognition_bp", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("rounds", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("dealing_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reports", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("operating_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("energy_j", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("report_motor_ma", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "report_temperature_dc", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "report_vibration_um_s", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "report_roller_slip_bp", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "report_gripper_offset_um", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "report_elevator_offset_um",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
        ),
        sa.Column(
            "report_recognition_bp", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("report_supply_mv", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("jams", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("jams_recovered", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("jam_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("misreads", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("miscounts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("faults", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("down_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("maintenances", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("door_openings", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("door_open_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("connections", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("link_losses", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("link_down_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lost_events", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("firmware_changes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("property_id", "asset_id", "gaming_day"),
    )
    op.create_table(
        "shuffler_events",
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("property_id", "asset_id", "sequence", "occurred_at"),
        postgresql_partition_by="RANGE (occurred_at)",
    )
    op.create_index(
        "shuffler_events_happenings",
        "shuffler_events",
        ["property_id", "asset_id", "occurred_at"],
        unique=False,
        postgresql_where=sa.text(
            "event_type IN ('fault.raised', 'fault.cleared', 'maintenance.performed')"
        ),
    )
    op.create_table(
        "shuffler_faults",
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("is_failure", sa.Boolean(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=True),
        sa.Column("raised_sequence", sa.BigInteger(), nullable=True),
        sa.Column("cleared_at", sa.BigInteger(), nullable=True),
        sa.Column("cleared_sequence", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("property_id", "asset_id", "code", "part", "is_failure"),
    )
    op.create_table(
        "shuffler_hours",
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("events", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("unrecognised", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cycles", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cycle_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cards", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("card_retries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cycle_motor_ma", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "cycle_motor_peak_ma", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "cycle_temperature_dc", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "cycle_recognition_bp", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("rounds", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("dealing_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reports", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("operating_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("energy_j", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("report_motor_ma", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "report_temperature_dc", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "report_vibration_um_s", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "report_roller_slip_bp", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "report_gripper_offset_um", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "report_elevator_offset_um",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
        ),
        sa.Column(
            "report_recognition_bp", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("report_supply_mv", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("jams", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("jams_recovered", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("jam_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("misreads", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("miscounts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("faults", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("down_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("maintenances", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("door_openings", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("door_open_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("connections", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("link_losses", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("link_down_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lost_events", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("firmware_changes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("property_id", "asset_id", "hour"),
    )
    op.create_table(
        "shufflers",
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("status_at", sa.BigInteger(), nullable=True),
        sa.Column("status_occurred_at", sa.BigInteger(), nullable=True),
        sa.Column("status_sequence", sa.BigInteger(), nullable=True),
        sa.Column("is_online", sa.Boolean(), nullable=True),
        sa.Column("firmware_at", sa.BigInteger(), nullable=True),
        sa.Column("firmware_sequence", sa.BigInteger(), nullable=True),
        sa.Column("firmware", sa.Text(), nullable=True),
        sa.Column("shuffled_at", sa.BigInteger(), nullable=True),
        sa.Column("shuffled_sequence", sa.BigInteger(), nullable=True),
        sa.Column("table_id", sa.Text(), nullable=True),
        sa.Column("reported_at", sa.BigInteger(), nullable=True),
        sa.Column("reported_sequence", sa.BigInteger(), nullable=True),
        sa.Column("readings", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("property_id", "asset_id"),
    )
    op.create_table(
        "table_days",
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("table_id", sa.Text(), nullable=False),
        sa.Column("gaming_day", sa.Date(), nullable=False),
        sa.Column("shuffles", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rounds", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("dealing_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("property_id", "table_id", "gaming_day"),
    )


def downgrade() -> None:
    """Undo it."""
    op.drop_table("table_days")
    op.drop_table("shufflers")
    op.drop_table("shuffler_hours")
    op.drop_table("shuffler_faults")
    op.drop_index(
        "shuffler_events_happenings",
        table_name="shuffler_events",
        postgresql_where=sa.text(
            "event_type IN ('fault.raised', 'fault.cleared', 'maintenance.performed')"
        ),
    )
    op.drop_table("shuffler_events")
    op.drop_table("shuffler_days")
    op.drop_table("fault_days")
