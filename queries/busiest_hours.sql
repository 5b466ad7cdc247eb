-- The busiest hours of the day, by the property's clock: games, players and machines in play.
--
-- A game is of the hour in which it started. Dollars.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
-- :time_zone  The property's time zone. [America/Los_Angeles]
WITH played AS (
    SELECT
        EXTRACT(
            HOUR FROM (
                CAST('1970-01-01 00:00:00 UTC' AS TIMESTAMP WITH TIME ZONE)
                + INTERVAL '15' MINUTE * CAST(
                    (coalesce(started_at, ended_at) - coalesce(started_at, ended_at) % 900000)
                    / 900000 AS BIGINT
                )
            ) AT TIME ZONE :time_zone
        ) AS hour_of_day,
        gaming_day,
        player_id,
        asset_id,
        coin_in_cents,
        theoretical_win
    FROM games
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
        AND kind = 'game'
)
SELECT
    hour_of_day,
    count(*) AS games,
    count(DISTINCT player_id) AS players,
    count(DISTINCT asset_id) AS machines,
    count(DISTINCT gaming_day) AS days,
    CAST(sum(coin_in_cents) AS DECIMAL(18, 0)) * 0.01 AS coin_in,
    CAST(sum(theoretical_win) AS DECIMAL(24, 0)) * 0.000001 AS theoretical_win
FROM played
GROUP BY hour_of_day
ORDER BY games DESC, hour_of_day
