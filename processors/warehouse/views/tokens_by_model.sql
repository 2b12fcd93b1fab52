-- after: attempts
-- What each model was asked for and what it took, over all time.
SELECT provider,
       model,
       count(*) AS attempts,
       count(*) FILTER (status = 'completed') AS completed,
       count(*) FILTER (status = 'failed') AS failed,
       count(*) FILTER (passed) AS passed,
       coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens,
       coalesce(sum(completion_tokens), 0)::BIGINT AS completion_tokens,
       count(*) FILTER (usage_estimated) AS estimated,
       coalesce(sum(cost_micro_usd), 0)::BIGINT AS cost_micro_usd
  FROM attempts
 GROUP BY provider, model
