-- MAU: of each game and day, the players with an event in the 30 gaming days that end with it.
--
-- Exact. Days without an event have no row. What was before the first day is not seen: `days` says
-- how many of the 30 are in it, so begin 29 days before the first one that is wanted.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
WITH active AS (
    SELECT DISTINCT application_id, player_id, CAST(gaming_day AS DATE) AS active_on
    FROM application_events
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
        AND player_id IS NOT NULL
),
-- A player counts from each day with an event until the next, or until 30 days are over.
counted AS (
    SELECT
        application_id,
        active_on,
        CAST(active_on + INTERVAL '30' DAY AS DATE) AS over_on,
        lead(active_on) OVER (PARTITION BY application_id, player_id ORDER BY active_on) AS next_on
    FROM active
),
changes AS (
    SELECT application_id, active_on AS changed_on, 1 AS change
    FROM counted
    UNION ALL
    SELECT application_id, least(over_on, coalesce(next_on, over_on)) AS changed_on, -1 AS change
    FROM counted
),
sums AS (
    SELECT application_id, changed_on, sum(change) AS change
    FROM changes
    GROUP BY application_id, changed_on
),
running AS (
    SELECT
        application_id,
        changed_on,
        sum(change) OVER (PARTITION BY application_id ORDER BY changed_on) AS players
    FROM sums
)
SELECT
    CAST(r.changed_on AS VARCHAR) AS gaming_day,
    r.application_id,
    CAST(r.players AS BIGINT) AS players,
    CAST(least(30, date_diff('day', CAST(:first_day AS DATE), r.changed_on) + 1) AS BIGINT) AS days
FROM running r
JOIN (SELECT DISTINCT application_id, active_on FROM active) a
    ON a.application_id = r.application_id AND a.active_on = r.changed_on
ORDER BY r.changed_on, r.application_id
