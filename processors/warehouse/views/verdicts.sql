-- Every verdict on an answer, with what the validator found.
SELECT run,
       attempt,
       validator,
       passed,
       json_array_length(findings)::INTEGER AS findings_count,
       findings,
       durationMs AS duration_ms,
       "time"
  FROM verdict_reached
 WHERE accepted
