"""The tables of recommended maintenance: SQLAlchemy models, beside those of the shufflers."""

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from pitboss.stores.shuffler_models import Base, Id, Moment


class RecommendationRow(Base):
    """A recommendation as it is now; see `pitboss.shufflers.maintenance.Recommendation`."""

    __tablename__ = "recommendations"
    __table_args__ = (
        # One open recommendation of a device and part, whoever writes at once.
        Index(
            "recommendations_open",
            "property_id",
            "asset_id",
            "part",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        # What is closed is listed the newest first, and looked through for what was dismissed.
        Index("recommendations_closed", "property_id", "closed_at", "recommendation_id"),
    )

    recommendation_id: Mapped[Id] = mapped_column(primary_key=True)
    property_id: Mapped[Id]
    asset_id: Mapped[Id]
    part: Mapped[Id]
    status: Mapped[Id]
    urgency: Mapped[Id]
    told: Mapped[Id]
    """The greatest urgency that a notice was written of."""
    probability: Mapped[float | None]
    horizon_hours: Mapped[float]
    cost_of_waiting_cents: Mapped[int | None] = mapped_column(BigInteger)
    due_at: Mapped[Moment]
    reasons: Mapped[list[str]] = mapped_column(ARRAY(Text))
    model_version: Mapped[Id]
    opened_at: Mapped[Moment]
    updated_at: Mapped[Moment]
    closed_at: Mapped[int | None] = mapped_column(BigInteger)
    closed_by: Mapped[str | None] = mapped_column(Text)


class RecommendationEntryRow(Base):
    """A change of a recommendation. Rows are added, never changed: no role may."""

    __tablename__ = "recommendation_entries"
    __table_args__ = (
        # An answer counts once, by who gave it and its Idempotency-Key.
        Index(
            "recommendation_entries_requests",
            "property_id",
            "by",
            "request_key",
            unique=True,
            postgresql_where=text("request_key IS NOT NULL"),
        ),
    )

    recommendation_id: Mapped[str] = mapped_column(
        Text, ForeignKey("recommendations.recommendation_id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """From 1, without gaps."""
    property_id: Mapped[Id]
    at: Mapped[Moment]
    by: Mapped[Id]
    status: Mapped[Id]
    urgency: Mapped[Id]
    note: Mapped[Id]
    request_key: Mapped[str | None] = mapped_column(Text)
    request_digest: Mapped[str | None] = mapped_column(Text)


class RecommendationNoticeRow(Base):
    """A message to send, written with the change that it tells; one for each urgency at most."""

    __tablename__ = "recommendation_notices"
    __table_args__ = (
        Index("recommendation_notices_unsent", "at", postgresql_where=text("sent_at IS NULL")),
    )

    recommendation_id: Mapped[str] = mapped_column(
        Text, ForeignKey("recommendations.recommendation_id"), primary_key=True
    )
    urgency: Mapped[Id] = mapped_column(primary_key=True)
    at: Mapped[Moment]
    sent_at: Mapped[int | None] = mapped_column(BigInteger)
