-- ADT: each player's average daily theoretical win, over the gaming days with rated play.
--
-- Dollars, rounded down to the ten-thousandth of a cent, as everywhere (docs/house-rules.md). A day
-- with play of which nothing is rated is no part of the mean, and is counted beside it.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
WITH days AS (
    SELECT
        player_id,
        gaming_day,
        sum(theoretical_win) AS theoretical_win,
        max(CASE WHEN hold_basis_points IS NULL THEN 0 ELSE 1 END) AS is_rated
    FROM games
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
        AND player_id IS NOT NULL
    GROUP BY player_id, gaming_day
),
players AS (
    SELECT
        player_id,
        CAST(sum(is_rated) AS BIGINT) AS rated_days,
        CAST(sum(1 - is_rated) AS BIGINT) AS unrated_days,
        CAST(sum(theoretical_win) AS BIGINT) AS theoretical_win,
        max(gaming_day) AS last_day_played
    FROM days
    GROUP BY player_id
)
SELECT
    player_id,
    rated_days,
    unrated_days,
    CAST(theoretical_win AS DECIMAL(24, 0)) * 0.000001 AS theoretical_win,
    CAST(
        (theoretical_win - theoretical_win % nullif(rated_days, 0)) / nullif(rated_days, 0)
        AS DECIMAL(24, 0)
    ) * 0.000001 AS adt,
    last_day_played
FROM players
ORDER BY adt DESC NULLS LAST, player_id
