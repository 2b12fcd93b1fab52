-- Every accepted verdict.
SELECT run, attempt, validator, passed, findings, durationMs AS duration_ms, "time"
FROM verdict_reached
WHERE accepted
