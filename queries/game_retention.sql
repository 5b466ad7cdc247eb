-- Retention of a game: of the players first seen on a day, how many were there 1, 7, 30 days later.
--
-- First seen is within the gaming days asked about. What is not known yet is null.
--
-- :property   The property. [P1]
-- :first_day  The first gaming day. [today-29]
-- :last_day   The last gaming day. [today]
WITH active AS (
    SELECT DISTINCT application_id, player_id, CAST(gaming_day AS DATE) AS active_on
    FROM application_events
    WHERE property_id = :property AND gaming_day BETWEEN :first_day AND :last_day
        AND player_id IS NOT NULL
),
ages AS (
    SELECT
        application_id,
        min(active_on) OVER (PARTITION BY application_id, player_id) AS first_on,
        date_diff(
            'day', min(active_on) OVER (PARTITION BY application_id, player_id), active_on
        ) AS age
    FROM active
)
SELECT
    CAST(first_on AS VARCHAR) AS first_seen,
    application_id,
    count(CASE WHEN age = 0 THEN 1 END) AS new_players,
    CASE
        WHEN first_on <= CAST(CAST(:last_day AS DATE) - INTERVAL '1' DAY AS DATE)
            THEN count(CASE WHEN age = 1 THEN 1 END)
    END AS day_1,
    CASE
        WHEN first_on <= CAST(CAST(:last_day AS DATE) - INTERVAL '1' DAY AS DATE)
            THEN round(
                100 * CAST(count(CASE WHEN age = 1 THEN 1 END) AS DOUBLE)
                / count(CASE WHEN age = 0 THEN 1 END), 1
            )
    END AS day_1_percent,
    CASE
        WHEN first_on <= CAST(CAST(:last_day AS DATE) - INTERVAL '7' DAY AS DATE)
            THEN count(CASE WHEN age = 7 THEN 1 END)
    END AS day_7,
    CASE
        WHEN first_on <= CAST(CAST(:last_day AS DATE) - INTERVAL '7' DAY AS DATE)
            THEN round(
                100 * CAST(count(CASE WHEN age = 7 THEN 1 END) AS DOUBLE)
                / count(CASE WHEN age = 0 THEN 1 END), 1
            )
    END AS day_7_percent,
    CASE
        WHEN first_on <= CAST(CAST(:last_day AS DATE) - INTERVAL '30' DAY AS DATE)
            THEN count(CASE WHEN age = 30 THEN 1 END)
    END AS day_30,
    CASE
        WHEN first_on <= CAST(CAST(:last_day AS DATE) - INTERVAL '30' DAY AS DATE)
            THEN round(
                100 * CAST(count(CASE WHEN age = 30 THEN 1 END) AS DOUBLE)
                / count(CASE WHEN age = 0 THEN 1 END), 1
            )
    END AS day_30_percent
FROM ages
GROUP BY first_on, application_id
ORDER BY first_on, application_id
