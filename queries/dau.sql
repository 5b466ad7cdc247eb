-- DAU: of each game, the players with an event on each gaming day, exact.
--
-- A player counts once a day, whatever was sent and how often; events of nobody count nobody.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
SELECT
    gaming_day,
    application_id,
    count(DISTINCT player_id) AS players,
    count(*) AS events
FROM application_events
WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
GROUP BY gaming_day, application_id
ORDER BY gaming_day, application_id
