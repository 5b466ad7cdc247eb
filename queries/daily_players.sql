-- Players by gaming day: how many there were, and their share of what was bet and won.
--
-- Carded play is play with a player's card; dollars, theoretical win to the ten-thousandth of a cent.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
SELECT
    gaming_day,
    count(DISTINCT player_id) AS players,
    count(CASE WHEN kind = 'game' AND player_id IS NOT NULL THEN 1 END) AS carded_games,
    count(CASE WHEN kind = 'game' AND player_id IS NULL THEN 1 END) AS uncarded_games,
    CAST(sum(CASE WHEN player_id IS NULL THEN 0 ELSE coin_in_cents END) AS DECIMAL(18, 0))
        * 0.01 AS carded_coin_in,
    CAST(sum(CASE WHEN player_id IS NULL THEN coin_in_cents ELSE 0 END) AS DECIMAL(18, 0))
        * 0.01 AS uncarded_coin_in,
    CAST(sum(CASE WHEN player_id IS NULL THEN 0 ELSE theoretical_win END) AS DECIMAL(24, 0))
        * 0.000001 AS carded_theoretical_win,
    CAST(
        sum(CASE WHEN player_id IS NULL THEN 0 ELSE coin_in_cents - coin_out_cents END)
        AS DECIMAL(18, 0)
    ) * 0.01 AS carded_actual_win
FROM games
WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
GROUP BY gaming_day
ORDER BY gaming_day
