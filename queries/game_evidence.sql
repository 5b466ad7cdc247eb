-- Evidence that every event of a game is in the lake once: what was archived, and what is there.
--
-- archived = unique_events + duplicates + conflicts, and the table holds each unique event once: an
-- event is known by its application and its id, and one that a client said by the client too.
-- is_right says that all of it agrees.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
WITH found AS (
    SELECT
        gaming_day,
        count(*) AS events_in_table,
        count(
            DISTINCT application_id || ' ' || event_id
            || CASE WHEN is_trusted THEN '' ELSE ' ' || coalesce(player_id, '') END
        ) AS identities
    FROM application_events
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
    GROUP BY gaming_day
),
made_of AS (
    SELECT
        CAST(gaming_day AS VARCHAR) AS gaming_day,
        events.archived AS archived,
        events."unique" AS unique_events,
        events.duplicate AS duplicates,
        events.conflicting AS conflicts
    FROM game_manifests
    WHERE property_id = :property
)
SELECT
    m.gaming_day,
    m.archived,
    m.unique_events,
    m.duplicates,
    m.conflicts,
    coalesce(f.events_in_table, 0) AS events_in_table,
    coalesce(f.identities, 0) AS identities,
    m.archived = m.unique_events + m.duplicates + m.conflicts
        AND m.unique_events = coalesce(f.events_in_table, 0)
        AND m.unique_events = coalesce(f.identities, 0) AS is_right
FROM made_of m
LEFT JOIN found f ON f.gaming_day = m.gaming_day
WHERE m.gaming_day BETWEEN :first_day AND :last_day
ORDER BY m.gaming_day
