-- Games per hour by title: how fast each is played, and what an hour of it takes in.
--
-- An hour is four quarters of an hour of the clock in which a machine started a game. A title is the
-- game's id, else the paytable's, as the machine reported it. Dollars.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
WITH quarters AS (
    SELECT
        coalesce(game_id, paytable_id, 'not known') AS title,
        asset_id,
        coalesce(started_at, ended_at) - coalesce(started_at, ended_at) % 900000 AS quarter_hour,
        count(*) AS games,
        sum(coin_in_cents) AS coin_in
    FROM games
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
        AND kind = 'game'
    GROUP BY 1, 2, 3
)
SELECT
    title,
    count(DISTINCT asset_id) AS machines,
    CAST(sum(games) AS BIGINT) AS games,
    CAST(count(*) AS DECIMAL(18, 0)) * 0.25 AS hours,
    round(4 * CAST(sum(games) AS DOUBLE) / count(*), 1) AS games_per_hour,
    CAST(sum(coin_in) AS DECIMAL(18, 0)) * 0.01 AS coin_in
FROM quarters
GROUP BY title
ORDER BY games_per_hour DESC, title
