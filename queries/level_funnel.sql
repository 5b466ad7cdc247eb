-- Level funnel: of each level, how many players began it and how many of these finished it.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
-- :started    The event type of a level's start. [level_started]
-- :finished   The event type of its end. [level_finished]
WITH players_of AS (
    SELECT
        application_id,
        level_id,
        player_id,
        count(CASE WHEN event_type = :started THEN 1 END) AS starts,
        count(CASE WHEN event_type = :finished THEN 1 END) AS finishes
    FROM application_events
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
        AND level_id IS NOT NULL AND player_id IS NOT NULL
    GROUP BY application_id, level_id, player_id
)
SELECT
    application_id,
    level_id,
    count(CASE WHEN starts > 0 THEN 1 END) AS players_started,
    count(CASE WHEN starts > 0 AND finishes > 0 THEN 1 END) AS players_finished,
    CAST(sum(starts) AS BIGINT) AS starts,
    CAST(sum(finishes) AS BIGINT) AS finishes,
    round(
        100 * CAST(count(CASE WHEN starts > 0 AND finishes > 0 THEN 1 END) AS DOUBLE)
        / count(CASE WHEN starts > 0 THEN 1 END), 1
    ) AS finished_percent
FROM players_of
GROUP BY application_id, level_id
HAVING sum(starts) > 0
ORDER BY application_id, players_started DESC, level_id
