-- Hold, actual against theoretical, by machine: the difference in dollars and in percentage points.
--
-- is_reported: at least 100,000 games and three points off, the variance to investigate. Theoretical
-- hold is that of the paytables in force, weighted by what was bet; games_without_hold were played
-- before one was known.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
WITH machines AS (
    SELECT
        asset_id,
        count(CASE WHEN kind = 'game' THEN 1 END) AS games,
        count(CASE WHEN kind = 'game' AND hold_basis_points IS NULL THEN 1 END)
            AS games_without_hold,
        CAST(sum(coin_in_cents) AS BIGINT) AS coin_in,
        CAST(sum(theoretical_win) AS BIGINT) AS theoretical_win,
        CAST(10000 * sum(coin_in_cents - coin_out_cents) AS BIGINT) AS actual_win
    FROM games
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
    GROUP BY asset_id
)
SELECT
    asset_id,
    games,
    games_without_hold,
    CAST(coin_in AS DECIMAL(18, 0)) * 0.01 AS coin_in,
    CAST(theoretical_win AS DECIMAL(24, 0)) * 0.000001 AS theoretical_win,
    CAST(actual_win AS DECIMAL(24, 0)) * 0.000001 AS actual_win,
    CAST(actual_win - theoretical_win AS DECIMAL(24, 0)) * 0.000001 AS difference,
    round(CAST(theoretical_win AS DOUBLE) / 100 / coin_in, 3) AS theoretical_hold_percent,
    round(CAST(actual_win AS DOUBLE) / 100 / coin_in, 3) AS actual_hold_percent,
    round(CAST(actual_win - theoretical_win AS DOUBLE) / 100 / coin_in, 3) AS points,
    games >= 100000 AND abs(actual_win - theoretical_win) >= 300 * coin_in AS is_reported
FROM machines
WHERE coin_in > 0
ORDER BY abs(actual_win - theoretical_win) DESC, asset_id
