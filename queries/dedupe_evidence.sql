-- Evidence that every event is in the lake once: what was archived, and what the tables hold.
--
-- archived = unique_events + duplicates + conflicts, and the tables hold each unique event once: an
-- event is known by its machine, five minutes of device time and its id. is_right says that all of
-- it agrees.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
WITH events_found AS (
    SELECT gaming_day, asset_id, occurred_at, event_id
    FROM game_events
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT gaming_day, asset_id, occurred_at, event_id
    FROM paytable_events
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT gaming_day, asset_id, occurred_at, event_id
    FROM card_events
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT gaming_day, asset_id, occurred_at, event_id
    FROM cash_events
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT gaming_day, asset_id, occurred_at, event_id
    FROM meter_events
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT gaming_day, asset_id, occurred_at, event_id
    FROM machine_events
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT gaming_day, asset_id, occurred_at, event_id
    FROM unrecognised_events
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
),
identities AS (
    SELECT gaming_day, asset_id, occurred_at - occurred_at % 300000 AS page, event_id,
        count(*) AS copies
    FROM events_found
    GROUP BY 1, 2, 3, 4
),
found AS (
    SELECT gaming_day, CAST(sum(copies) AS BIGINT) AS events_in_tables, count(*) AS identities
    FROM identities
    GROUP BY gaming_day
),
made_of AS (
    SELECT
        CAST(gaming_day AS VARCHAR) AS gaming_day,
        events.archived AS archived,
        events."unique" AS unique_events,
        events.duplicate AS duplicates,
        events.conflicting AS conflicts
    FROM manifests
    WHERE property_id = :property
)
SELECT
    m.gaming_day,
    m.archived,
    m.unique_events,
    m.duplicates,
    m.conflicts,
    coalesce(f.events_in_tables, 0) AS events_in_tables,
    coalesce(f.identities, 0) AS identities,
    m.archived = m.unique_events + m.duplicates + m.conflicts
        AND m.unique_events = coalesce(f.events_in_tables, 0)
        AND m.unique_events = coalesce(f.identities, 0) AS is_right
FROM made_of m
LEFT JOIN found f ON f.gaming_day = m.gaming_day
WHERE m.gaming_day BETWEEN :first_day AND :last_day
ORDER BY m.gaming_day
