-- after: attempts
-- How long answers took, a model: milliseconds on the worker's own clock, completed attempts alone.
SELECT provider,
       model,
       count(*) AS attempts,
       quantile_cont(duration_ms, 0.50) AS p50_ms,
       quantile_cont(duration_ms, 0.90) AS p90_ms,
       quantile_cont(duration_ms, 0.95) AS p95_ms,
       quantile_cont(duration_ms, 0.99) AS p99_ms,
       max(duration_ms) AS max_ms
  FROM attempts
 WHERE status = 'completed'
 GROUP BY provider, model
