"""The refined table of games' events, as heat maps and reports read it."""

from pitboss.lake.tables import Column, Table

APPLICATION_EVENTS = Table(
    "application_events",
    (),
    tuple(
        Column(*one.split())
        for one in (
            "event_id VARCHAR", "application_id VARCHAR", "event_type VARCHAR",
            "event_version VARCHAR", "occurred_at BIGINT", "occurred TIMESTAMP",
            "received_at BIGINT", "app_version VARCHAR", "player_id VARCHAR", "level_id VARCHAR",
            "x DOUBLE", "y DOUBLE", "data VARCHAR", "is_trusted BOOLEAN", "sender VARCHAR",
            "record VARCHAR", "index BIGINT",
        )
    ),
)  # fmt: skip
