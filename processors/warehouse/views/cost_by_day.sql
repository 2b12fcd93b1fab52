-- after: attempts
-- What was spent each day (UTC, by when the answer came) on each model.
SELECT ended_at::DATE AS day,
       provider,
       model,
       count(*) AS attempts,
       coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens,
       coalesce(sum(completion_tokens), 0)::BIGINT AS completion_tokens,
       coalesce(sum(cost_micro_usd), 0)::BIGINT AS cost_micro_usd
  FROM attempts
 WHERE status <> 'open'
 GROUP BY ALL
