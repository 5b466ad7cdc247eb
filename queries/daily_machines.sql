-- Machines by gaming day: games, players, what was bet, paid and won, and the hold it came to.
--
-- Dollars; hold in percent.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
SELECT
    gaming_day,
    asset_id,
    count(CASE WHEN kind = 'game' THEN 1 END) AS games,
    count(DISTINCT player_id) AS players,
    CAST(sum(coin_in_cents) AS DECIMAL(18, 0)) * 0.01 AS coin_in,
    CAST(sum(coin_out_cents) AS DECIMAL(18, 0)) * 0.01 AS coin_out,
    CAST(sum(coin_in_cents - coin_out_cents) AS DECIMAL(18, 0)) * 0.01 AS actual_win,
    CAST(sum(theoretical_win) AS DECIMAL(24, 0)) * 0.000001 AS theoretical_win,
    round(
        100 * CAST(sum(coin_in_cents - coin_out_cents) AS DOUBLE) / nullif(sum(coin_in_cents), 0), 2
    ) AS actual_hold_percent
FROM games
WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
GROUP BY gaming_day, asset_id
ORDER BY gaming_day, asset_id
