-- Sessions of players: how many began on each gaming day, and how long they were.
--
-- A session goes on until nothing was heard of its player for more than 30 minutes, by the sender's
-- clock. It is of the day it began on, and as long as from its first event to its last.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
WITH moments AS (
    SELECT DISTINCT application_id, player_id, gaming_day, occurred_at
    FROM application_events
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
        AND player_id IS NOT NULL
),
silences AS (
    SELECT
        application_id,
        player_id,
        gaming_day,
        occurred_at,
        occurred_at - lag(occurred_at) OVER (
            PARTITION BY application_id, player_id ORDER BY occurred_at
        ) AS silence
    FROM moments
),
numbered AS (
    SELECT
        application_id,
        player_id,
        gaming_day,
        occurred_at,
        sum(CASE WHEN silence <= 1800000 THEN 0 ELSE 1 END) OVER (
            PARTITION BY application_id, player_id ORDER BY occurred_at
        ) AS session_number
    FROM silences
),
played AS (
    SELECT
        application_id,
        player_id,
        min(gaming_day) AS gaming_day,
        max(occurred_at) - min(occurred_at) AS length
    FROM numbered
    GROUP BY application_id, player_id, session_number
)
SELECT
    gaming_day,
    application_id,
    count(*) AS sessions,
    count(DISTINCT player_id) AS players,
    CAST(sum(length) AS DECIMAL(18, 0)) * 0.001 AS played_seconds,
    CAST(max(length) AS DECIMAL(18, 0)) * 0.001 AS longest_seconds,
    round(CAST(sum(length) AS DOUBLE) / count(*) / 60000, 1) AS mean_minutes
FROM played
GROUP BY gaming_day, application_id
ORDER BY gaming_day, application_id
