-- Crashes by version of a game: how many, and the share of its players that had none.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
-- :crash      The event type of a crash. [client_crashed]
WITH players_of AS (
    SELECT
        application_id,
        app_version,
        player_id,
        count(CASE WHEN event_type = :crash THEN 1 END) AS crashes
    FROM application_events
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
    GROUP BY application_id, app_version, player_id
)
SELECT
    application_id,
    app_version,
    CAST(sum(crashes) AS BIGINT) AS crashes,
    count(CASE WHEN crashes > 0 THEN player_id END) AS players_with_crashes,
    count(player_id) AS players,
    CASE
        WHEN count(player_id) > 0 THEN round(
            100 * CAST(count(CASE WHEN crashes = 0 THEN player_id END) AS DOUBLE)
            / count(player_id), 1
        )
    END AS crash_free_percent
FROM players_of
GROUP BY application_id, app_version
ORDER BY application_id, crashes DESC, app_version
