-- MAU by calendar month: of each game, the players with an event in it, exact.
--
-- A month that the days asked about cut short is counted as far as they go.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
SELECT
    substr(gaming_day, 1, 7) AS calendar_month,
    application_id,
    count(DISTINCT player_id) AS players,
    count(DISTINCT gaming_day) AS days_with_events
FROM application_events
WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
GROUP BY substr(gaming_day, 1, 7), application_id
ORDER BY calendar_month, application_id
