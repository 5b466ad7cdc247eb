-- Retention: of the players first seen in a week, how many came back in each week after it.
--
-- Weeks begin on Monday. First seen is within the gaming days asked about.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
WITH weeks AS (
    SELECT DISTINCT
        player_id,
        CAST(date_trunc('week', CAST(gaming_day AS DATE)) AS DATE) AS played_in
    FROM games
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
        AND player_id IS NOT NULL
),
firsts AS (
    SELECT player_id, min(played_in) AS first_week
    FROM weeks
    GROUP BY player_id
),
sizes AS (
    SELECT first_week, count(*) AS new_players
    FROM firsts
    GROUP BY first_week
)
SELECT
    f.first_week,
    CAST(date_diff('day', f.first_week, w.played_in) / 7 AS BIGINT) AS weeks_later,
    s.new_players,
    count(*) AS came_back,
    round(100 * CAST(count(*) AS DOUBLE) / s.new_players, 1) AS percent_of_new
FROM weeks w
JOIN firsts f ON f.player_id = w.player_id
JOIN sizes s ON s.first_week = f.first_week
GROUP BY f.first_week, w.played_in, s.new_players
ORDER BY f.first_week, w.played_in
